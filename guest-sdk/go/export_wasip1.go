//go:build wasip1

package dag

import (
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// What a component exports, as the canonical ABI of the component model has it: lists and texts are an address and a length, a result of more than one
// number is the address of its parts. Both worlds are exported; the one that the program has no operator of describes none.
//
// Spec: https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md

//go:wasmimport dag:operator/host@0.1.0 log
func wasmLog(level uint32, message unsafe.Pointer, length uint32)

//go:wasmimport dag:operator/host@0.1.0 random
func hostRandom() uint64

func hostLog(level Level, message string) {
	if message == "" {
		return
	}
	wasmLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
}

// The greatest stack: a recursion that does not end is a fault of its own before it is one of memory.
const maxStack = 64 << 20

// Between calls garbage is collected once about so many bytes have come to it. Left to itself the collector begins at 4 MiB, in the middle of a call, and while it is
// at work the heap grows beyond: an instance would find only after thousands of calls how much it needs.
const (
	collectAfter = 2 << 20
	// What a call leaves besides its frames.
	ofCall = 2 << 10
	// How much more than a frame is left of it: columns that grow, and what an operator makes.
	ofFrame = 3
)

// garbage is about how many bytes of garbage there are.
var garbage int

// What the heap has before anything is computed, for the same reason. It is not written to, so that no memory of the machine is behind it before it is needed.
const reserved = 4 << 20

var reserve []byte

func init() {
	debug.SetMaxStack(maxStack)
	reserve = make([]byte, reserved)
	reserve = nil
	runtime.GC()
}

var (
	// What the host has asked for memory for, until the call takes it over.
	incoming [][]uint64
	// What the last call returned, for as long as the host may read it.
	outgoing [][]uint64
	// What runs.
	aggregate *AggregateInstance
	transform *TransformInstance
)

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	block := make([]uint64, (size+7)/8)
	if oldSize > 0 {
		copy(bytesOf(block), unsafe.Slice((*byte)(old), oldSize))
	}
	incoming = append(incoming, block)
	return unsafe.Pointer(&block[0])
}

func bytesOf(block []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(block))), 8*len(block))
}

func address(block []uint64) uint32 { return uint32(uintptr(unsafe.Pointer(&block[0]))) }

// taken is an incoming list: the memory that was asked for lies in a Go slice, which is looked for by its address.
func taken(at, length uint32) []byte {
	if length == 0 {
		return nil
	}
	for _, block := range incoming {
		if address(block) == at {
			return bytesOf(block)[:length:length]
		}
	}
	panic("the host passes memory that it has not asked for")
}

// begin is called in each export once it has taken its arguments.
func begin() {
	garbage += ofCall
	for _, blocks := range [][][]uint64{incoming, outgoing} {
		for _, block := range blocks {
			garbage += ofFrame * 8 * len(block)
		}
	}
	clear(incoming)
	incoming = incoming[:0]
	clear(outgoing)
	outgoing = outgoing[:0]
	if garbage > collectAfter {
		garbage = 0
		runtime.GC()
	}
}

func text(at, length uint32) string { return string(taken(at, length)) }

// list is an incoming list of records of that size, as their bytes.
func list(at, count, size uint32) [][]byte {
	records := make([][]byte, count)
	bytes := taken(at, count*size)
	for index := range records {
		records[index] = bytes[uint32(index)*size:][:size]
	}
	return records
}

func word(record []byte, at int) uint32 { return binary.LittleEndian.Uint32(record[at:]) }

func takenArguments(at, count uint32) []Argument {
	var arguments []Argument
	for _, record := range list(at, count, 16) {
		arguments = append(arguments, Argument{Name: text(word(record, 0), word(record, 4)), Value: text(word(record, 8), word(record, 12))})
	}
	return arguments
}

func takenSchema(at, count uint32) Schema {
	var schema Schema
	for _, record := range list(at, count, 12) {
		schema = append(schema, Field{Name: text(word(record, 0), word(record, 4)), Type: Type(record[8] + 1)})
	}
	return schema
}

// A record is memory for what is returned.
type record struct{ block []uint64 }

func newRecord(size int) record {
	block := make([]uint64, (size+7)/8)
	outgoing = append(outgoing, block)
	return record{block}
}

func (r record) address() uint32 {
	if len(r.block) == 0 {
		return 8
	}
	return address(r.block)
}

func (r record) byte(at int, value uint8) { bytesOf(r.block)[at] = value }
func (r record) word(at int, value uint32) {
	binary.LittleEndian.PutUint32(bytesOf(r.block)[at:], value)
}
func (r record) long(at int, value uint64) {
	binary.LittleEndian.PutUint64(bytesOf(r.block)[at:], value)
}
func (r record) pointer() unsafe.Pointer { return unsafe.Pointer(&r.block[0]) }
func (r record) list(at int, l record, n int) {
	r.word(at, l.address())
	r.word(at+4, uint32(n))
}

