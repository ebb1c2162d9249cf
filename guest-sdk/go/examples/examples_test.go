package main

import (
	"math"
	"testing"

	"dag.local/dag/dagtest"
)

func clicks() *dagtest.Records {
	records := dagtest.NewRecords("user utf8, value float64")
	for i := range 80 {
		user := []any{nil, "", "ann", "bob"}[i%4]
		value := any(float64(i) * 0.1)
		if i%9 == 0 {
			value = nil
		}
		records.Add(i*i%50+i*3, user, value)
	}
	return records
}

func TestTheMeanOfFiniteNumbersIsFinite(t *testing.T) {
	dagtest.WantFold(t, "avg_go", nil, dagtest.EachSecond(1.0, 2.0), 1.5)
	dagtest.WantFold(t, "avg_go", nil, dagtest.EachSecond(1, 2), 1.5)
	dagtest.WantFold(t, "avg_go", nil, dagtest.EachSecond(math.MaxFloat64, math.MaxFloat64), math.MaxFloat64)
	dagtest.WantFold(t, "avg_go", nil, dagtest.EachSecond(math.MaxFloat64, math.Inf(1)), math.Inf(1))
	dagtest.WantFold(t, "avg_go", nil, dagtest.EachSecond(nil, nil), nil)
	dagtest.CheckFold(t, "avg_go", nil, clicks())
}

func TestAnAverageFollowsTheValues(t *testing.T) {
	dagtest.WantTransform(t, "ema_go", dagtest.Arguments{"alpha=0.5"}, dagtest.EachSecond(4.0, nil, 0.0, 2.0),
		dagtest.NewRecords("value float64").Add(0, 4.0).Add(2, 2.0).Add(3, 2.0))
	dagtest.CheckTransform(t, "ema_go", dagtest.Arguments{"alpha=0.2", "by=user"}, clicks())
}

func TestASessionEndsWhereTheGapIsLonger(t *testing.T) {
	records := dagtest.NewRecords("user utf8")
	for _, second := range []int{0, 10, 20, 31} {
		records.Add(second, "ann")
	}
	got, err := dagtest.Transform("sessions_go", dagtest.Arguments{"gap=10s", "by=user"}, records)
	if err != nil || got.Len() != 2 || got.Time(0) != 20*dagtest.Second || got.Time(1) != 31*dagtest.Second {
		t.Errorf("found %v, %v", got, err)
	}
	dagtest.CheckTransform(t, "sessions_go", dagtest.Arguments{"gap=5s", "by=user"}, clicks())
	dagtest.CheckTransform(t, "sessions_go", dagtest.Arguments{"gap=5s"}, clicks())
}
