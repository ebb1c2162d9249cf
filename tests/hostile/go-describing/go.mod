module describing

go 1.26

require dag.local/dag v0.0.0

replace dag.local/dag => ./sdk