func (r record) bool(at int, value bool) {
	if value {
		r.byte(at, 1)
	}
}

func (r record) text(at int, value string) {
	copied := newRecord(len(value))
	copy(bytesOf(copied.block), value)
	r.list(at, copied, len(value))
}

// frame points at bytes that EncodeFrame made, which begin at a multiple of 8.
func (r record) frame(at int, bytes []byte) {
	if len(bytes) == 0 {
		r.word(at, 8)
		return
	}
	block := unsafe.Slice((*uint64)(unsafe.Pointer(&bytes[0])), len(bytes)/8)
	outgoing = append(outgoing, block)
	r.list(at, record{block}, len(bytes))
}

func (r record) optionalText(at int, value *string) {
	if value != nil {
		r.byte(at, 1)
		r.text(at+4, *value)
	}
}

func (r record) schema(at int, schema Schema) {
	fields := newRecord(12 * len(schema))
	for index, field := range schema {
		fields.text(12*index, field.Name)
		fields.byte(12*index+8, uint8(field.Type)-1)
	}
	r.list(at, fields, len(schema))
}

func (r record) lookback(at int, lookback Lookback) {
	r.byte(at, lookback.kind)
	r.long(at+8, lookback.duration)
}

// failed is `result` with an error, whose text lies at that offset.
func failed(size, at int, err error) unsafe.Pointer {
	result := newRecord(size)
	result.byte(0, 1)
	result.text(at, err.Error())
	return result.pointer()
}

// nothing is `result<_, string>`.
func nothing(err error) unsafe.Pointer {
	if err != nil {
		return failed(12, 4, err)
	}
	return newRecord(12).pointer()
}

// frame is `result<list<u8>, string>`.
func frame(bytes []byte, err error) unsafe.Pointer {
	if err != nil {
		return failed(12, 4, err)
	}
	result := newRecord(12)
	result.frame(4, bytes)
	return result.pointer()
}

func describe(kind func(*operator) bool) unsafe.Pointer {
	begin()
	var operators []*operator
	for _, operator := range component.operators {
		if kind(operator) {
			operators = append(operators, operator)
		}
	}
	description := newRecord(24)
	description.text(0, component.name)
	description.text(8, component.version)
	signatures := newRecord(68 * len(operators))
	for index, operator := range operators {
		signature(signatures, 68*index, operator)
	}
	description.list(16, signatures, len(operators))
	return description.pointer()
}

func signature(r record, at int, operator *operator) {
	about := operator.about
	r.text(at, about.Name)
	r.text(at+8, about.Doc)
	r.text(at+16, about.Example)
	r.word(at+24, uint32(about.MinInputs))
	if about.MaxInputs != AnyNumber {
		r.byte(at+28, 1)
		r.word(at+32, uint32(about.MaxInputs))
	}
	parameters := newRecord(32 * len(operator.parameters))
	for index, parameter := range operator.parameters {
		parameters.text(32*index, parameter.name)
		parameters.byte(32*index+8, parameter.kind)
		parameters.bool(32*index+9, parameter.required)
		parameters.bool(32*index+10, parameter.positional)
		parameters.bool(32*index+11, parameter.repeated)
		parameters.optionalText(32*index+12, parameter.fallback)
		parameters.text(32*index+24, parameter.doc)
	}
	r.list(at+36, parameters, len(operator.parameters))
	if about.Key != "" {
		r.optionalText(at+44, &about.Key)
	}
	r.word(at+56, about.StateWritten)
	versions := newRecord(4 * len(about.StateRead))
	for index, version := range about.StateRead {
		versions.word(4*index, version)
	}
	r.list(at+60, versions, len(about.StateRead))
}

//go:wasmexport dag:operator/aggregating@0.1.0#describe
func describeAggregates() unsafe.Pointer {
	return describe(func(operator *operator) bool { return operator.bind != nil })
}

//go:wasmexport dag:operator/aggregating@0.1.0#bind
func bind(operator, operatorLength, arguments, argumentsCount, schema, schemaCount uint32) unsafe.Pointer {
	name, given, input := text(operator, operatorLength), takenArguments(arguments, argumentsCount), takenSchema(schema, schemaCount)
	begin()
	bound, err := NewAggregate(name, given, input)
	if err != nil {
		return failed(40, 8, err)
	}
	aggregate = bound
	result := newRecord(40)
	result.byte(8, uint8(bound.Bound.Result)-1)
	columns := newRecord(4 * len(bound.Bound.Columns))
	for index, column := range bound.Bound.Columns {
		columns.word(4*index, uint32(column))
	}
	result.list(12, columns, len(bound.Bound.Columns))
	result.lookback(24, bound.Bound.Lookback)
	return result.pointer()
}

