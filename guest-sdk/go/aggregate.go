package dag

import (
	"fmt"
	"reflect"
	"unsafe"
)

// An Element is a value of a column as Go has it. A fold of float64 takes int64 columns, too, each value as the nearest float64. A fold of [Present] takes
// columns of every type.
type Element interface {
	bool | int64 | float64 | string | []byte | Time | Present
}

// Present is the value of a fold that only counts that there is one.
type Present struct{}

// A Fold is what one slot holds - one window of one key, say - and how it takes one value after another. Nulls do not get there.
//
// P is a pointer to a struct. The struct's exported fields are what is remembered over a crash, and its zero value is what an empty slot holds.
//
// An error stops the computation: it is only for what the user must know, such as an overflow.
//
// Whoever changes the fields says so by About.StateWritten, and reads what an earlier version wrote with a method LoadEarlier ([EarlierState]).
type Fold[P any, V Element, R Element] interface {
	// Update takes the next value, of a record with the event time at.
	Update(value V, at Time) error
	// Combine takes what a slot holds whose values come after this one's, and leaves that as it is.
	Combine(later P) error
	// Result is the result so far, and whether there is one.
	Result() (R, bool)
}

// EarlierState is a state that reads what an earlier version of it wrote: a row of columns that are not those of its fields now.
type EarlierState interface {
	LoadEarlier(columns []Column, row int) error
}

// An Accumulator folds whole columns into numbered slots: for aggregates for which [Fold] is too slow, or too narrow. Slots are small numbers that the host chooses; one
// that was never seen, or was cleared, is empty. Rows come in the order of the log.
type Accumulator interface {
	// Update folds rows into slots: row by row the slot, the event time and the bound columns.
	Update(slots []int64, times []Time, columns []Column) error
	// Scan is like Update, and appends each row's result after it.
	Scan(slots []int64, times []Time, columns []Column, results *Builder) error
	// Combine folds slot from into slot into, row by row, and leaves from as it is. What is in into comes before what is in from.
	Combine(into, from []int64) error
	// State has one row per slot, in columns of the accumulator's choice.
	State(slots []int64) ([]*Builder, error)
	// Merge folds saved states into slots.
	Merge(slots []int64, columns []Column) error
	// Finish appends the results of these slots, which it does not consume; null where there is none.
	Finish(slots []int64, results *Builder) error
	// Clear forgets these slots.
	Clear(slots []int64)
}

// Bound is an aggregate that has its arguments.
type Bound struct {
	// Result is the type of the result.
	Result Type
	// Columns are those of the input that the accumulator wants, by their indexes in its schema.
	Columns []int
	// Lookback besides the window, which the host adds.
	Lookback Lookback
	// Accumulator folds.
	Accumulator Accumulator
}

// BindFold folds the column of that name: BindFold[*Rms](input, "value").
func BindFold[P Fold[P, V, R], V Element, R Element](input Schema, column ColumnName) (*Bound, error) {
	index, err := input.Find(string(column))
	if err != nil {
		return nil, fmt.Errorf("%w; name the column to fold with of=, such as of=%s", err, example(input))
	}
	values, name := accepts[V](input[index].Type)
	if values == nil {
		return nil, fmt.Errorf("column `%s` is %s, expected %s", column, input[index].Type, name)
	}
	result, _ := elementType[R]()
	state := stateOf[P]()
	slots := &slots[P, V, R]{state: state, size: state.Size(), values: values, layout: layoutOf(state)}
	return &Bound{Result: result, Columns: []int{index}, Accumulator: slots}, nil
}

// stateOf is the struct that a fold is a pointer to. It panics where that is none, for that is the author's mistake.
func stateOf[P any]() reflect.Type {
	typ := reflect.TypeFor[P]()
	if typ.Kind() != reflect.Pointer {
		panic(fmt.Sprintf("a fold is a pointer to a struct, not %s", typ))
	}
	layoutOf(typ.Elem())
	return typ.Elem()
}

// example is a column that could be meant.
func example(input Schema) string {
	for _, field := range input {
		if field.Type.IsNumeric() {
			return field.Name
		}
	}
	if len(input) > 0 {
		return input[0].Name
	}
	return "COLUMN"
}

// elementType is the column's type of a Go type, and what it is called in an error.
func elementType[V Element]() (Type, string) {
	switch any(*new(V)).(type) {
	case bool:
		return Boolean, "boolean"
	case int64:
		return Int64, "int64"
	case float64:
		return Float64, "a number"
	case string:
		return Utf8, "utf8"
	case []byte:
		return Binary, "binary"
	case Time:
		return Timestamp, "timestamp"
	default:
		return 0, "any column"
	}
}

