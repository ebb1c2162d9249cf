package dag

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"reflect"
	"unsafe"
)

// Keys reads the key of records: the columns that a parameter of type Columns names. Without any, all records have the same key.
type Keys struct {
	columns []int
	fields  Schema
	scratch []byte
}

// A Key is the values that records have in common, as text that is equal for equal keys: a null equals a null, NaN equals NaN, 0 equals -0.
type Key string

// KeysBy are the keys by these columns of the input.
func KeysBy(columns Columns, input Schema) (*Keys, error) {
	keys := &Keys{}
	for _, name := range columns {
		index, err := input.Find(name)
		if err != nil {
			return nil, err
		}
		keys.columns = append(keys.columns, index)
		keys.fields = append(keys.fields, input[index])
	}
	return keys, nil
}

// Fields are the key columns' names and types.
func (k *Keys) Fields() Schema { return k.fields }

// Columns are the key columns, by index in the input's schema.
func (k *Keys) Columns() []int { return k.columns }

// WithKey is the schema of an output that begins with the key's columns. A key column of the name of another one is refused.
func (k *Keys) WithKey(others ...Field) (Schema, error) {
	schema := append(Schema{}, k.fields...)
	for _, key := range k.fields {
		for _, other := range others {
			if key.Name == other.Name {
				return nil, fmt.Errorf("by=%s: the output has a column `%s` of its own; rename the key with map first", key.Name, key.Name)
			}
		}
	}
	return append(schema, others...), nil
}

// key is the key of a row of the key's columns, as bytes that last until the next call.
func (k *Keys) key(column func(int) *Column, row int) []byte {
	bytes := k.scratch[:0]
	for index := range k.fields {
		column := column(index)
		if column.IsNull(row) {
			bytes = append(bytes, 0)
			continue
		}
		bytes = append(bytes, 1)
		switch column.typ {
		case Boolean:
			if column.Bool(row) {
				bytes = append(bytes, 1)
			} else {
				bytes = append(bytes, 0)
			}
		case Utf8, Binary:
			value := column.bytes[column.offsets[row]:column.offsets[row+1]]
			bytes = binary.LittleEndian.AppendUint32(bytes, uint32(len(value)))
			bytes = append(bytes, value...)
		case Float64:
			// Adding zero makes -0 a 0.
			bytes = binary.LittleEndian.AppendUint64(bytes, math.Float64bits(canonical(column.Float64s()[row])+0))
		default:
			bytes = binary.LittleEndian.AppendUint64(bytes, unsafe.Slice((*uint64)(column.values), column.len)[row])
		}
	}
	k.scratch = bytes
	return bytes
}

func (k *Keys) ofBatch(batch *Batch) func(int) *Column {
	return func(index int) *Column { return &batch.columns[k.columns[index]] }
}

// Of is the key of a record.
func (k *Keys) Of(batch *Batch, row int) Key {
	return Key(k.key(k.ofBatch(batch), row))
}

// Append appends a key's values to columns of the key's types, one each.
func (k *Keys) Append(key Key, columns []*Builder) {
	rest := string(key)
	for index, field := range k.fields {
		has := rest[0] == 1
		rest = rest[1:]
		if !has {
			columns[index].AppendNull()
			continue
		}
		size := 8
		switch field.Type {
		case Boolean:
			size = 1
			columns[index].AppendBool(rest[0] == 1)
		case Utf8, Binary:
			size = int(binary.LittleEndian.Uint32([]byte(rest[:4])))
			rest = rest[4:]
			if field.Type == Utf8 {
				columns[index].AppendText(rest[:size])
			} else {
				columns[index].AppendBytes([]byte(rest[:size]))
			}
		default:
			columns[index].number(binary.LittleEndian.Uint64([]byte(rest[:8])))
		}
		rest = rest[size:]
	}
}

// Emit emits a record's key into the first columns of an output, as the record has it.
func (k *Keys) Emit(batch *Batch, row int, out *Output) {
	for index, column := range k.columns {
		out.columns[index].AppendFrom(&batch.columns[column], row)
	}
}

// Keyed has a state per key, in the order in which the keys were first seen. S is a struct; its exported fields are what is remembered.
type Keyed[S any] struct {
	Keys
	numbers map[Key]int
	keys    []Key
	states  []*S
	layout  *layout
}

