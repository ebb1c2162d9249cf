package dag

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCanonicalDurationsAreRead(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "1s500ms": 1500 * time.Millisecond, "7d": 168 * time.Hour, "0s": 0, "-1m": -time.Minute,
		"1ns": 1, "106751d23h47m16s854ms775us807ns": 1<<63 - 1,
	} {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "m", "5mo", "-", "99999999999d", "1.5h"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestNamesAreReadWithAndWithoutQuotes(t *testing.T) {
	for text, want := range map[string][]string{
		"host": {"host"}, "(host,region)": {"host", "region"}, `("cpu-util","a""b")`: {"cpu-util", `a"b`}, `"a,b"`: {"a,b"},
	} {
		if got, err := parseColumns(text); !slices.Equal(got, want) || err != nil {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "()", "(a", "a,b", "(a,)", `"a`} {
		if got, err := parseColumns(text); err == nil {
			t.Errorf("%q is %q", text, got)
		}
	}
}

type everything struct {
	Limit float64       `dag:",positional" doc:"A limit."`
	Gap   time.Duration `dag:"gap" default:"1m"`
	Note  string        `dag:"note,optional"`
	By    Columns       `dag:"by,optional"`
	Times []int64       `dag:"times,positional,optional"`
	inner int
}

func TestArgumentsAreReadIntoAStruct(t *testing.T) {
	var got everything
	given := []Argument{{"limit", "2.5e-9"}, {"note", "'it''s'"}, {"by", "(a,b)"}, {"times", "1"}, {"times", "-2"}}
	if err := readArguments(reflect.ValueOf(&got).Elem(), given); err != nil {
		t.Fatal(err)
	}
	want := everything{Limit: 2.5e-9, Gap: time.Minute, Note: "it's", By: Columns{"a", "b"}, Times: []int64{1, -2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v", got)
	}
	err := readArguments(reflect.ValueOf(&got).Elem(), nil)
	if err == nil || !strings.Contains(err.Error(), "limit: one argument is expected, 0 were given") {
		t.Errorf("nothing given: %v", err)
	}
	parameters := parametersOf(reflect.TypeFor[everything]())
	if len(parameters) != 5 || !parameters[0].required || parameters[1].required || *parameters[1].fallback != "1m" || !parameters[4].repeated {
		t.Errorf("declared %+v", parameters)
	}
}

func TestAMapIsGoneThroughInTheOrderInWhichItsKeysCame(t *testing.T) {
	var order Map[string, int]
	for at, key := range []string{"z", "a", "m", "z", "b"} {
		order.Set(key, at)
	}
	order.Delete("a")
	order.Set("a", 9)
	var keys []string
	for key := range order.All() {
		keys = append(keys, key)
	}
	if value, _ := order.Get("z"); !slices.Equal(keys, []string{"z", "m", "b", "a"}) || value != 3 || order.Len() != 4 {
		t.Errorf("%v", keys)
	}
}

type panics struct{ slots []int }

func (p *panics) Update(value float64, at Time) error { p.slots[int(value)]++; return nil }
func (p *panics) Combine(later *panics) error         { return nil }
func (p *panics) Result() (float64, bool)             { return 0, false }

func TestAPanicIsAnErrorWithItsLine(t *testing.T) {
	var err error
	func() {
		defer recovered(&err)
		(&panics{}).Update(5, 0)
	}()
	// This test lies in the package itself, whose lines are passed over.
	if err == nil || !strings.Contains(err.Error(), "index out of range [5]") {
		t.Errorf("%v", err)
	}
}
