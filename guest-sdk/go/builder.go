package dag

import (
	"fmt"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// A Builder is a column that values are appended to.
type Builder struct {
	typ     Type
	len     int
	nulls   []byte // a bit per row, 1 where there is no value; nil while there is none
	numbers []uint64
	bits    []byte
	offsets []int32
	bytes   []byte
}

// NewBuilder is an empty column of that type.
func NewBuilder(typ Type) *Builder {
	builder := &Builder{typ: typ}
	if typ == Utf8 || typ == Binary {
		builder.offsets = []int32{0}
	}
	return builder
}

// Type is the type of its values.
func (b *Builder) Type() Type { return b.typ }

// Len is the number of its rows.
func (b *Builder) Len() int { return b.len }

// AppendInt64 appends to an int64 column.
func (b *Builder) AppendInt64(value int64) {
	b.must(Int64)
	b.number(uint64(value))
}

// AppendFloat64 appends to a float64 column; every NaN as the same one.
func (b *Builder) AppendFloat64(value float64) {
	b.must(Float64)
	b.number(*(*uint64)(unsafe.Pointer(ptr(canonical(value)))))
}

// AppendTime appends to a timestamp column.
func (b *Builder) AppendTime(value Time) {
	b.must(Timestamp)
	b.number(uint64(value))
}

// AppendBool appends to a boolean column.
func (b *Builder) AppendBool(value bool) {
	b.must(Boolean)
	b.bit(value)
	b.row(false)
}

// AppendText appends to a utf8 column. What is not UTF-8 in it becomes U+FFFD.
func (b *Builder) AppendText(value string) {
	b.must(Utf8)
	if !utf8.ValidString(value) {
		value = string([]rune(value))
	}
	b.bytes = append(b.bytes, value...)
	b.end()
}

// AppendBytes appends to a binary column.
func (b *Builder) AppendBytes(value []byte) {
	b.must(Binary)
	b.bytes = append(b.bytes, value...)
	b.end()
}

// AppendNull appends no value, to a column of any type.
func (b *Builder) AppendNull() {
	switch b.typ {
	case Boolean:
		b.bit(false)
	case Utf8, Binary:
		b.offsets = append(b.offsets, int32(len(b.bytes)))
	default:
		b.numbers = append(b.numbers, 0)
	}
	b.row(true)
}

// AppendFrom appends a row of a column of the same type, as it is.
func (b *Builder) AppendFrom(column *Column, row int) {
	column.must(b.typ)
	switch {
	case column.IsNull(row):
		b.AppendNull()
	case b.typ == Boolean:
		b.AppendBool(column.Bool(row))
	case b.typ == Utf8, b.typ == Binary:
		b.bytes = append(b.bytes, column.bytes[column.offsets[row]:column.offsets[row+1]]...)
		b.end()
	default:
		b.number(unsafe.Slice((*uint64)(column.values), column.len)[row])
	}
}

// Append appends a value of the column's type, as Column.Value gives it; nil is null. A number goes into any column of numbers that can hold it.
func (b *Builder) Append(value any) {
	switch value := value.(type) {
	case nil:
		b.AppendNull()
	case bool:
		b.AppendBool(value)
	case int:
		b.Append(int64(value))
	case int64:
		if b.typ == Float64 {
			b.AppendFloat64(float64(value))
		} else {
			b.AppendInt64(value)
		}
	case float64:
		b.AppendFloat64(value)
	case string:
		b.AppendText(value)
	case []byte:
		b.AppendBytes(value)
	case Time:
		b.AppendTime(value)
	default:
		panic(fmt.Sprintf("a %T is no value of a column", value))
	}
}

// Column is a view of what was appended so far. It lasts until more is.
func (b *Builder) Column() *Column {
	column := &Column{typ: b.typ, len: b.len, offsets: b.offsets, bytes: b.bytes}
	if b.typ == Boolean {
		column.bytes = b.bits
	}
	column.values = unsafe.Pointer(unsafe.SliceData(b.numbers))
	if b.nulls != nil {
		column.validity = make([]byte, len(b.nulls))
		for index, nulls := range b.nulls {
			column.validity[index] = ^nulls
		}
	}
	return column
}

func ptr(value float64) *float64 { return &value }

func (b *Builder) number(bits uint64) {
	b.numbers = append(b.numbers, bits)
	b.row(false)
}

func (b *Builder) bit(value bool) {
	if b.len&7 == 0 {
		b.bits = append(b.bits, 0)
	}
	if value {
		b.bits[b.len>>3] |= 1 << (b.len & 7)
	}
}

// end ends a value of bytes.
func (b *Builder) end() {
	if len(b.bytes) > 1<<31-1 {
		panic("a column has 2 GiB of text")
	}
	b.offsets = append(b.offsets, int32(len(b.bytes)))
	b.row(false)
}

// row counts a row.
func (b *Builder) row(null bool) {
	if null && b.nulls == nil {
		b.nulls = make([]byte, (b.len+7)/8)
	}
	if b.nulls != nil {
		if b.len&7 == 0 {
			b.nulls = append(b.nulls, 0)
		}
		if null {
			b.nulls[b.len>>3] |= 1 << (b.len & 7)
		}
	}
	b.len++
}

// reset empties it and keeps its memory.
func (b *Builder) reset() {
	b.len, b.nulls = 0, nil
	b.numbers, b.bits, b.bytes = b.numbers[:0], b.bits[:0], b.bytes[:0]
	if b.offsets != nil {
		b.offsets = b.offsets[:1]
	}
}

// grow makes room for that many more rows.
func (b *Builder) grow(rows int) {
	switch b.typ {
	case Boolean:
		b.bits = slices.Grow(b.bits, rows/8+1)
	case Utf8, Binary:
		b.offsets = slices.Grow(b.offsets, rows)
	default:
		b.numbers = slices.Grow(b.numbers, rows)
	}
}

func (b *Builder) must(typ Type) {
	if b.typ != typ {
		panic(fmt.Sprintf("the column is %s, a value of type %s was appended", b.typ, typ))
	}
}
