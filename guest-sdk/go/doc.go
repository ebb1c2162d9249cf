// Package dag is what the author of an operator in Go uses.
//
// An operator is a type with a few methods, and one call that exports it. This is a whole one, an aggregate; the host gives it every window and by=:
//
//	package main
//
//	import (
//		"math"
//
//		"dag.local/dag"
//	)
//
//	// Rms is what each window of each key holds.
//	type Rms struct {
//		Squares float64
//		Count   int64
//	}
//
//	func (r *Rms) Update(value float64, at dag.Time) error {
//		r.Squares += value * value
//		r.Count++
//		return nil
//	}
//
//	func (r *Rms) Combine(later *Rms) error {
//		r.Squares += later.Squares
//		r.Count += later.Count
//		return nil
//	}
//
//	func (r *Rms) Result() (float64, bool) {
//		return math.Sqrt(r.Squares / float64(r.Count)), r.Count > 0
//	}
//
//	func init() {
//		dag.Component("electric", "1.0.0")
//		dag.ExportFold[*Rms](dag.About{Name: "rms", Doc: "The root mean square.", Example: "rms(voltage, 1s)"})
//	}
//
//	func main() {}
//
// `dag build` makes the component, `dag test` checks it, and package dagtest runs operators in `go test`, natively.
//
// # What an operator may do
//
// It computes: it has no clock, no true randomness, no files and no network. Its output is a function of its input's records and their order alone,
// never of how they were cut into batches or of how often it was called. So it does not emit in the order of a map, which differs from run to run:
// [Map] and [Keyed] have an order of their own. time.Now is a counter that says nothing about time; [Rand] is a generator that
// is the same in every run and goes on from snapshots, which that of math/rand does not.
//
// What it cannot do it answers with an error, whose text is for the person who wrote the expression. A panic is answered as an error, too, with the line
// that it came from. What is printed goes to the node's log.
//
// Goroutines, timers and garbage collection work, but only while a call of the host is under way.
//
// # Reading order
//
// [ExportFold] and [Fold]; [ExportTransform], [Inputs] and [Output]; [Keyed]; what arguments are read into ([Arguments]); [Column]; dagtest.
package dag
