package dag

import (
	"fmt"
	"reflect"
	"unsafe"
)

// A layout is a struct as columns: one per exported field, in order.
type layout struct {
	fields []layoutField
}

type layoutField struct {
	name    string
	typ     Type
	kind    reflect.Kind
	pointer bool
	offset  uintptr
}

var cells = map[reflect.Type]Type{
	reflect.TypeFor[bool]():    Boolean,
	reflect.TypeFor[int64]():   Int64,
	reflect.TypeFor[float64](): Float64,
	reflect.TypeFor[string]():  Utf8,
	reflect.TypeFor[[]byte]():  Binary,
	reflect.TypeFor[Time]():    Timestamp,
}

// layoutOf is the layout of a state. It panics where the state has a field that no column can hold, for that is the author's mistake.
func layoutOf(state reflect.Type) *layout {
	if state.Kind() != reflect.Struct {
		panic(fmt.Sprintf("a state is a struct, not %s", state))
	}
	found := &layout{}
	for index := range state.NumField() {
		field := state.Field(index)
		if field.Tag.Get("dag") == "-" {
			continue
		}
		typ := field.Type
		pointer := typ.Kind() == reflect.Pointer
		if pointer {
			typ = typ.Elem()
		}
		cell, known := cells[typ]
		if !known || !field.IsExported() {
			panic(fmt.Sprintf("%s.%s: what is remembered are exported fields of type bool, int64, float64, string, []byte or dag.Time, or pointers to one; "+
				"a field that need not be remembered has the tag `dag:\"-\"`", state, field.Name))
		}
		found.fields = append(found.fields, layoutField{name: field.Name, typ: cell, kind: typ.Kind(), pointer: pointer, offset: field.Offset})
	}
	return found
}

// builders are empty columns for it.
func (l *layout) builders() []*Builder {
	columns := make([]*Builder, len(l.fields))
	for index, field := range l.fields {
		columns[index] = NewBuilder(field.typ)
	}
	return columns
}

// save appends a state to columns.
func (l *layout) save(state unsafe.Pointer, columns []*Builder) {
	for index, field := range l.fields {
		at := unsafe.Add(state, field.offset)
		if field.pointer {
			if at = *(*unsafe.Pointer)(at); at == nil {
				columns[index].AppendNull()
				continue
			}
		}
		switch field.typ {
		case Boolean:
			columns[index].AppendBool(*(*bool)(at))
		case Float64:
			columns[index].AppendFloat64(*(*float64)(at))
		case Utf8:
			columns[index].AppendText(*(*string)(at))
		case Binary:
			columns[index].AppendBytes(*(*[]byte)(at))
		case Timestamp:
			columns[index].AppendTime(*(*Time)(at))
		default:
			columns[index].AppendInt64(*(*int64)(at))
		}
	}
}

// check says whether columns are those of the layout.
func (l *layout) check(columns []Column) error {
	matches := len(columns) == len(l.fields)
	found, expected := make([]Type, len(columns)), make([]Type, len(l.fields))
	for index := range columns {
		found[index] = columns[index].typ
	}
	for index, field := range l.fields {
		expected[index] = field.typ
		matches = matches && found[index] == field.typ
	}
	if !matches {
		return fmt.Errorf("saved state has columns %v, expected %v", found, expected)
	}
	return nil
}

// load reads a row into a state that is zero. The columns have been checked.
func (l *layout) load(state unsafe.Pointer, columns []Column, row int) error {
	for index, field := range l.fields {
		column, at := &columns[index], unsafe.Add(state, field.offset)
		if column.IsNull(row) {
			if field.pointer {
				continue
			}
			return fmt.Errorf("saved state has no %s", field.name)
		}
		if field.pointer {
			value := newCell(field.typ)
			*(*unsafe.Pointer)(at) = value
			at = value
		}
		switch field.typ {
		case Boolean:
			*(*bool)(at) = column.Bool(row)
		case Float64:
			*(*float64)(at) = column.Float64s()[row]
		case Utf8:
			*(*string)(at) = string(append([]byte(nil), column.Text(row)...))
		case Binary:
			*(*[]byte)(at) = append([]byte(nil), column.Bytes(row)...)
		case Timestamp:
			*(*Time)(at) = column.Times()[row]
		default:
			*(*int64)(at) = column.Int64s()[row]
		}
	}
	return nil
}

// newCell is memory for a value of that type.
func newCell(typ Type) unsafe.Pointer {
	switch typ {
	case Boolean:
		return unsafe.Pointer(new(bool))
	case Utf8:
		return unsafe.Pointer(new(string))
	case Binary:
		return unsafe.Pointer(new([]byte))
	default:
		return unsafe.Pointer(new(uint64))
	}
}
