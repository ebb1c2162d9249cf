package dag

import (
	"errors"
	"fmt"
)

// A Transform is a running operator from streams to a stream: every operator that is not a fold.
//
// The contract: splitting the same input into other batches, or calling Advance more or less often, must not change the output. dagtest.CheckTransform and
// `dag test` check it.
type Transform interface {
	// Process takes the next records. An error stops the computation.
	Process(in *Inputs, out *Output) error
}

// An Advancer is a transform that wants to know how far time has come.
type Advancer interface {
	// Advance says that no record earlier than frontier will follow; where ended, that no record at all will. Also called, with the same frontier, as long as the
	// output says that there is more.
	Advance(frontier Time, ended bool, out *Output) error
}

// A Rememberer is a transform with a memory, which is kept over a crash.
type Rememberer interface {
	// Snapshot is what it remembers, in chunks of bytes. Not called while there is more output.
	Snapshot() ([][]byte, error)
	// Restore remembers again. Called at most once, after opening and before any record, with a version of About.StateRead.
	Restore(version uint32, chunks [][]byte) error
}

// An Input of a computation.
type Input struct {
	// Alias is the name by which expressions over several inputs qualify this one's columns.
	Alias string
	// Schema has its columns besides time.
	Schema Schema
}

// Opened is a transform that has begun.
type Opened struct {
	// Transform processes.
	Transform Transform
	// Schema has the output's columns besides time.
	Schema Schema
	// Order says which records it wants.
	Order Order
	// Lookback says how much earlier than a result its causes may lie.
	Lookback Lookback
}

// Inputs are some records of each input.
type Inputs struct {
	batches []Batch
	order   []byte
}

// First has the records of the first input, which is the only one for most operators.
func (in *Inputs) First() *Batch { return &in.batches[0] }

// Batch has the records of that input, in the order of the merge.
func (in *Inputs) Batch(input int) *Batch { return &in.batches[input] }

// Len is the number of inputs.
func (in *Inputs) Len() int { return len(in.batches) }

// Merged yields, for each record in merged order, the input that it comes from and its row there.
func (in *Inputs) Merged(yield func(input, row int) bool) {
	if len(in.order) == 0 {
		for row := range in.batches[0].Len() {
			if !yield(0, row) {
				return
			}
		}
	}
	next := make([]int, len(in.batches))
	for _, input := range in.order {
		row := next[input]
		next[input]++
		if !yield(int(input), row) {
			return
		}
	}
}

// A Batch has consecutive records of one input, as columns.
type Batch struct {
	times   []Time
	columns []Column
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.times) }

// Times are the records' event times.
func (b *Batch) Times() []Time { return b.times }

// Column is the column at that index of the input's schema.
func (b *Batch) Column(index int) *Column { return &b.columns[index] }

// newInputs views frames as the records of inputs that have these schemas.
func newInputs(frames [][]byte, order []byte, inputs []Input) (*Inputs, error) {
	if len(frames) != len(inputs) {
		return nil, fmt.Errorf("%d frames came for %d inputs", len(frames), len(inputs))
	}
	in := &Inputs{batches: make([]Batch, len(frames)), order: order}
	for index, bytes := range frames {
		frame, err := ParseFrame(bytes)
		if err != nil {
			return nil, err
		}
		columns := frame.Columns
		if len(columns) != len(inputs[index].Schema)+1 || columns[0].typ != Timestamp || columns[0].HasNulls() {
			return nil, errors.New("a frame has not the columns that were opened: time without nulls, then the input's")
		}
		for column, field := range inputs[index].Schema {
			if columns[column+1].typ != field.Type {
				return nil, fmt.Errorf("a frame's column `%s` is %s, opened was %s", field.Name, columns[column+1].typ, field.Type)
			}
		}
		in.batches[index] = Batch{times: columns[0].Times(), columns: columns[1:]}
	}
	left := make([]int, len(frames))
	for _, input := range order {
		if int(input) >= len(left) {
			return nil, fmt.Errorf("order names input %d, which is not", input)
		}
		left[input]++
	}
	for index := range left {
		if left[index] != in.batches[index].Len() && !(len(frames) == 1 && len(order) == 0) {
			return nil, errors.New("order and frames have different numbers of records")
		}
	}
	return in, nil
}

// Output takes the records that a transform emits, and what is to be said of those that are not emitted yet.
type Output struct {
	times   *Builder
	columns []*Builder
	hold    *Time
	more    bool
}

// Records and bytes that one call should not exceed by much: the host limits an output.
const (
	fullRows  = 8192
	fullBytes = 4 << 20
)

func newOutput(schema Schema) *Output {
	out := &Output{times: NewBuilder(Timestamp), columns: make([]*Builder, len(schema))}
	for index, field := range schema {
		out.columns[index] = NewBuilder(field.Type)
	}
	return out
}

// Emit emits a record: its time, and a value for each column of the opened schema as [Builder.Append] takes it.
func (o *Output) Emit(at Time, values ...any) {
	if len(values) != len(o.columns) {
		panic(fmt.Sprintf("a record with %d values was emitted into %d columns", len(values), len(o.columns)))
	}
	o.times.AppendTime(at)
	for index, value := range values {
		o.columns[index].Append(value)
	}
}

// EmitTime begins a record of which each value is then appended to its [Output.Column]: quicker than Emit.
func (o *Output) EmitTime(at Time) { o.times.AppendTime(at) }

// Column takes the values of the column at that index of the opened schema.
func (o *Output) Column(index int) *Builder { return o.columns[index] }

// Len is the number of records.
func (o *Output) Len() int { return o.times.len }

// IsFull says whether this is as much as one call should emit. An operator that may go far beyond its input asks, stops, and says that there is More.
func (o *Output) IsFull() bool {
	size := 0
	for _, column := range o.columns {
		size += 8*column.len + len(column.bytes)
	}
	return o.times.len >= fullRows || size >= fullBytes
}

// Hold says that records from then on may still be emitted though the input's frontier passes it. It must never go back. To be said in every call for which
// it holds.
func (o *Output) Hold(at Time) { o.hold = &at }

// Held is the time that is held in this call; MaxTime if none is.
func (o *Output) Held() Time {
	if o.hold == nil {
		return MaxTime
	}
	return *o.hold
}

// More says that there is more to emit for the same input: Advance will be called again.
func (o *Output) More() { o.more = true }

// reset empties it for the next call.
func (o *Output) reset() {
	o.times.reset()
	for _, column := range o.columns {
		column.reset()
	}
	o.hold, o.more = nil, false
}

// frame is what was emitted: time, then the columns.
func (o *Output) frame() ([]byte, error) {
	columns := append([]*Builder{o.times}, o.columns...)
	for index, column := range o.columns {
		if column.len != o.times.len {
			return nil, fmt.Errorf("%d records were emitted, column %d has %d values", o.times.len, index, column.len)
		}
	}
	return EncodeFrame(o.times.len, columns), nil
}
