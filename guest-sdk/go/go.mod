module dag.local/dag

go 1.26
