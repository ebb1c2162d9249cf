package dag

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
)

// Slots are below this power of two; a greater one is a bug of the host that would otherwise ask for all memory.
const maxSlots = 1 << 26

// An AggregateInstance is an aggregate that has its arguments, and takes frames as the world does. Package dagtest drives it natively; a component does behind
// its exports.
type AggregateInstance struct {
	Bound *Bound
	types []Type
}

// NewAggregate binds the exported aggregate of that name.
func NewAggregate(name string, arguments []Argument, input Schema) (instance *AggregateInstance, err error) {
	defer recovered(&err)
	operator, err := find(name)
	if err != nil {
		return nil, err
	}
	if operator.bind == nil {
		return nil, fmt.Errorf("`%s` is a transform", name)
	}
	bound, err := operator.bind(arguments, input)
	if err != nil {
		return nil, err
	}
	instance = &AggregateInstance{Bound: bound}
	for _, column := range bound.Columns {
		instance.types = append(instance.types, input[column].Type)
	}
	return instance, nil
}

// Update folds rows into slots. Columns: slot, time, the bound ones. The same for the next ones, as wit/ says.
func (a *AggregateInstance) Update(frame []byte) (err error) {
	defer recovered(&err)
	slots, times, columns, err := a.rows(frame)
	if err != nil {
		return err
	}
	return a.Bound.Accumulator.Update(slots, times, columns)
}

// Scan is like Update, and returns one column: the result after each row.
func (a *AggregateInstance) Scan(frame []byte) (out []byte, err error) {
	defer recovered(&err)
	slots, times, columns, err := a.rows(frame)
	if err != nil {
		return nil, err
	}
	results := a.results(len(slots))
	if err := a.Bound.Accumulator.Scan(slots, times, columns, results); err != nil {
		return nil, err
	}
	return EncodeFrame(len(slots), []*Builder{results}), nil
}

// Combine folds slots into slots. Columns: into, from.
func (a *AggregateInstance) Combine(frame []byte) (err error) {
	defer recovered(&err)
	into, columns, err := slotsOf(frame)
	if err != nil {
		return err
	}
	if len(columns) != 1 {
		return errors.New("a frame to combine has two columns")
	}
	from, err := slotColumn(&columns[0])
	if err != nil {
		return err
	}
	return a.Bound.Accumulator.Combine(into, from)
}

// State has the states of slots. Column: slot.
func (a *AggregateInstance) State(frame []byte) (out []byte, err error) {
	defer recovered(&err)
	slots, _, err := slotsOf(frame)
	if err != nil {
		return nil, err
	}
	columns, err := a.Bound.Accumulator.State(slots)
	if err != nil {
		return nil, err
	}
	return EncodeFrame(len(slots), columns), nil
}

// Merge folds saved states into slots. Columns: slot, then those of State.
func (a *AggregateInstance) Merge(frame []byte) (err error) {
	defer recovered(&err)
	slots, columns, err := slotsOf(frame)
	if err != nil {
		return err
	}
	return a.Bound.Accumulator.Merge(slots, columns)
}

// Finish has the results of slots. Column: slot.
func (a *AggregateInstance) Finish(frame []byte) (out []byte, err error) {
	defer recovered(&err)
	slots, _, err := slotsOf(frame)
	if err != nil {
		return nil, err
	}
	results := a.results(len(slots))
	if err := a.Bound.Accumulator.Finish(slots, results); err != nil {
		return nil, err
	}
	return EncodeFrame(len(slots), []*Builder{results}), nil
}

// Clear forgets slots. Column: slot.
func (a *AggregateInstance) Clear(frame []byte) (err error) {
	defer recovered(&err)
	slots, _, err := slotsOf(frame)
	if err != nil {
		return err
	}
	a.Bound.Accumulator.Clear(slots)
	return nil
}

func (a *AggregateInstance) results(rows int) *Builder {
	results := NewBuilder(a.Bound.Result)
	results.grow(rows)
	return results
}

// rows are the columns that Update and Scan are given.
func (a *AggregateInstance) rows(frame []byte) ([]int64, []Time, []Column, error) {
	slots, columns, err := slotsOf(frame)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(columns) == 0 || columns[0].typ != Timestamp || columns[0].HasNulls() {
		return nil, nil, nil, errors.New("column 1 of the frame must be time, without nulls")
	}
	found := make([]Type, len(columns)-1)
	for index := range found {
		found[index] = columns[index+1].typ
	}
	if !slices.Equal(found, a.types) {
		return nil, nil, nil, fmt.Errorf("the frame has columns %v, bound were %v", found, a.types)
	}
	return slots, columns[0].Times(), columns[1:], nil
}

