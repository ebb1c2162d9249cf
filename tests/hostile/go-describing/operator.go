// describing misbehaves when it is asked what it is, in the way that the constant `way` says, which the test adds. What a program in Go says of itself is made in its init
// functions, which run before the host can ask.
package main

import (
	"errors"
	"fmt"
	"strings"

	"dag.local/dag"
)

type none struct{}

// many has a parameter more than an operator may have.
type many struct {
	P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16      int64
	P17, P18, P19, P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32 int64
}

func open[A dag.Arguments](A, []dag.Input) (*dag.Opened, error) {
	return nil, errors.New("it only describes")
}

var hoard [][]byte

func init() {
	dag.Component("describing", "1.0.0")
	operators, doc := 1, "x"
	switch way {
	case "loops":
		for {
		}
	case "traps":
		panic("it cannot say what it is")
	case "hoards":
		for {
			block := make([]byte, 1<<20)
			block[len(block)-1] = 1
			hoard = append(hoard, block)
		}
	case "chatters":
		for {
			dag.Log(dag.Info, "and another thing")
		}
	case "operators":
		operators = 300
	case "parameters":
		dag.ExportTransform(dag.About{Name: "operator", Doc: doc}, open[many])
		return
	case "docs":
		doc = strings.Repeat("x", 2<<20)
	}
	for number := range operators {
		dag.ExportTransform(dag.About{Name: fmt.Sprintf("operator%d", number), Doc: doc}, open[none])
	}
}

func main() {}
