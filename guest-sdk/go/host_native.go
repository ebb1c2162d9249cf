//go:build !wasip1

package dag

import (
	"fmt"
	"os"
)

var nativeRandom uint64

func hostLog(level Level, message string) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", [...]string{"debug", "info", "warn", "error"}[level], message)
}

// hostRandom is SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
func hostRandom() uint64 {
	nativeRandom += 0x9e3779b97f4a7c15
	z := nativeRandom
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// RestartRandom starts the generator of Random anew, as every run of a computation does. Package dagtest calls it.
func RestartRandom() { nativeRandom = 0 }
