package dagtest

import (
	"bytes"
	"fmt"
	"sort"
	"testing"
	"time"

	"dag.local/dag"
)

// Transform is what an exported transform makes of these inputs, each sealed. They are called a, b, c, ... in expressions. The error is what the operator
// refuses.
func Transform(operator string, arguments Arguments, inputs ...*Records) (*Records, error) {
	run, err := openTransform(operator, arguments, inputs)
	if err != nil {
		return nil, err
	}
	if err := run.process(run.merged()); err != nil {
		return nil, err
	}
	if err := run.advance(0, true); err != nil {
		return nil, err
	}
	return run.output, nil
}

// WantTransform fails the test where a transform does not make that of one input.
func WantTransform(t testing.TB, operator string, arguments Arguments, input, want *Records) {
	t.Helper()
	got, err := Transform(operator, arguments, input)
	guarded(t, operator, err)
	if got.String() != want.String() {
		t.Errorf("%s gives\n%s\nwanted was\n%s", operator, got, want)
	}
}

// CheckTransform fails the test where a transform does not keep the contract: other batches, additional calls of Advance, and going on from a snapshot all give
// the same output; and no record comes earlier than what was promised not to.
func CheckTransform(t testing.TB, operator string, arguments Arguments, inputs ...*Records) {
	t.Helper()
	expected, err := Transform(operator, arguments, inputs...)
	guarded(t, operator, err)
	for way := range ways {
		got, err := transformOneWay(operator, arguments, inputs, chance(way))
		if err != nil {
			t.Fatalf("%s, way %d: %v", operator, way, err)
		}
		if got.String() != expected.String() {
			t.Fatalf("%s in other batches, way %d, gives\n%s\nand else\n%s", operator, way, got, expected)
		}
	}
}

// transformOneWay is one random way to cut the input, advance and restore.
func transformOneWay(operator string, arguments Arguments, inputs []*Records, chance chance) (*Records, error) {
	run, err := openTransform(operator, arguments, inputs)
	if err != nil {
		return nil, err
	}
	merged := run.merged()
	for _, cut := range chance.cuts(len(merged)) {
		if err := run.process(merged[cut[0]:cut[1]]); err != nil {
			return nil, err
		}
		if chance.onceIn(2) {
			following := run.frontier
			for index, record := range merged[cut[1]:] {
				if at := inputs[record.input].times[record.row]; index == 0 || at < following {
					following = at
				}
			}
			// It never goes back.
			if err := run.advance(max(following.Add(-time.Duration(chance.below(3))), run.frontier), false); err != nil {
				return nil, err
			}
		}
		if chance.onceIn(3) {
			if err := run.restore(operator, arguments); err != nil {
				return nil, err
			}
		}
	}
	if err := run.advance(0, true); err != nil {
		return nil, err
	}
	return run.output, nil
}

// record is one of the merge.
type record struct{ input, row int }

// transformRun is a transform at work on some inputs.
type transformRun struct {
	inputs   []*Records
	instance *dag.TransformInstance
	output   *Records
	frontier dag.Time
	// Before this nothing more may be emitted, if the output is in time order.
	promised dag.Time
}

func openTransform(operator string, arguments Arguments, inputs []*Records) (*transformRun, error) {
	dag.RestartRandom()
	instance, err := open(operator, arguments, inputs)
	if err != nil {
		return nil, err
	}
	output := &Records{schema: instance.Opened.Schema}
	return &transformRun{inputs: inputs, instance: instance, output: output, frontier: dag.MinTime, promised: dag.MinTime}, nil
}

func open(operator string, arguments Arguments, inputs []*Records) (*dag.TransformInstance, error) {
	var streams []dag.Input
	for index, records := range inputs {
		streams = append(streams, dag.Input{Alias: string(rune('a' + index)), Schema: records.schema})
	}
	return dag.NewTransform(operator, arguments.read(), streams)
}

// merged are all records in the order in which the operator wants them.
func (r *transformRun) merged() []record {
	var merged []record
	for input, records := range r.inputs {
		for row := range records.times {
			merged = append(merged, record{input, row})
		}
	}
	if r.instance.Opened.Order == dag.TimeOrder {
		at := func(index int) dag.Time { return r.inputs[merged[index].input].times[merged[index].row] }
		sort.SliceStable(merged, func(a, b int) bool { return at(a) < at(b) })
	}
	return merged
}

func (r *transformRun) process(records []record) error {
	frames, order := make([][]byte, len(r.inputs)), []byte(nil)
	for input := range r.inputs {
		var rows []int
		for _, record := range records {
			if record.input == input {
				rows = append(rows, record.row)
			}
		}
		frames[input] = dag.EncodeFrame(len(rows), r.inputs[input].columns(rows, true))
	}
	if len(r.inputs) > 1 {
		for _, record := range records {
			order = append(order, byte(record.input))
		}
	}
	return r.take(r.instance.Process(frames, order))
}

func (r *transformRun) advance(frontier dag.Time, ended bool) error {
	if ended {
		frontier = dag.MaxTime
	}
	r.frontier = frontier
	emitted, err := r.instance.Advance(frontier, ended)
	if err := r.take(emitted, err); err != nil {
		return err
	}
	return nil
}

// restore goes on in a new instance from a snapshot of this one.
func (r *transformRun) restore(operator string, arguments Arguments) error {
	chunks, err := r.instance.Snapshot()
	if err != nil {
		return err
	}
	if r.instance, err = open(operator, arguments, r.inputs); err != nil {
		return err
	}
	if err := r.instance.Restore(r.instance.StateWritten(), chunks); err != nil {
		return err
	}
	again, err := r.instance.Snapshot()
	if err != nil {
		return err
	}
	if !bytes.Equal(bytes.Join(again, nil), bytes.Join(chunks, nil)) {
		return fmt.Errorf("what was restored is saved otherwise than what was saved first")
	}
	return nil
}

// take takes output, and what there is more of it.
func (r *transformRun) take(emitted dag.Emitted, err error) error {
	for {
		if err != nil {
			return err
		}
		before := r.output.Len()
		if err := r.output.append(emitted.Frame); err != nil {
			return err
		}
		if r.instance.Opened.Order == dag.TimeOrder {
			for row := before; row < r.output.Len(); row++ {
				switch at := r.output.times[row]; {
				case row > 0 && r.output.times[row-1] > at:
					return fmt.Errorf("a record of %s comes behind one of %s", at, r.output.times[row-1])
				case at < r.promised:
					return fmt.Errorf("a record of %s comes after %s was promised", at, r.promised)
				}
			}
		}
		if !emitted.More {
			break
		}
		emitted, err = r.instance.Advance(r.frontier, r.frontier == dag.MaxTime)
	}
	promised := r.frontier
	if emitted.Hold != nil {
		promised = min(promised, *emitted.Hold)
	}
	if promised < r.promised {
		return fmt.Errorf("%s is still held though %s was promised", promised, r.promised)
	}
	r.promised = promised
	return nil
}
