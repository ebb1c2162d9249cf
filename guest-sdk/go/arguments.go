package dag

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// An Argument is what an expression gives for a parameter: its canonical text.
type Argument struct {
	Name  string
	Value string
}

// Arguments is any struct that arguments are read into. An exported field is a parameter; tags say the rest:
//
//	type Arguments struct {
//		Alpha float64        `dag:"alpha,positional" doc:"How much the newest value counts."`
//		Of    dag.ColumnName `dag:"of" default:"value" doc:"The column to smooth."`
//		By    dag.Columns    `dag:"by,optional" doc:"The key."`
//	}
//
// The tag dag has the parameter's name (without one it is the field's, in lower case), and then `positional` where the name need not be written, and `optional` where
// nothing need be given and the field is zero then. A tag default has canonical text for where nothing is given. A parameter with neither must be given. A slice
// takes all positional arguments that remain, at least one.
//
// A field's type says what the parameter takes: time.Duration, int64, float64, bool, string (text in single quotes), [ColumnName], [Columns],
// [Expression], [Predicate], [Projection] or [Match].
type Arguments any

// ColumnName is the name of a column of the first input, as its schema has it.
type ColumnName string

// Columns are names of columns of the first input, as its schema has them.
type Columns []string

// Expression is a scalar expression over the columns of the first input, as canonical text.
type Expression string

// Predicate is a scalar expression of type boolean over the columns of the first input, as canonical text.
type Predicate string

// Projection is `*`, a scalar expression, or a scalar expression with a name, as canonical text.
type Projection string

// Match is names of columns that all inputs have, or a condition over columns that are qualified by their input's alias, as canonical text.
type Match string

// The kinds of parameters, as wit/ numbers them.
const (
	kindDuration = iota
	kindInteger
	kindNumber
	kindText
	kindBoolean
	kindColumn
	kindColumns
	kindScalar
	kindPredicate
	kindProjection
	kindMatch
)

// A parameter is a field of an operator's arguments.
type parameter struct {
	name       string
	kind       uint8
	required   bool
	positional bool
	repeated   bool
	fallback   *string
	doc        string
	field      int
}

var kinds = map[reflect.Type]uint8{
	reflect.TypeFor[time.Duration](): kindDuration,
	reflect.TypeFor[int64]():         kindInteger,
	reflect.TypeFor[float64]():       kindNumber,
	reflect.TypeFor[string]():        kindText,
	reflect.TypeFor[bool]():          kindBoolean,
	reflect.TypeFor[ColumnName]():    kindColumn,
	reflect.TypeFor[Columns]():       kindColumns,
	reflect.TypeFor[Expression]():    kindScalar,
	reflect.TypeFor[Predicate]():     kindPredicate,
	reflect.TypeFor[Projection]():    kindProjection,
	reflect.TypeFor[Match]():         kindMatch,
}

// parametersOf are the parameters that a struct declares. It panics where the struct is none, for that is the author's mistake.
func parametersOf(arguments reflect.Type) []parameter {
	if arguments.Kind() != reflect.Struct {
		panic(fmt.Sprintf("arguments are read into a struct, not into %s", arguments))
	}
	var parameters []parameter
	for index := range arguments.NumField() {
		field := arguments.Field(index)
		if !field.IsExported() || field.Tag.Get("dag") == "-" {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("dag"), ",")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		declared := parameter{name: name, doc: field.Tag.Get("doc"), required: true, field: index}
		typ := field.Type
		kind, known := kinds[typ]
		if !known && typ.Kind() == reflect.Slice {
			declared.repeated = true
			kind, known = kinds[typ.Elem()]
		}
		if !known {
			panic(fmt.Sprintf("%s.%s: a parameter is no %s", arguments, field.Name, typ))
		}
		declared.kind = kind
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "":
			case "positional":
				declared.positional = true
			case "optional":
				declared.required = false
			default:
				panic(fmt.Sprintf("%s.%s: the tag's option %q is none", arguments, field.Name, option))
			}
		}
		if text, given := field.Tag.Lookup("default"); given {
			declared.fallback, declared.required = &text, false
		}
		parameters = append(parameters, declared)
	}
	return parameters
}

// readArguments reads canonical texts into a struct of that type.
func readArguments(into reflect.Value, given []Argument) error {
	for _, parameter := range parametersOf(into.Type()) {
		var texts []string
		for _, argument := range given {
			if argument.Name == parameter.name {
				texts = append(texts, argument.Value)
			}
		}
		if len(texts) == 0 && parameter.fallback != nil {
			texts = []string{*parameter.fallback}
		}
		if err := readField(into.Field(parameter.field), parameter, texts); err != nil {
			return fmt.Errorf("%s: %w", parameter.name, err)
		}
	}
	return nil
}

func readField(field reflect.Value, parameter parameter, texts []string) error {
	switch {
	case len(texts) == 0 && !parameter.required:
		return nil
	case len(texts) == 0 && parameter.repeated:
		return fmt.Errorf("at least one is needed")
	case len(texts) != 1 && !parameter.repeated:
		return fmt.Errorf("one argument is expected, %d were given", len(texts))
	case !parameter.repeated:
		return readText(field, parameter.kind, texts[0])
	}
	list := reflect.MakeSlice(field.Type(), len(texts), len(texts))
	for index, text := range texts {
		if err := readText(list.Index(index), parameter.kind, text); err != nil {
			return err
		}
	}
	field.Set(list)
	return nil
}

func readText(field reflect.Value, kind uint8, text string) error {
	switch kind {
	case kindDuration:
		value, err := parseDuration(text)
		field.SetInt(int64(value))
		return err
	case kindInteger:
		value, err := parseInteger(text)
		field.SetInt(value)
		return err
	case kindNumber:
		value, err := parseNumber(text)
		field.SetFloat(value)
		return err
	case kindText:
		value, err := parseText(text)
		field.SetString(value)
		return err
	case kindBoolean:
		field.SetBool(text == "true")
		if text != "true" && text != "false" {
			return fmt.Errorf("expected true or false, found `%s`", text)
		}
	case kindColumn:
		value, err := parseColumn(text)
		field.SetString(value)
		return err
	case kindColumns:
		value, err := parseColumns(text)
		field.Set(reflect.ValueOf(Columns(value)))
		return err
	default:
		field.SetString(text)
	}
	return nil
}
