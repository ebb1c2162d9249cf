// {{operator}}: the root mean square. Change it into what you need.
package main

import (
	"math"

	"dag.local/dag"
)

// {{Operator}} is what each window of each key holds. Its exported fields are kept over a crash.
type {{Operator}} struct {
	Squares float64
	Count   int64
}

// Update takes the next value.
func (r *{{Operator}}) Update(value float64, at dag.Time) error {
	r.Squares += value * value
	r.Count++
	return nil
}

// Combine takes what was held elsewhere of the values that come later.
func (r *{{Operator}}) Combine(later *{{Operator}}) error {
	r.Squares += later.Squares
	r.Count += later.Count
	return nil
}

// Result is the result so far.
func (r *{{Operator}}) Result() (float64, bool) {
	return math.Sqrt(r.Squares / float64(r.Count)), r.Count > 0
}

func init() {
	dag.Component("{{project}}", "1.0.0")
	dag.ExportFold[*{{Operator}}](dag.About{
		Name:    "{{operator}}",
		Doc:     "The root mean square.",
		Example: "{{operator}}(voltage, 10s, by=host)",
	})
}

func main() {}
