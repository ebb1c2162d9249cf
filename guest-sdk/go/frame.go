package dag

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
	"unsafe"
)

const (
	frameVersion   = 1
	headerSize     = 16
	descriptorSize = 32
	maxRows        = 1<<31 - 1
)

// A Frame is a batch of records as bytes, as wit/frame.md draws it, seen as columns.
type Frame struct {
	Rows    int
	Columns []Column
}

// ParseFrame checks every statement that the frame makes of itself, and views its columns where they lie. The bytes are copied only where they do not
// begin at a multiple of 8 in memory.
func ParseFrame(frame []byte) (*Frame, error) {
	if len(frame) < headerSize {
		return nil, fmt.Errorf("frame has %d bytes, its header takes %d", len(frame), headerSize)
	}
	if uintptr(unsafe.Pointer(unsafe.SliceData(frame)))%8 != 0 {
		frame = aligned(frame)
	}
	word := func(at int) int { return int(binary.LittleEndian.Uint32(frame[at:])) }
	version, columns, rows, stated := word(0), word(4), word(8), word(12)
	switch {
	case version != frameVersion:
		return nil, fmt.Errorf("frame has version %d, this reader knows %d", version, frameVersion)
	case stated != len(frame):
		return nil, fmt.Errorf("frame says that it has %d bytes, it has %d", stated, len(frame))
	case rows > maxRows || rows > 0 && columns == 0:
		return nil, fmt.Errorf("frame says that it has %d rows: too many, or without a column", rows)
	case headerSize+descriptorSize*columns > len(frame):
		return nil, fmt.Errorf("frame has %d bytes, its header takes %d", len(frame), headerSize+descriptorSize*columns)
	}
	parsed := &Frame{Rows: rows, Columns: make([]Column, columns)}
	reader := frameReader{frame: frame, header: headerSize + descriptorSize*columns, rows: rows}
	for index := range parsed.Columns {
		if err := reader.column(index, &parsed.Columns[index]); err != nil {
			return nil, fmt.Errorf("column %d %w", index, err)
		}
	}
	return parsed, nil
}

// aligned is a copy that begins at a multiple of 8.
func aligned(bytes []byte) []byte {
	words := make([]uint64, (len(bytes)+7)/8)
	copied := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(bytes))
	copy(copied, bytes)
	return copied
}

type frameReader struct {
	frame  []byte
	header int
	rows   int
}

func (r *frameReader) column(index int, column *Column) error {
	var words [8]int
	for word := range words {
		words[word] = int(binary.LittleEndian.Uint32(r.frame[headerSize+descriptorSize*index+4*word:]))
	}
	bitmap := (r.rows + 7) / 8
	if words[0] < int(Boolean) || words[0] > int(Timestamp) {
		return fmt.Errorf("has the unknown type code %d", words[0])
	}
	if words[7] != 0 {
		return fmt.Errorf("has reserved bytes that are not zero")
	}
	column.typ, column.len = Type(words[0]), r.rows
	var err error
	if words[1] != 0 || words[2] != 0 {
		if column.validity, err = r.buffer("validity", words[1], words[2], bitmap); err != nil {
			return err
		}
	}
	length := 8 * r.rows
	switch column.typ {
	case Boolean:
		length = bitmap
	case Utf8, Binary:
		length = 4 * (r.rows + 1)
	}
	values, err := r.buffer("values", words[3], words[4], length)
	if err != nil {
		return err
	}
	if column.typ == Utf8 || column.typ == Binary {
		if column.bytes, err = r.buffer("bytes", words[5], words[6], words[6]); err != nil {
			return err
		}
		column.offsets = unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(values))), r.rows+1)
		return checkOffsets(column)
	}
	if words[5] != 0 || words[6] != 0 {
		return fmt.Errorf("has bytes of %d bytes at %d: wrong place or length", words[6], words[5])
	}
	if column.typ == Boolean {
		column.bytes = values
	} else {
		column.values = unsafe.Pointer(unsafe.SliceData(values))
	}
	return nil
}

