// Package dagtest runs operators natively, in `go test`: records in, records out, and whether they keep what every operator promises.
//
//	func TestTheSignDoesNotMatter(t *testing.T) {
//		dagtest.WantFold(t, "rms", nil, dagtest.EachSecond(3.0, -3.0), 3.0)
//	}
package dagtest

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"dag.local/dag"
)

// Second is a second, in the nanoseconds that event times are in.
const Second dag.Time = 1_000_000_000

// Records are some records of one stream, in the order of its log.
type Records struct {
	schema dag.Schema
	times  []dag.Time
	rows   [][]any
}

// NewRecords are no records of a stream with these columns: names and types, such as "host utf8, value float64".
func NewRecords(columns string) *Records {
	records := &Records{}
	for column := range strings.SplitSeq(columns, ",") {
		name, typeName, _ := strings.Cut(strings.TrimSpace(column), " ")
		typ, known := dag.TypeOf(strings.TrimSpace(typeName))
		if !known {
			panic(fmt.Sprintf("`%s` is no column: a name and a type, such as value float64", column))
		}
		records.schema = append(records.schema, dag.Field{Name: name, Type: typ})
	}
	return records
}

// EachSecond are values at 0 s, 1 s, 2 s, ... in a column called value, of the type of the first that is not nil.
func EachSecond(values ...any) *Records {
	records := &Records{schema: dag.Schema{{Name: "value", Type: dag.Float64}}}
	for _, value := range values {
		if value == nil {
			continue
		}
		switch value.(type) {
		case int, int64:
			records.schema[0].Type = dag.Int64
		case string:
			records.schema[0].Type = dag.Utf8
		case bool:
			records.schema[0].Type = dag.Boolean
		case []byte:
			records.schema[0].Type = dag.Binary
		case dag.Time:
			records.schema[0].Type = dag.Timestamp
		}
		break
	}
	for second, value := range values {
		records.Add(second, value)
	}
	return records
}

// Add adds a record at that second: a value for each column, as Column.Value gives it; nil is null.
func (r *Records) Add(second int, values ...any) *Records {
	return r.AddAt(dag.Time(second)*Second, values...)
}

// AddAt adds a record at that time.
func (r *Records) AddAt(at dag.Time, values ...any) *Records {
	if len(values) != len(r.schema) {
		panic(fmt.Sprintf("%d values for %d columns", len(values), len(r.schema)))
	}
	r.times = append(r.times, at)
	r.rows = append(r.rows, values)
	return r
}

// Len is the number of records.
func (r *Records) Len() int { return len(r.times) }

// Schema has the columns besides time.
func (r *Records) Schema() dag.Schema { return r.schema }

// Time is a record's event time.
func (r *Records) Time(row int) dag.Time { return r.times[row] }

// Values are a record's values.
func (r *Records) Values(row int) []any { return r.rows[row] }

// String has one line per record.
func (r *Records) String() string {
	var text strings.Builder
	text.WriteString("time")
	for _, field := range r.schema {
		fmt.Fprintf(&text, ", %s %s", field.Name, field.Type)
	}
	for row, at := range r.times {
		fmt.Fprintf(&text, "\n%s", at)
		for column, value := range r.rows[row] {
			text.WriteString(", " + shown(value, r.schema[column].Type))
		}
	}
	return text.String()
}

// shown is a value so that those that differ are shown differently.
func shown(value any, typ dag.Type) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case int:
		return shown(int64(value), typ)
	case int64:
		if typ == dag.Float64 {
			return shown(float64(value), typ)
		}
		return fmt.Sprint(value)
	case float64:
		if math.Signbit(value) && value == 0 {
			return "-0"
		}
		return fmt.Sprint(value)
	case []byte:
		return "x" + hex.EncodeToString(value)
	case string:
		return fmt.Sprintf("%q", value)
	default:
		return fmt.Sprint(value)
	}
}

// columns are some rows as columns: time, then those of the schema.
func (r *Records) columns(rows []int, times bool) []*dag.Builder {
	var columns []*dag.Builder
	if times {
		columns = append(columns, dag.NewBuilder(dag.Timestamp))
	}
	for _, field := range r.schema {
		columns = append(columns, dag.NewBuilder(field.Type))
	}
	for _, row := range rows {
		values := columns
		if times {
			columns[0].AppendTime(r.times[row])
			values = columns[1:]
		}
		for column, value := range r.rows[row] {
			values[column].Append(value)
		}
	}
	return columns
}

// append adds the records of a frame: time, then the schema's columns.
func (r *Records) append(bytes []byte) error {
	frame, err := dag.ParseFrame(bytes)
	if err != nil {
		return err
	}
	for row := range frame.Rows {
		values := make([]any, len(r.schema))
		for column := range values {
			values[column] = frame.Columns[column+1].Value(row)
		}
		r.AddAt(frame.Columns[0].Times()[row], values...)
	}
	return nil
}

// Arguments are what an expression gives besides streams, as canonical text: "alpha=0.5", "by=(host,region)".
type Arguments []string

func (a Arguments) read() []dag.Argument {
	arguments := make([]dag.Argument, len(a))
	for index, argument := range a {
		name, value, _ := strings.Cut(argument, "=")
		arguments[index] = dag.Argument{Name: name, Value: value}
	}
	return arguments
}

// chance is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): the same in every run.
type chance uint64

func (c *chance) below(bound int) int {
	*c += 0x9e3779b97f4a7c15
	z := uint64(*c)
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return int((z ^ (z >> 31)) % uint64(bound))
}

func (c *chance) onceIn(times int) bool { return c.below(times) == 0 }

// cuts cuts rows into consecutive batches, some of them empty.
func (c *chance) cuts(rows int) [][2]int {
	greatest := 1 + c.below(rows+1)
	var cuts [][2]int
	for start := 0; start < rows; {
		end := min(rows, start+c.below(greatest+1))
		cuts = append(cuts, [2]int{start, end})
		start = end
	}
	return cuts
}

// The ways in which a check runs an operator.
const ways = 64

// guarded fails a test with the text of an error.
func guarded(t testing.TB, operator string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", operator, err)
	}
}
