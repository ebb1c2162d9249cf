// Command examples is the component with the three operators that every language has, in Go: avg.go folds, ema.go remembers, sessions.go holds. wit/examples.md says
// what they do.
package main

import "dag.local/dag"

func init() {
	dag.Component("examples-go", "0.1.0")
}

func main() {}
