package dag

import (
	"fmt"
	"strings"
	"time"
)

// Time is an event time, or a value of a timestamp column: nanoseconds since 1970-01-01T00:00:00Z, UTC.
type Time int64

// Add is the time that much later. It stays at the greatest or the least time where it would leave int64.
func (t Time) Add(d time.Duration) Time {
	sum := t + Time(d)
	switch {
	case d > 0 && sum < t:
		return MaxTime
	case d < 0 && sum > t:
		return MinTime
	}
	return sum
}

// Sub is how much later t is than earlier. It stays at the greatest or the least duration where it would leave int64.
func (t Time) Sub(earlier Time) time.Duration {
	difference := t - earlier
	switch {
	case t > earlier && difference < 0:
		return time.Duration(MaxTime)
	case t < earlier && difference > 0:
		return time.Duration(MinTime)
	}
	return time.Duration(difference)
}

// String is the time as RFC 3339, in UTC.
func (t Time) String() string {
	return time.Unix(0, int64(t)).UTC().Format(time.RFC3339Nano)
}

// The ends of time.
const (
	MinTime Time = -1 << 63
	MaxTime Time = 1<<63 - 1
)

// Type is the type of a column. Its numbers are those of wit/frame.md.
type Type uint8

// The types of columns.
const (
	Boolean   Type = 1
	Int64     Type = 2
	Float64   Type = 3
	Utf8      Type = 4
	Binary    Type = 5
	Timestamp Type = 6
)

var typeNames = [...]string{"", "boolean", "int64", "float64", "utf8", "binary", "timestamp"}

// String is the type's name in a stream's schema: int64.
func (t Type) String() string {
	if t == 0 || int(t) >= len(typeNames) {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return typeNames[t]
}

// TypeOf is the type of that name.
func TypeOf(name string) (Type, bool) {
	for code, known := range typeNames {
		if code > 0 && known == name {
			return Type(code), true
		}
	}
	return 0, false
}

// IsNumeric says whether it is int64 or float64.
func (t Type) IsNumeric() bool {
	return t == Int64 || t == Float64
}

// A Field is a column's name and type.
type Field struct {
	Name string
	Type Type
}

// A Schema has the columns of a stream besides time, which every record has and no schema lists.
type Schema []Field

// Find is the index of the column of that name. The error names the columns that there are.
func (s Schema) Find(name string) (int, error) {
	names := make([]string, len(s))
	for index, field := range s {
		if field.Name == name {
			return index, nil
		}
		names[index] = "`" + field.Name + "`"
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return 0, fmt.Errorf("there is no column `%s`; the input has %s", name, strings.Join(names, ", "))
}

// FindNumber is the index of the column of that name, which must be int64 or float64.
func (s Schema) FindNumber(name string) (int, error) {
	index, err := s.Find(name)
	if err == nil && !s[index].Type.IsNumeric() {
		return 0, fmt.Errorf("column `%s` is %s, expected a number", name, s[index].Type)
	}
	return index, err
}

// A Lookback says how much earlier than a result its causes may lie. A new computation starts reading that much earlier.
type Lookback struct {
	kind     uint8
	duration uint64
}

var (
	// NoLookback: a record depends on the input records of its own time alone.
	NoLookback = Lookback{kind: 0}
	// Unbounded: a record may depend on everything before it.
	Unbounded = Lookback{kind: 2}
)

// LookbackOf is a lookback of that long, which is not negative.
func LookbackOf(d time.Duration) Lookback {
	return Lookback{kind: 1, duration: uint64(max(d, 0))}
}

// Order says which records Process sees, and when.
type Order uint8

const (
	// LogOrder: one input, as its log has it, at once; output keeps that order.
	LogOrder Order = 0
	// TimeOrder: all inputs merged by (time, input, sequence), only records before the joint frontier.
	TimeOrder Order = 1
)