// buffer is the buffer there, which must have the expected length and lie at a multiple of 8 behind the header.
func (r *frameReader) buffer(name string, at, length, expected int) ([]byte, error) {
	if length != expected || at < r.header || at%8 != 0 || at+length > len(r.frame) {
		return nil, fmt.Errorf("has %s of %d bytes at %d: wrong place or length", name, length, at)
	}
	return r.frame[at : at+length : at+length], nil
}

// checkOffsets refuses offsets that decrease or leave the bytes, and text that is not UTF-8.
func checkOffsets(column *Column) error {
	last := int32(0)
	for row, offset := range column.offsets {
		if offset < last {
			return fmt.Errorf("has offsets at row %d that decrease or leave its bytes", max(row-1, 0))
		}
		last = offset
	}
	if int(last) > len(column.bytes) {
		return fmt.Errorf("has offsets at row %d that decrease or leave its bytes", max(column.len-1, 0))
	}
	if column.typ == Binary {
		return nil
	}
	// Text that is whole as a whole is whole in its parts where none begins inside a character.
	text := column.bytes[column.offsets[0]:last]
	ascii := true
	for _, b := range text {
		if b >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return nil
	}
	for _, offset := range column.offsets {
		if int(offset) < len(column.bytes) && offset < last && !utf8.RuneStart(column.bytes[offset]) {
			return fmt.Errorf("has text that is not UTF-8")
		}
	}
	if !utf8.Valid(text) {
		return fmt.Errorf("has text that is not UTF-8")
	}
	return nil
}

// EncodeFrame is a batch as a frame: so many rows of these columns.
func EncodeFrame(rows int, columns []*Builder) []byte {
	size := headerSize + descriptorSize*len(columns)
	for _, column := range columns {
		if column.len != rows {
			panic(fmt.Sprintf("a column has %d rows in a frame of %d", column.len, rows))
		}
		size += column.encodedSize()
	}
	if rows > 0 && len(columns) == 0 || size > 1<<32-1 {
		panic(fmt.Sprintf("no frame has %d rows in %d columns and %d bytes", rows, len(columns), size))
	}
	// Eight bytes at a time, so that it begins at a multiple of 8.
	words := make([]uint64, size/8)
	out := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), size)
	put := func(at int, value int) { binary.LittleEndian.PutUint32(out[at:], uint32(value)) }
	put(0, frameVersion)
	put(4, len(columns))
	put(8, rows)
	put(12, size)
	at := headerSize + descriptorSize*len(columns)
	place := func(bytes []byte) int {
		start := at
		copy(out[at:], bytes)
		at += padded(len(bytes))
		return start
	}
	for index, column := range columns {
		descriptor := headerSize + descriptorSize*index
		put(descriptor, int(column.typ))
		if column.nulls != nil {
			start := place(column.nulls)
			put(descriptor+4, start)
			put(descriptor+8, len(column.nulls))
			flip(out[start:start+len(column.nulls)], rows)
		}
		values := column.valueBytes()
		put(descriptor+12, place(values))
		put(descriptor+16, len(values))
		if column.offsets != nil {
			put(descriptor+20, place(column.bytes))
			put(descriptor+24, len(column.bytes))
		}
	}
	return out
}

// flip turns bits of nulls into bits of values, of that many rows.
func flip(bits []byte, rows int) {
	for index := range bits {
		bits[index] = ^bits[index]
	}
	if rows%8 != 0 {
		bits[len(bits)-1] &= 1<<(rows%8) - 1
	}
}

func (b *Builder) valueBytes() []byte {
	switch {
	case b.typ == Boolean:
		return b.bits
	case b.offsets != nil:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.offsets))), 4*len(b.offsets))
	case b.len == 0:
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b.numbers))), 8*b.len)
}

func (b *Builder) encodedSize() int {
	size := padded(len(b.nulls)) + padded(len(b.valueBytes()))
	if b.offsets != nil {
		size += padded(len(b.bytes))
	}
	return size
}

func padded(size int) int { return (size + 7) &^ 7 }