// slotsOf are the slots in the first column of a frame, and the columns behind it.
func slotsOf(bytes []byte) ([]int64, []Column, error) {
	frame, err := ParseFrame(bytes)
	if err != nil {
		return nil, nil, err
	}
	if len(frame.Columns) == 0 {
		return nil, nil, errors.New("the frame has no slots")
	}
	slots, err := slotColumn(&frame.Columns[0])
	return slots, frame.Columns[1:], err
}

func slotColumn(column *Column) ([]int64, error) {
	if column.typ != Int64 || column.HasNulls() {
		return nil, errors.New("slots are int64 without nulls")
	}
	// All are below a power of two if all their bits together are.
	var bits uint64
	slots := column.Int64s()
	for _, slot := range slots {
		bits |= uint64(slot)
	}
	if bits >= maxSlots {
		return nil, fmt.Errorf("a slot is not from 0 to %d", maxSlots-1)
	}
	return slots, nil
}

// A TransformInstance is a transform that has begun, and takes frames as the world does.
type TransformInstance struct {
	Opened *Opened
	about  About
	inputs []Input
	out    *Output
}

// NewTransform opens the exported transform of that name.
func NewTransform(name string, arguments []Argument, inputs []Input) (instance *TransformInstance, err error) {
	defer recovered(&err)
	operator, err := find(name)
	if err != nil {
		return nil, err
	}
	if operator.open == nil {
		return nil, fmt.Errorf("`%s` is an aggregate", name)
	}
	opened, err := operator.open(arguments, inputs)
	if err != nil {
		return nil, err
	}
	return &TransformInstance{Opened: opened, about: operator.about, inputs: inputs, out: newOutput(opened.Schema)}, nil
}

// StateWritten is the version of the state that Snapshot writes.
func (t *TransformInstance) StateWritten() uint32 { return t.about.StateWritten }

// Emitted is what a call emitted.
type Emitted struct {
	// Frame has time and the opened schema's columns.
	Frame []byte
	// Hold is the earliest time that may still be emitted, where that is earlier than the input frontier.
	Hold *Time
	// More says that there is more.
	More bool
}

// Process takes one frame per input, and the merge of their records.
func (t *TransformInstance) Process(frames [][]byte, order []byte) (emitted Emitted, err error) {
	defer recovered(&err)
	in, err := newInputs(frames, order, t.inputs)
	if err != nil {
		return emitted, err
	}
	t.out.reset()
	if err := t.Opened.Transform.Process(in, t.out); err != nil {
		return emitted, err
	}
	return t.emitted()
}

// Advance says that no record earlier than frontier will follow; where ended, none at all.
func (t *TransformInstance) Advance(frontier Time, ended bool) (emitted Emitted, err error) {
	defer recovered(&err)
	t.out.reset()
	if advancer, wants := t.Opened.Transform.(Advancer); wants {
		if err := advancer.Advance(frontier, ended, t.out); err != nil {
			return emitted, err
		}
	}
	return t.emitted()
}

func (t *TransformInstance) emitted() (Emitted, error) {
	frame, err := t.out.frame()
	return Emitted{Frame: frame, Hold: t.out.hold, More: t.out.more}, err
}

// Snapshot is what the transform remembers.
func (t *TransformInstance) Snapshot() (chunks [][]byte, err error) {
	defer recovered(&err)
	if rememberer, remembers := t.Opened.Transform.(Rememberer); remembers {
		return rememberer.Snapshot()
	}
	return nil, nil
}

// Restore remembers again.
func (t *TransformInstance) Restore(version uint32, chunks [][]byte) (err error) {
	defer recovered(&err)
	if !slices.Contains(t.about.StateRead, version) {
		return fmt.Errorf("%s reads state of versions %v, this one has version %d", t.about.Name, t.about.StateRead, version)
	}
	if rememberer, remembers := t.Opened.Transform.(Rememberer); remembers {
		return rememberer.Restore(version, chunks)
	}
	if len(chunks) > 0 {
		return fmt.Errorf("%s has no state to restore", t.about.Name)
	}
	return nil
}

// recovered makes an error of a panic, with the line that it came from.
func recovered(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("panic: %v%s", reason, where())
	}
}

// where is the place in the operator's source from which a panic came: the first that is neither the runtime's nor this package's.
func where() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		own := strings.HasPrefix(frame.Function, "dag.local/dag.") || strings.HasPrefix(frame.Function, "runtime.")
		if frame.Function != "" && !own {
			return fmt.Sprintf(" (%s:%d)", path.Base(frame.File), frame.Line)
		}
		if !more {
			return ""
		}
	}
}
