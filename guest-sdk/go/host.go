package dag

import (
	"fmt"
	"math/rand/v2"
)

// Level says how much a line in the log matters.
type Level uint8

// The levels.
const (
	Debug Level = iota // for the operator's author
	Info               // worth knowing
	Warn               // something is odd
	Error              // something is wrong
)

// Log writes a line to the node's log, with the computation's expression added. Natively it goes to standard error.
func Log(level Level, format string, arguments ...any) {
	hostLog(level, fmt.Sprintf(format, arguments...))
}

// Random is sixty-four bits from a generator that is seeded from the computation: the same in every run of it, and going on from a snapshot. Natively it
// is dagtest's, which starts anew with every run of an operator there.
func Random() uint64 { return hostRandom() }

// Rand draws from the generator of Random.
func Rand() *rand.Rand { return rand.New(source{}) }

type source struct{}

func (source) Uint64() uint64 { return hostRandom() }
