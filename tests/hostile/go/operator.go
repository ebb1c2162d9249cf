// hostile has operators that pass records on, or count them, until one has the value 13: then each misbehaves in its way. It is built with a copy of the SDK in which a
// frame can be spoilt on its way out, since the SDK itself keeps its users from most of this.
package main

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"

	"dag.local/dag"
)

type none struct{}

// transforms are what its transforms are called.
var transforms = []string{
	"traps", "panics", "refuses", "deadlocks", "loops", "loops_in_advance", "hoards", "recurses", "returns_too_much", "chatters", "garbage", "bad_version", "bad_length",
	"bad_offset", "bad_text", "bad_time", "other_type", "other_columns", "disorders", "goes_back", "hold_goes_back", "more_for_ever", "opens_never", "opens_refused",
	"opens_twice_a_column", "snapshots_never", "snapshots_too_much",
}

var ordered = []string{"disorders", "goes_back", "hold_goes_back", "loops_in_advance", "more_for_ever"}

func open(way string, inputs []dag.Input) (*dag.Opened, error) {
	opened := &dag.Opened{Transform: &transform{way: way}, Schema: inputs[0].Schema, Order: dag.LogOrder, Lookback: dag.NoLookback}
	switch way {
	case "opens_never":
		loops()
	case "opens_refused":
		return nil, errors.New("not on a Friday")
	case "opens_twice_a_column":
		opened.Schema = dag.Schema{inputs[0].Schema[0], inputs[0].Schema[0]}
	case "bad_text":
		opened.Schema = dag.Schema{{Name: "text", Type: dag.Utf8}}
	case "snapshots_never", "snapshots_too_much":
		opened.Transform = &unsavable{transform{way: way}}
	}
	if slices.Contains(ordered, way) {
		opened.Order = dag.TimeOrder
	}
	return opened, nil
}

type transform struct {
	way string
	// Whether the 13 has come, and whether the hold goes back next time.
	struck, back bool
}

func (t *transform) Process(in *dag.Inputs, out *dag.Output) error {
	times, column := in.First().Times(), in.First().Column(0)
	if t.way == "hold_goes_back" && t.struck {
		return nil
	}
	values := column.Float64s()
	struck := slices.Contains(values, 13)
	t.struck = t.struck || struck
	for row, at := range times {
		switch {
		case t.way == "hold_goes_back" && values[row] >= 13:
		case t.way == "bad_text":
			out.Emit(at, "fine")
		default:
			out.Emit(at, values[row])
		}
	}
	if struck {
		return t.strike(times, values)
	}
	return nil
}

func (t *transform) strike(times []dag.Time, values []float64) error {
	switch t.way {
	case "traps":
		os.Exit(3)
	case "panics":
		panic("thirteen guests at the table")
	case "refuses":
		return errors.New("thirteen is one too many")
	case "deadlocks":
		<-make(chan int)
	case "loops":
		loops()
	case "hoards":
		hoards()
	case "recurses":
		recurses(1)
	case "chatters":
		for {
			dag.Log(dag.Info, "and another thing")
		}
	case "returns_too_much":
		spoil(func([]byte) []byte { return make([]byte, 2<<20) })
	case "garbage":
		spoil(func([]byte) []byte { return []byte("this is no frame") })
	case "bad_version":
		spoil(func(frame []byte) []byte { return put(frame, 0, 2) })
	case "bad_length":
		spoil(func(frame []byte) []byte { return put(frame, 12, 8) })
	case "bad_offset":
		// The values of the first column, time.
		spoil(func(frame []byte) []byte { return put(frame, 16+12, 1<<30) })
	case "bad_text":
		spoil(func(frame []byte) []byte {
			frame[binary.LittleEndian.Uint32(frame[16+32+20:])] = 0xff
			return frame
		})
	case "bad_time":
		spoil(func([]byte) []byte { return frame(nulls(len(times)), floats(values)) })
	case "other_type":
		spoil(func([]byte) []byte { return frame(moments(times...), moments(times...)) })
	case "other_columns":
		spoil(func([]byte) []byte { return frame(moments(times...), floats(values), floats(values)) })
	case "disorders":
		spoil(func([]byte) []byte { return frame(moments(times[0]+1, times[0]), floats([]float64{0, 0})) })
	case "goes_back":
		back := slices.Clone(times)
		for row, value := range values {
			if value == 13 {
				back[row] = 0
			}
		}
		spoil(func([]byte) []byte { return frame(moments(back...), floats(values)) })
	}
	return nil
}

func (t *transform) Advance(frontier dag.Time, ended bool, out *dag.Output) error {
	switch {
	case t.way == "loops_in_advance" && t.struck:
		loops()
	case t.way == "more_for_ever" && t.struck:
		out.More()
	case t.way == "hold_goes_back" && t.struck && t.back:
		t.back = false
		out.Hold(0)
	case t.way == "hold_goes_back" && !ended:
		// One nanosecond behind, to have a hold to go back from.
		t.back = t.struck
		out.Hold(frontier - 1)
	}
	return nil
}