// bound is an incoming frame for the aggregate that is bound.
func bound(at, length uint32) []byte {
	bytes := taken(at, length)
	begin()
	return bytes
}

//go:wasmexport dag:operator/aggregating@0.1.0#update
func update(at, length uint32) unsafe.Pointer { return nothing(aggregate.Update(bound(at, length))) }

//go:wasmexport dag:operator/aggregating@0.1.0#combine
func combine(at, length uint32) unsafe.Pointer { return nothing(aggregate.Combine(bound(at, length))) }

//go:wasmexport dag:operator/aggregating@0.1.0#state
func state(at, length uint32) unsafe.Pointer { return frame(aggregate.State(bound(at, length))) }

//go:wasmexport dag:operator/aggregating@0.1.0#merge
func merge(at, length uint32) unsafe.Pointer { return nothing(aggregate.Merge(bound(at, length))) }

//go:wasmexport dag:operator/aggregating@0.1.0#scan
func scan(at, length uint32) unsafe.Pointer { return frame(aggregate.Scan(bound(at, length))) }

//go:wasmexport dag:operator/aggregating@0.1.0#finish
func finish(at, length uint32) unsafe.Pointer { return frame(aggregate.Finish(bound(at, length))) }

//go:wasmexport dag:operator/aggregating@0.1.0#clear
func clearSlots(at, length uint32) unsafe.Pointer { return nothing(aggregate.Clear(bound(at, length))) }

//go:wasmexport dag:operator/transforming@0.1.0#describe
func describeTransforms() unsafe.Pointer {
	return describe(func(operator *operator) bool { return operator.open != nil })
}

//go:wasmexport dag:operator/transforming@0.1.0#open
func open(operator, operatorLength, arguments, argumentsCount, inputs, inputsCount uint32) unsafe.Pointer {
	name, given := text(operator, operatorLength), takenArguments(arguments, argumentsCount)
	var streams []Input
	for _, record := range list(inputs, inputsCount, 16) {
		alias, schema := text(word(record, 0), word(record, 4)), takenSchema(word(record, 8), word(record, 12))
		streams = append(streams, Input{Alias: alias, Schema: schema})
	}
	begin()
	opened, err := NewTransform(name, given, streams)
	if err != nil {
		return failed(40, 8, err)
	}
	transform = opened
	result := newRecord(40)
	result.schema(8, opened.Opened.Schema)
	result.byte(16, uint8(opened.Opened.Order))
	result.lookback(24, opened.Opened.Lookback)
	return result.pointer()
}

//go:wasmexport dag:operator/transforming@0.1.0#process
func process(frames, framesCount, order, orderLength uint32) unsafe.Pointer {
	var bytes [][]byte
	for _, record := range list(frames, framesCount, 8) {
		bytes = append(bytes, taken(word(record, 0), word(record, 4)))
	}
	merged := taken(order, orderLength)
	begin()
	return output(transform.Process(bytes, merged))
}

//go:wasmexport dag:operator/transforming@0.1.0#advance
func advance(has uint32, frontier int64) unsafe.Pointer {
	begin()
	return output(transform.Advance(Time(frontier), has == 0))
}

// output is `result<output, string>`.
func output(emitted Emitted, err error) unsafe.Pointer {
	if err != nil {
		return failed(40, 8, err)
	}
	result := newRecord(40)
	result.frame(8, emitted.Frame)
	if emitted.Hold != nil {
		result.byte(16, 1)
		result.long(24, uint64(*emitted.Hold))
	}
	result.bool(32, emitted.More)
	return result.pointer()
}

//go:wasmexport dag:operator/transforming@0.1.0#snapshot
func snapshot() unsafe.Pointer {
	begin()
	chunks, err := transform.Snapshot()
	if err != nil {
		return failed(12, 4, err)
	}
	result := newRecord(12)
	lists := newRecord(8 * len(chunks))
	for index, chunk := range chunks {
		// A chunk need not be a frame.
		copied := newRecord(len(chunk))
		copy(bytesOf(copied.block), chunk)
		lists.list(8*index, copied, len(chunk))
	}
	result.list(4, lists, len(chunks))
	return result.pointer()
}

//go:wasmexport dag:operator/transforming@0.1.0#restore
func restore(version, chunks, chunksCount uint32) unsafe.Pointer {
	var bytes [][]byte
	for _, record := range list(chunks, chunksCount, 8) {
		bytes = append(bytes, taken(word(record, 0), word(record, 4)))
	}
	begin()
	return nothing(transform.Restore(version, bytes))
}
