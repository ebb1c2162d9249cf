package dagtest

import (
	"fmt"
	"math"
	"testing"

	"dag.local/dag"
)

// Fold is what an exported aggregate makes of these records in one window; nil where there is no result. The error is what the operator refuses.
func Fold(operator string, arguments Arguments, records *Records) (any, error) {
	run, err := bindFold(operator, arguments, records)
	if err != nil {
		return nil, err
	}
	if err := run.update(0, records.Len(), make([]int64, records.Len())); err != nil {
		return nil, err
	}
	results, err := run.finish([]int64{0})
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// WantFold fails the test where an aggregate does not make that of these records in one window.
func WantFold(t testing.TB, operator string, arguments Arguments, records *Records, want any) {
	t.Helper()
	got, err := Fold(operator, arguments, records)
	guarded(t, operator, err)
	if shown(got, 0) != shown(want, 0) {
		t.Errorf("%s gives %s, wanted was %s", operator, shown(got, 0), shown(want, 0))
	}
}

// CheckFold fails the test where an aggregate does not keep what every one promises, over random slots: other batches give the same; a running result's last is the window's; a
// state that was saved and merged into an empty slot goes on as if nothing had been; combining two slots gives what their values would have given one
// after the other (doubles within 1e-9); a cleared slot is empty.
func CheckFold(t testing.TB, operator string, arguments Arguments, records *Records) {
	t.Helper()
	for way := range ways {
		if err := foldOneWay(operator, arguments, records, chance(way)); err != nil {
			t.Fatalf("%s, way %d: %v", operator, way, err)
		}
	}
}

func foldOneWay(operator string, arguments Arguments, records *Records, chance chance) error {
	rows, count := records.Len(), 1+chance.below(4)
	slots, every, behind := make([]int64, rows), make([]int64, count), make([]int64, count)
	for row := range slots {
		slots[row] = int64(chance.below(count))
	}
	for slot := range every {
		every[slot], behind[slot] = int64(slot), int64(slot+count)
	}
	var failure error
	bound := func() *foldRun {
		run, err := bindFold(operator, arguments, records)
		if err != nil && failure == nil {
			failure = err
		}
		return run
	}
	must := func(err error) {
		if err != nil && failure == nil {
			failure = err
		}
	}
	same := func(what string, run *foldRun, at []int64, want []any, near bool) {
		if failure != nil {
			return
		}
		got, err := run.finish(at)
		must(err)
		for index := range want {
			if err == nil && shown(got[index], 0) != shown(want[index], 0) && !(near && isNear(got[index], want[index])) {
				must(fmt.Errorf("%s it gives %s, and else %s", what, shown(got[index], 0), shown(want[index], 0)))
			}
		}
	}

	whole := bound()
	if failure != nil {
		return failure
	}
	must(whole.update(0, rows, slots))
	expected, err := whole.finish(every)
	must(err)

	cut := bound()
	for _, batch := range chance.cuts(rows) {
		must(cut.update(batch[0], batch[1], slots[batch[0]:batch[1]]))
		if failure == nil && chance.onceIn(3) {
			restored := bound()
			must(restored.moveFrom(cut, every))
			cut = restored
		}
	}
	same("in other batches, from saved states,", cut, every, expected, false)

	running := bound()
	last := make([]any, count)
	for _, batch := range chance.cuts(rows) {
		results, err := running.scan(batch[0], batch[1], slots[batch[0]:batch[1]])
		must(err)
		for index, result := range results {
			last[slots[batch[0]+index]] = result
		}
	}
	touched := map[int64]bool{}
	for _, slot := range slots {
		touched[slot] = true
	}
	for slot := range every {
		if failure == nil && touched[int64(slot)] && shown(last[slot], 0) != shown(expected[slot], 0) {
			must(fmt.Errorf("running it gives %s at last, and in one window %s", shown(last[slot], 0), shown(expected[slot], 0)))
		}
	}

	half := chance.below(rows + 1)
	apart := append([]int64(nil), slots...)
	for row := half; row < rows; row++ {
		apart[row] += int64(count)
	}
	halves := bound()
	must(halves.update(0, rows, apart))
	untouched, err := halves.finish(behind)
	must(err)
	must(halves.combine(every, behind))
	same("combined", halves, every, expected, true)
	same("after it was combined from", halves, behind, untouched, false)
	must(halves.clear(every))
	empty, err := bound().finish(every)
	must(err)
	same("after clear", halves, every, empty, false)
	return failure
}

func isNear(got, want any) bool {
	a, isA := got.(float64)
	b, isB := want.(float64)
	return isA && isB && math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b), 1)
}

// foldRun is an aggregate at work on some records.
type foldRun struct {
	records  *Records
	instance *dag.AggregateInstance
}

func bindFold(operator string, arguments Arguments, records *Records) (*foldRun, error) {
	dag.RestartRandom()
	instance, err := dag.NewAggregate(operator, arguments.read(), records.schema)
	return &foldRun{records, instance}, err
}

// frame has the rows' slots and times, and the columns that were bound.
func (f *foldRun) frame(from, to int, slots []int64) []byte {
	rows := make([]int, 0, to-from)
	for row := from; row < to; row++ {
		rows = append(rows, row)
	}
	all := f.records.columns(rows, true)
	columns := []*dag.Builder{slotColumn(slots), all[0]}
	for _, column := range f.instance.Bound.Columns {
		columns = append(columns, all[column+1])
	}
	return dag.EncodeFrame(len(rows), columns)
}

func slotColumn(slots []int64) *dag.Builder {
	column := dag.NewBuilder(dag.Int64)
	for _, slot := range slots {
		column.AppendInt64(slot)
	}
	return column
}

func (f *foldRun) update(from, to int, slots []int64) error {
	return f.instance.Update(f.frame(from, to, slots))
}

func (f *foldRun) scan(from, to int, slots []int64) ([]any, error) {
	return values(f.instance.Scan(f.frame(from, to, slots)))
}

func (f *foldRun) finish(slots []int64) ([]any, error) {
	return values(f.instance.Finish(dag.EncodeFrame(len(slots), []*dag.Builder{slotColumn(slots)})))
}

func (f *foldRun) combine(into, from []int64) error {
	return f.instance.Combine(dag.EncodeFrame(len(into), []*dag.Builder{slotColumn(into), slotColumn(from)}))
}

func (f *foldRun) clear(slots []int64) error {
	return f.instance.Clear(dag.EncodeFrame(len(slots), []*dag.Builder{slotColumn(slots)}))
}

// moveFrom takes over what another holds in these slots, by way of what is saved.
func (f *foldRun) moveFrom(other *foldRun, slots []int64) error {
	saved, err := other.instance.State(dag.EncodeFrame(len(slots), []*dag.Builder{slotColumn(slots)}))
	if err != nil {
		return err
	}
	frame, err := dag.ParseFrame(saved)
	if err != nil {
		return err
	}
	columns := []*dag.Builder{slotColumn(slots)}
	for index := range frame.Columns {
		column := dag.NewBuilder(frame.Columns[index].Type())
		for row := range frame.Rows {
			column.AppendFrom(&frame.Columns[index], row)
		}
		columns = append(columns, column)
	}
	return f.instance.Merge(dag.EncodeFrame(len(slots), columns))
}

// values are those of the one column of a frame.
func values(bytes []byte, err error) ([]any, error) {
	if err != nil {
		return nil, err
	}
	frame, err := dag.ParseFrame(bytes)
	if err != nil {
		return nil, err
	}
	found := make([]any, frame.Rows)
	for row := range found {
		found[row] = frame.Columns[0].Value(row)
	}
	return found, nil
}