// accepts is how the values of a column of that type are had as V; nil where they cannot.
func accepts[V Element](typ Type) (values func(*Column) []V, name string) {
	wanted, name := elementType[V]()
	switch {
	case wanted == 0:
		return func(column *Column) []V { return make([]V, column.len) }, name
	case wanted == Float64 && typ == Int64:
		var numbers []float64
		return func(column *Column) []V {
			numbers = numbers[:0]
			for _, value := range column.Int64s() {
				numbers = append(numbers, float64(value))
			}
			return unsafe.Slice((*V)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers))
		}, name
	case wanted != typ:
		return nil, name
	case typ == Int64, typ == Float64, typ == Timestamp:
		return func(column *Column) []V { return unsafe.Slice((*V)(column.values), column.len) }, name
	}
	return func(column *Column) []V {
		values := make([]V, column.len)
		for row := range values {
			if !column.IsNull(row) {
				values[row] = column.Value(row).(V)
			}
		}
		return values
	}, name
}

// slots has a fold per slot: the loops behind Fold.
type slots[P Fold[P, V, R], V Element, R Element] struct {
	// The struct that P points at, and its size.
	state reflect.Type
	size  uintptr
	// As many of it as there are slots, in one piece.
	folds  reflect.Value
	base   unsafe.Pointer
	len    int
	values func(*Column) []V
	layout *layout
}

// at is what a slot holds.
func (s *slots[P, V, R]) at(slot int64) P {
	return pointer[P](unsafe.Add(s.base, uintptr(slot)*s.size))
}

// pointer is an address as P, which is a pointer.
func pointer[P any](at unsafe.Pointer) P { return *(*P)(unsafe.Pointer(&at)) }

// reach makes room for these slots.
func (s *slots[P, V, R]) reach(slots []int64) {
	greatest := -1
	for _, slot := range slots {
		greatest = max(greatest, int(slot))
	}
	if greatest < s.len {
		return
	}
	length := max(greatest+1, 2*s.len)
	grown := reflect.MakeSlice(reflect.SliceOf(s.state), length, length)
	if s.len > 0 {
		reflect.Copy(grown, s.folds)
	}
	s.folds, s.base, s.len = grown, grown.UnsafePointer(), length
}

func (s *slots[P, V, R]) Update(slots []int64, times []Time, columns []Column) error {
	s.reach(slots)
	column, values := &columns[0], s.values(&columns[0])
	nulls := column.HasNulls()
	for row, slot := range slots {
		if nulls && column.IsNull(row) {
			continue
		}
		if err := s.at(slot).Update(values[row], times[row]); err != nil {
			return err
		}
	}
	return nil
}

func (s *slots[P, V, R]) Scan(slots []int64, times []Time, columns []Column, results *Builder) error {
	s.reach(slots)
	column, values := &columns[0], s.values(&columns[0])
	for row, slot := range slots {
		if !column.IsNull(row) {
			if err := s.at(slot).Update(values[row], times[row]); err != nil {
				return err
			}
		}
		s.append(slot, results)
	}
	return nil
}

func (s *slots[P, V, R]) Combine(into, from []int64) error {
	s.reach(into)
	s.reach(from)
	for row, slot := range into {
		if err := s.at(slot).Combine(s.at(from[row])); err != nil {
			return err
		}
	}
	return nil
}

func (s *slots[P, V, R]) State(slots []int64) ([]*Builder, error) {
	s.reach(slots)
	columns := s.layout.builders()
	for _, slot := range slots {
		s.layout.save(unsafe.Add(s.base, uintptr(slot)*s.size), columns)
	}
	return columns, nil
}

func (s *slots[P, V, R]) Merge(slots []int64, columns []Column) error {
	s.reach(slots)
	differs := s.layout.check(columns)
	for row, slot := range slots {
		saved := reflect.New(s.state).UnsafePointer()
		var err error
		if differs == nil {
			err = s.layout.load(saved, columns, row)
		} else if earlier, reads := any(pointer[P](saved)).(EarlierState); reads {
			err = earlier.LoadEarlier(columns, row)
		} else {
			err = differs
		}
		if err == nil {
			err = s.at(slot).Combine(pointer[P](saved))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *slots[P, V, R]) Finish(slots []int64, results *Builder) error {
	s.reach(slots)
	for _, slot := range slots {
		s.append(slot, results)
	}
	return nil
}

func (s *slots[P, V, R]) Clear(slots []int64) {
	for _, slot := range slots {
		if int(slot) < s.len {
			s.folds.Index(int(slot)).SetZero()
		}
	}
}

// append appends the result of a slot.
func (s *slots[P, V, R]) append(slot int64, results *Builder) {
	result, has := s.at(slot).Result()
	if !has {
		results.AppendNull()
		return
	}
	switch result := any(&result).(type) {
	case *float64:
		results.AppendFloat64(*result)
	case *int64:
		results.AppendInt64(*result)
	case *Time:
		results.AppendTime(*result)
	case *string:
		results.AppendText(*result)
	case *bool:
		results.AppendBool(*result)
	case *[]byte:
		results.AppendBytes(*result)
	}
}
