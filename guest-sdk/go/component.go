package dag

import (
	"fmt"
	"reflect"
)

// About is how people find an operator and call it, and what the host needs to know of it before it runs.
type About struct {
	// Name is what expressions use.
	Name string
	// Doc is one sentence.
	Doc string
	// Example is an expression that uses it: avg(cpu_util, 5min).
	Example string
	// MinInputs is the least number of streams that a transform takes; 0 is 1.
	MinInputs int
	// MaxInputs is the greatest; 0 is MinInputs, and AnyNumber any.
	MaxInputs int
	// Key is the parameter of type Columns whose columns are the key of a transform, if records of different keys do not meet.
	Key string
	// StateWritten is the version of the state that it writes; 0 is 1.
	StateWritten uint32
	// StateRead are the versions that it reads; without any, the one that it writes.
	StateRead []uint32
}

// AnyNumber of input streams.
const AnyNumber = -1

// withDefaults has the zeros replaced by what they stand for.
func (a About) withDefaults() About {
	if a.MinInputs == 0 {
		a.MinInputs = 1
	}
	if a.MaxInputs == 0 {
		a.MaxInputs = a.MinInputs
	}
	if a.StateWritten == 0 {
		a.StateWritten = 1
	}
	if a.StateRead == nil {
		a.StateRead = []uint32{a.StateWritten}
	}
	return a
}

// An operator of this program.
type operator struct {
	about      About
	parameters []parameter
	// One of the two.
	bind func(arguments []Argument, input Schema) (*Bound, error)
	open func(arguments []Argument, inputs []Input) (*Opened, error)
}

// The component that this program is.
var component struct {
	name, version string
	operators     []*operator
}

// Component says what the component is called, and its version: three numbers with dots. Called once, in an init function.
func Component(name, version string) {
	component.name, component.version = name, version
}

func export(operator *operator) {
	operator.about = operator.about.withDefaults()
	component.operators = append(component.operators, operator)
}

// ExportFold exports an aggregate that folds one column, which the parameter of= names: ExportFold[*Rms](...) where *Rms has the methods of [Fold].
func ExportFold[P Fold[P, V, R], V Element, R Element](about About) {
	stateOf[P]()
	ExportAggregate(about, func(arguments Of, input Schema) (*Bound, error) {
		return BindFold[P](input, arguments.Of)
	})
}

// Of is what most aggregates take.
type Of struct {
	Of ColumnName `dag:"of" default:"value" doc:"The column to fold."`
}

// ExportAggregate exports an aggregate that chooses what folds by its arguments and the input's columns. The error is for the person who wrote the
// expression.
func ExportAggregate[A Arguments](about About, bind func(arguments A, input Schema) (*Bound, error)) {
	export(&operator{
		about:      about,
		parameters: parametersOf(reflect.TypeFor[A]()),
		bind: func(given []Argument, input Schema) (*Bound, error) {
			var arguments A
			if err := readArguments(reflect.ValueOf(&arguments).Elem(), given); err != nil {
				return nil, err
			}
			return bind(arguments, input)
		},
	})
}

// ExportTransform exports a transform, which open begins. The error is for the person who wrote the expression.
func ExportTransform[A Arguments](about About, open func(arguments A, inputs []Input) (*Opened, error)) {
	export(&operator{
		about:      about,
		parameters: parametersOf(reflect.TypeFor[A]()),
		open: func(given []Argument, inputs []Input) (*Opened, error) {
			var arguments A
			if err := readArguments(reflect.ValueOf(&arguments).Elem(), given); err != nil {
				return nil, err
			}
			return open(arguments, inputs)
		},
	})
}

// find is the exported operator of that name.
func find(name string) (*operator, error) {
	for _, operator := range component.operators {
		if operator.about.Name == name {
			return operator, nil
		}
	}
	return nil, fmt.Errorf("no operator `%s` in this component", name)
}
