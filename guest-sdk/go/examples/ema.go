package main

import (
	"fmt"

	"dag.local/dag"
)

// EmaArguments are what ema_go takes besides its input.
type EmaArguments struct {
	Alpha float64        `dag:"alpha,positional" doc:"How much the newest value counts: more than 0, at most 1."`
	Of    dag.ColumnName `dag:"of" default:"value" doc:"The column to smooth; a record where it is null is passed over."`
	By    dag.Columns    `dag:"by,optional" doc:"Averages apart for each value of these columns, which the output begins with."`
}

// Average is what it remembers of a key. Its exported fields are kept over a crash.
type Average struct {
	Average *float64
}

// Ema is a running ema_go.
type Ema struct {
	alpha  float64
	column int
	keys   *dag.Keyed[Average]
}

func openEma(arguments EmaArguments, inputs []dag.Input) (*dag.Opened, error) {
	input := inputs[0].Schema
	column, err := input.FindNumber(string(arguments.Of))
	if err != nil {
		return nil, err
	}
	if !(arguments.Alpha > 0 && arguments.Alpha <= 1) {
		return nil, fmt.Errorf("alpha=%v: it must be more than 0 and at most 1", arguments.Alpha)
	}
	keys, err := dag.KeyedBy[Average](arguments.By, input)
	if err != nil {
		return nil, err
	}
	schema, err := keys.WithKey(dag.Field{Name: "value", Type: dag.Float64})
	if err != nil {
		return nil, err
	}
	// In time order; an average depends on all that came before.
	running := &Ema{alpha: arguments.Alpha, column: column, keys: keys}
	return &dag.Opened{Transform: running, Schema: schema, Order: dag.TimeOrder, Lookback: dag.Unbounded}, nil
}

// Process takes the next records.
func (e *Ema) Process(in *dag.Inputs, out *dag.Output) error {
	batch := in.First()
	column := batch.Column(e.column)
	averages := out.Column(len(e.keys.Fields()))
	for row, at := range batch.Times() {
		state := e.keys.State(batch, row)
		if column.IsNull(row) {
			continue
		}
		next := column.Number(row)
		if state.Average != nil {
			// The conversion keeps the compiler from rounding once where other machines round twice.
			next = *state.Average + float64((next-*state.Average)*e.alpha)
		}
		state.Average = &next
		out.EmitTime(at)
		e.keys.Emit(batch, row, out)
		averages.AppendFloat64(next)
	}
	return nil
}

// Snapshot is what it remembers.
func (e *Ema) Snapshot() ([][]byte, error) {
	return [][]byte{e.keys.Save()}, nil
}

// Restore remembers again.
func (e *Ema) Restore(version uint32, chunks [][]byte) error {
	for _, chunk := range chunks {
		if err := e.keys.Load(chunk); err != nil {
			return err
		}
	}
	return nil
}

func init() {
	dag.ExportTransform(dag.About{
		Name:    "ema_go",
		Doc:     "The exponential moving average.",
		Example: "ema_go(cpu_util, 0.2, by=host)",
		Key:     "by",
	}, openEma)
}