// unsavable passes records on, and cannot be saved.
type unsavable struct{ transform }

func (u *unsavable) Snapshot() ([][]byte, error) {
	if u.way == "snapshots_never" {
		loops()
	}
	return [][]byte{make([]byte, 2<<20)}, nil
}

func (u *unsavable) Restore(version uint32, chunks [][]byte) error { return nil }

// aggregates are what its aggregates are called.
var aggregates = []string{
	"fold_traps", "fold_panics", "fold_loops", "fold_hoards", "finish_loops", "finish_too_few", "finish_other_type", "binds_never", "binds_to_nothing",
}

func bind(way string) (*dag.Bound, error) {
	bound := &dag.Bound{Result: dag.Int64, Columns: []int{0}, Lookback: dag.NoLookback, Accumulator: &counts{way: way, counts: map[int64]int64{}}}
	switch way {
	case "binds_never":
		loops()
	case "binds_to_nothing":
		bound.Columns = []int{99}
	}
	return bound, nil
}

type counts struct {
	way    string
	struck bool
	counts map[int64]int64
}

func (c *counts) Update(slots []int64, times []dag.Time, columns []dag.Column) error {
	for _, slot := range slots {
		c.counts[slot]++
	}
	if !slices.Contains(columns[0].Float64s(), 13) {
		return nil
	}
	c.struck = true
	switch c.way {
	case "fold_traps":
		os.Exit(3)
	case "fold_panics":
		panic("thirteen guests at the table")
	case "fold_loops":
		loops()
	case "fold_hoards":
		hoards()
	}
	return nil
}

func (c *counts) Scan(slots []int64, times []dag.Time, columns []dag.Column, results *dag.Builder) error {
	return errors.New("it is for windows only")
}

func (c *counts) Combine(into, from []int64) error {
	for row := range into {
		c.counts[into[row]] += c.counts[from[row]]
	}
	return nil
}

func (c *counts) State(slots []int64) ([]*dag.Builder, error) {
	state := dag.NewBuilder(dag.Int64)
	for _, slot := range slots {
		state.AppendInt64(c.counts[slot])
	}
	return []*dag.Builder{state}, nil
}

func (c *counts) Merge(slots []int64, columns []dag.Column) error {
	for row, count := range columns[0].Int64s() {
		c.counts[slots[row]] += count
	}
	return nil
}

func (c *counts) Finish(slots []int64, results *dag.Builder) error {
	for _, slot := range slots {
		results.AppendInt64(c.counts[slot])
	}
	if !c.struck {
		return nil
	}
	switch c.way {
	case "finish_loops":
		loops()
	case "finish_too_few":
		spoil(func([]byte) []byte { return frame(dag.NewBuilder(dag.Int64)) })
	case "finish_other_type":
		spoil(func([]byte) []byte { return frame(floats(make([]float64, len(slots)))) })
	}
	return nil
}

func (c *counts) Clear(slots []int64) {
	for _, slot := range slots {
		delete(c.counts, slot)
	}
}

// spoil has the next frame replaced on its way out.
func spoil(how func([]byte) []byte) {
	dag.Spoil = func(frame []byte) []byte {
		dag.Spoil = func(frame []byte) []byte { return frame }
		return how(frame)
	}
}

func frame(columns ...*dag.Builder) []byte { return dag.EncodeFrame(columns[0].Len(), columns) }

func moments(times ...dag.Time) *dag.Builder {
	column := dag.NewBuilder(dag.Timestamp)
	for _, at := range times {
		column.AppendTime(at)
	}
	return column
}

func floats(values []float64) *dag.Builder {
	column := dag.NewBuilder(dag.Float64)
	for _, value := range values {
		column.AppendFloat64(value)
	}
	return column
}

func nulls(rows int) *dag.Builder {
	column := dag.NewBuilder(dag.Timestamp)
	for range rows {
		column.AppendNull()
	}
	return column
}

func put(frame []byte, at int, value uint32) []byte {
	binary.LittleEndian.PutUint32(frame[at:], value)
	return frame
}

func loops() {
	for {
	}
}

var hoard [][]byte

func hoards() {
	for {
		block := make([]byte, 1<<20)
		block[len(block)-1] = 1
		hoard = append(hoard, block)
	}
}

func recurses(depth int) int {
	return recurses(depth+1) + depth
}

func init() {
	dag.Component("hostile-go", "1.0.0")
	for _, way := range transforms {
		about := dag.About{Name: way, Doc: "Misbehaves.", Example: way + "(x)"}
		dag.ExportTransform(about, func(_ none, inputs []dag.Input) (*dag.Opened, error) { return open(way, inputs) })
	}
	for _, way := range aggregates {
		about := dag.About{Name: way, Doc: "Misbehaves.", Example: way + "(x, 5s)"}
		dag.ExportAggregate(about, func(none, dag.Schema) (*dag.Bound, error) { return bind(way) })
	}
}

func main() {}
