package main

import (
	"testing"

	"dag.local/dag/dagtest"
)

func TestTheSignDoesNotMatter(t *testing.T) {
	dagtest.WantFold(t, "{{operator}}", nil, dagtest.EachSecond(3.0, -3.0), 3.0)
}

func TestHoweverItIsCutIntoBatchesAndPutTogetherItIsTheSame(t *testing.T) {
	records := dagtest.NewRecords("value float64")
	for i := range 50 {
		records.Add(i, float64(i)*0.1)
	}
	dagtest.CheckFold(t, "{{operator}}", nil, records)
}
