package main

import (
	"errors"
	"math"

	"dag.local/dag"
)

// Avg is the mean, as the embedded avg has it.
type Avg struct {
	Sum   float64
	Count int64
	// Scaled says whether the sum stands for 2^64 times as much, because it would have overflowed.
	Scaled bool
}

// A sum of all numbers that can be counted does not overflow when each is this much smaller.
const scale = 1 << 64

// Update takes the next value.
func (a *Avg) Update(value float64, at dag.Time) error {
	a.add(value, false)
	a.Count++
	return nil
}

// Combine takes what was held elsewhere of the values that come later.
func (a *Avg) Combine(later *Avg) error {
	a.add(later.Sum, later.Scaled)
	a.Count += later.Count
	return nil
}

// Result is the mean so far.
func (a *Avg) Result() (float64, bool) {
	if a.Count == 0 {
		return 0, false
	}
	mean := a.Sum / float64(a.Count)
	if a.Scaled && isFinite(mean) {
		// Rounding may leave it above the greatest of the values, but not above all numbers.
		mean = max(min(mean*scale, math.MaxFloat64), -math.MaxFloat64)
	}
	return mean, true
}

// LoadEarlier reads version 1, which had no scale.
func (a *Avg) LoadEarlier(columns []dag.Column, row int) error {
	if len(columns) != 2 || columns[0].Type() != dag.Float64 || columns[1].Type() != dag.Int64 {
		return errors.New("saved state has neither a sum and a count nor these and whether the sum is scaled")
	}
	a.Sum, a.Count = columns[0].Float64s()[row], columns[1].Int64s()[row]
	return nil
}

func (a *Avg) add(sum float64, scaled bool) {
	total := a.Sum + sum
	if !a.Scaled && !scaled && (isFinite(total) || !isFinite(a.Sum) || !isFinite(sum)) {
		a.Sum = total
		return
	}
	if !a.Scaled {
		a.Sum /= scale
	}
	if !scaled {
		sum /= scale
	}
	a.Sum += sum
	a.Scaled = true
}

func isFinite(number float64) bool {
	return math.Abs(number) <= math.MaxFloat64
}

func init() {
	dag.ExportFold[*Avg](dag.About{
		Name:         "avg_go",
		Doc:          "The mean of the values.",
		Example:      "avg_go(cpu_util, 5min, by=host)",
		StateWritten: 2,
		StateRead:    []uint32{1, 2},
	})
}
