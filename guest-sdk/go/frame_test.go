package dag

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const vectors = "../../wit/vectors"

type vector struct {
	Rows    int
	Columns []struct {
		Type   string
		Values []any
	}
}

func index(t *testing.T) map[string][]string {
	var index map[string][]string
	readJSON(t, filepath.Join(vectors, "index.json"), &index)
	return index
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func readHex(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	frame, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(path, err)
	}
	return frame
}

// builders are the columns that a vector has.
func (v *vector) builders(t *testing.T) []*Builder {
	t.Helper()
	columns := make([]*Builder, len(v.Columns))
	for index, column := range v.Columns {
		typ, known := TypeOf(column.Type)
		if !known {
			t.Fatalf("unknown type %s", column.Type)
		}
		columns[index] = NewBuilder(typ)
		for _, value := range column.Values {
			columns[index].Append(value_(t, typ, value))
		}
	}
	return columns
}

// value_ is a value as the JSON has it.
func value_(t *testing.T, typ Type, value any) any {
	if value == nil || typ == Boolean || typ == Utf8 {
		return value
	}
	text := value.(string)
	switch typ {
	case Float64:
		bits, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return math.Float64frombits(bits)
	case Binary:
		bytes, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if typ == Timestamp {
		return Time(number)
	}
	return number
}

// checkRead reads a frame and compares it with what it has to hold.
func checkRead(t *testing.T, name string, bytes []byte, want *vector) {
	t.Helper()
	frame, err := ParseFrame(bytes)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if frame.Rows != want.Rows || len(frame.Columns) != len(want.Columns) {
		t.Errorf("%s has %d rows and %d columns", name, frame.Rows, len(frame.Columns))
		return
	}
	for index, builder := range want.builders(t) {
		got, expected := &frame.Columns[index], builder.Column()
		if got.Type() != expected.Type() {
			t.Errorf("%s: column %d is %s", name, index, got.Type())
			continue
		}
		for row := range frame.Rows {
			if !same(got.Value(row), expected.Value(row)) {
				t.Errorf("%s: column %d, row %d is %v, expected %v", name, index, row, got.Value(row), expected.Value(row))
			}
		}
	}
}

func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, is := b.(float64)
		return is && math.Float64bits(a) == math.Float64bits(b)
	case []byte:
		b, is := b.([]byte)
		return is && bytes.Equal(a, b)
	}
	return a == b
}

func TestEveryVectorIsWrittenAndReadBack(t *testing.T) {
	for _, name := range index(t)["written"] {
		var want vector
		readJSON(t, filepath.Join(vectors, name+".json"), &want)
		frame := readHex(t, filepath.Join(vectors, name+".hex"))
		if written := EncodeFrame(want.Rows, want.builders(t)); !bytes.Equal(written, frame) {
			t.Errorf("%s is written as\n%x\nexpected\n%x", name, written, frame)
		}
		checkRead(t, name, frame, &want)
		// Where it does not begin at a multiple of 8, too.
		checkRead(t, name, append(make([]byte, 1, len(frame)+1), frame...)[1:], &want)
	}
}

func TestFramesThatNoWriterWritesSoAreRead(t *testing.T) {
	for _, name := range index(t)["read"] {
		var want vector
		readJSON(t, filepath.Join(vectors, "read", name+".json"), &want)
		checkRead(t, name, readHex(t, filepath.Join(vectors, "read", name+".hex")), &want)
	}
}

func TestEveryDamagedVectorIsRefused(t *testing.T) {
	names := index(t)["refused"]
	if len(names) < 20 {
		t.Fatalf("only %d vectors", len(names))
	}
	for _, name := range names {
		if _, err := ParseFrame(readHex(t, filepath.Join(vectors, "refused", name+".hex"))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
