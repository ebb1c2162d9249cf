// faults are operators that break their contract, each in one way: `dag test` has to find every one. Each emits a number for each record, or at the end.
package main

import (
	"encoding/binary"
	"time"

	"dag.local/dag"
)

type none struct{}

var schema = dag.Schema{{Name: "count", Type: dag.Int64}}

func export(name, doc string, begin func() dag.Transform) {
	dag.ExportTransform(dag.About{Name: name, Doc: doc, Example: name + "(x)"}, func(none, []dag.Input) (*dag.Opened, error) {
		return &dag.Opened{Transform: begin(), Schema: schema, Order: dag.TimeOrder, Lookback: dag.Unbounded}, nil
	})
}

// each emits a number for each record.
type each func() int64

func (e each) Process(in *dag.Inputs, out *dag.Output) error {
	for _, at := range in.First().Times() {
		out.Emit(at, e())
	}
	return nil
}

type batch struct{}

func (batch) Process(in *dag.Inputs, out *dag.Output) error {
	for row, at := range in.First().Times() {
		out.Emit(at, row)
	}
	return nil
}

type unordered struct{ times map[int64]int64 }

func (u *unordered) Process(in *dag.Inputs, out *dag.Output) error {
	for _, at := range in.First().Times() {
		u.times[int64(at)]++
	}
	return nil
}

func (u *unordered) Advance(frontier dag.Time, ended bool, out *dag.Output) error {
	for at := range u.times {
		if ended {
			out.Emit(dag.MaxTime, at)
		}
	}
	return nil
}

func (u *unordered) Snapshot() ([][]byte, error) {
	var saved []byte
	for at := range u.times {
		saved = binary.LittleEndian.AppendUint64(saved, uint64(at))
	}
	return [][]byte{saved}, nil
}

func (u *unordered) Restore(version uint32, chunks [][]byte) error {
	for saved := chunks[0]; len(saved) > 0; saved = saved[8:] {
		u.times[int64(binary.LittleEndian.Uint64(saved))]++
	}
	return nil
}

type hold struct{}

func (hold) Process(in *dag.Inputs, out *dag.Output) error {
	if times := in.First().Times(); len(times) > 0 {
		out.Hold(times[0].Add(-time.Hour))
	}
	return nil
}

var count int64

func init() {
	dag.Component("faults-go", "1.0.0")
	export("fault_batch", "Its output depends on where batches end.", func() dag.Transform { return batch{} })
	export("fault_state", "Its snapshot lacks what it remembers.", func() dag.Transform {
		count := int64(0)
		return each(func() int64 { count++; return count })
	})
	export("fault_map", "It emits in the order of a map.", func() dag.Transform { return &unordered{map[int64]int64{}} })
	export("fault_hold", "Its hold goes back.", func() dag.Transform { return hold{} })
	export("fault_clock", "It reads a clock.", func() dag.Transform {
		return each(func() int64 { return time.Now().UnixNano() })
	})
	export("fault_global", "It remembers in a global.", func() dag.Transform {
		return each(func() int64 { count++; return count })
	})
}

func main() {}
