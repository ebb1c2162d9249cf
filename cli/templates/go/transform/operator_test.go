package main

import (
	"testing"

	"dag.local/dag/dagtest"
)

func TestItFollowsTheValues(t *testing.T) {
	want := dagtest.EachSecond(4.0, 2.0, 2.0)
	dagtest.WantTransform(t, "{{operator}}", dagtest.Arguments{"alpha=0.5"}, dagtest.EachSecond(4.0, 0.0, 2.0), want)
}

func TestHoweverItIsCutIntoBatchesAndGoesOnFromSnapshotsItIsTheSame(t *testing.T) {
	records := dagtest.NewRecords("host utf8, value float64")
	for i := range 60 {
		records.Add(i, []string{"web1", "web2", "web3"}[i%3], float64(i))
	}
	dagtest.CheckTransform(t, "{{operator}}", dagtest.Arguments{"alpha=0.2", "by=host"}, records)
}