// KeyedBy has a state per key by these columns of the input.
func KeyedBy[S any](columns Columns, input Schema) (*Keyed[S], error) {
	keys, err := KeysBy(columns, input)
	if err != nil {
		return nil, err
	}
	return &Keyed[S]{Keys: *keys, numbers: map[Key]int{}, layout: layoutOf(reflect.TypeFor[S]())}, nil
}

// State is the state of a record's key; a key that is new has a zero one.
func (k *Keyed[S]) State(batch *Batch, row int) *S {
	return k.state(k.key(k.ofBatch(batch), row))
}

func (k *Keyed[S]) state(key []byte) *S {
	// The conversion in an index expression copies nothing.
	if number, known := k.numbers[Key(key)]; known {
		return k.states[number]
	}
	k.numbers[Key(key)] = len(k.states)
	k.keys = append(k.keys, Key(key))
	state := new(S)
	k.states = append(k.states, state)
	return state
}

// Len is the number of keys.
func (k *Keyed[S]) Len() int { return len(k.states) }

// All are the keys and their states, in the order in which they were first seen.
func (k *Keyed[S]) All() iter.Seq2[Key, *S] {
	return func(yield func(Key, *S) bool) {
		for number, key := range k.keys {
			if !yield(key, k.states[number]) {
				return
			}
		}
	}
}

// Save is keys and states as one chunk of a snapshot: a frame with the key's columns, then the state's.
func (k *Keyed[S]) Save() []byte {
	columns := make([]*Builder, 0, len(k.fields)+len(k.layout.fields))
	for _, field := range k.fields {
		columns = append(columns, NewBuilder(field.Type))
	}
	columns = append(columns, k.layout.builders()...)
	for number, key := range k.keys {
		k.Append(key, columns)
		k.layout.save(unsafe.Pointer(k.states[number]), columns[len(k.fields):])
	}
	return EncodeFrame(len(k.keys), columns)
}

// Load reads what Save wrote.
func (k *Keyed[S]) Load(saved []byte) error {
	columns, states, rows, err := k.split(saved)
	if err != nil {
		return err
	}
	if err := k.layout.check(states); err != nil {
		return err
	}
	for row := range rows {
		state := k.state(k.key(func(index int) *Column { return &columns[index] }, row))
		if err := k.layout.load(unsafe.Pointer(state), states, row); err != nil {
			return err
		}
	}
	return nil
}

// split views saved bytes as the key's columns and those behind.
func (k *Keys) split(saved []byte) (keys, others []Column, rows int, err error) {
	frame, err := ParseFrame(saved)
	if err != nil {
		return nil, nil, 0, err
	}
	matches := len(frame.Columns) >= len(k.fields)
	for index := 0; matches && index < len(k.fields); index++ {
		matches = frame.Columns[index].typ == k.fields[index].Type
	}
	if !matches {
		return nil, nil, 0, fmt.Errorf("saved keys have other columns than %v", k.fields)
	}
	return frame.Columns[:len(k.fields)], frame.Columns[len(k.fields):], frame.Rows, nil
}

// SaveRows is rows of keys and states as one chunk of a snapshot, for who keeps them in a list of his own: a frame with the key's columns, then the state's.
func SaveRows[S any](keys *Keys, rows iter.Seq2[Key, *S]) []byte {
	layout := layoutOf(reflect.TypeFor[S]())
	columns := make([]*Builder, 0, len(keys.fields)+len(layout.fields))
	for _, field := range keys.fields {
		columns = append(columns, NewBuilder(field.Type))
	}
	columns = append(columns, layout.builders()...)
	count := 0
	for key, state := range rows {
		keys.Append(key, columns)
		layout.save(unsafe.Pointer(state), columns[len(keys.fields):])
		count++
	}
	return EncodeFrame(count, columns)
}

// LoadRows reads what SaveRows wrote, in its order.
func LoadRows[S any](keys *Keys, saved []byte, row func(key Key, state *S)) error {
	layout := layoutOf(reflect.TypeFor[S]())
	columns, states, rows, err := keys.split(saved)
	if err != nil {
		return err
	}
	if err := layout.check(states); err != nil {
		return err
	}
	for index := range rows {
		state := new(S)
		if err := layout.load(unsafe.Pointer(state), states, index); err != nil {
			return err
		}
		row(Key(keys.key(func(column int) *Column { return &columns[column] }, index)), state)
	}
	return nil
}

// EmitKey emits a key into the first columns of an output.
func (k *Keys) EmitKey(key Key, out *Output) { k.Append(key, out.columns) }
