package dag

import (
	"fmt"
	"math"
	"unsafe"
)

// A Column is a view of one column where it lies in a frame: nothing is copied. What it gives, text included, lies there, too, and keeps the whole frame in memory:
// strings.Clone what is to be kept for long. Nobody may write to it.
type Column struct {
	typ      Type
	len      int
	validity []byte // a bit per row; nil where nothing is null
	values   unsafe.Pointer
	offsets  []int32
	bytes    []byte
}

// Type is the type of its values.
func (c *Column) Type() Type { return c.typ }

// Len is the number of its rows.
func (c *Column) Len() int { return c.len }

// IsNull says whether the row has no value.
func (c *Column) IsNull(row int) bool {
	return c.validity != nil && c.validity[row>>3]>>(row&7)&1 == 0
}

// HasNulls says whether any row has no value.
func (c *Column) HasNulls() bool {
	return c.validity != nil && c.Nulls() > 0
}

// Nulls is the number of rows without a value.
func (c *Column) Nulls() int {
	count := 0
	for row := range c.len {
		if c.IsNull(row) {
			count++
		}
	}
	return count
}

// Int64s are the values of an int64 column; what stands at a null's place means nothing.
func (c *Column) Int64s() []int64 {
	c.must(Int64)
	return unsafe.Slice((*int64)(c.values), c.len)
}

// Float64s are the values of a float64 column; what stands at a null's place means nothing.
func (c *Column) Float64s() []float64 {
	c.must(Float64)
	return unsafe.Slice((*float64)(c.values), c.len)
}

// Times are the values of a timestamp column; what stands at a null's place means nothing.
func (c *Column) Times() []Time {
	c.must(Timestamp)
	return unsafe.Slice((*Time)(c.values), c.len)
}

// Bool is a row's value in a boolean column.
func (c *Column) Bool(row int) bool {
	c.must(Boolean)
	return c.bytes[row>>3]>>(row&7)&1 == 1
}

// Text is a row's value in a utf8 column.
func (c *Column) Text(row int) string {
	c.must(Utf8)
	bytes := c.bytes[c.offsets[row]:c.offsets[row+1]]
	return unsafe.String(unsafe.SliceData(bytes), len(bytes))
}

// Bytes is a row's value in a binary column.
func (c *Column) Bytes(row int) []byte {
	c.must(Binary)
	from, to := c.offsets[row], c.offsets[row+1]
	return c.bytes[from:to:to]
}

// Number is a row's value in an int64 or float64 column, as the nearest float64.
func (c *Column) Number(row int) float64 {
	if c.typ == Int64 {
		return float64(c.Int64s()[row])
	}
	return c.Float64s()[row]
}

// Value is a row's value: nil, bool, int64, float64, string, []byte or Time. The typed methods are quicker.
func (c *Column) Value(row int) any {
	if c.IsNull(row) {
		return nil
	}
	switch c.typ {
	case Boolean:
		return c.Bool(row)
	case Int64:
		return c.Int64s()[row]
	case Float64:
		return c.Float64s()[row]
	case Utf8:
		return c.Text(row)
	case Binary:
		return c.Bytes(row)
	default:
		return c.Times()[row]
	}
}

func (c *Column) must(typ Type) {
	if c.typ != typ {
		panic(fmt.Sprintf("the column is %s, it was read as %s", c.typ, typ))
	}
}

// canonical makes every NaN the same one: which bits an operation gives a NaN depends on the machine.
func canonical(number float64) float64 {
	if number != number {
		return math.Float64frombits(0x7ff8000000000000)
	}
	return number
}
