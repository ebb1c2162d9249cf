"""The three operators that every language has."""

import sys
import unittest
from pathlib import Path

from dag_guest import Refusal
from dag_guest.harness import SECOND, Records, check_determinism, check_fold, fold, run, scan

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

from avg import Avg  # noqa: E402
from ema import Ema  # noqa: E402
from sessions import Sessions  # noqa: E402

MAX = sys.float_info.max

BY_HOST = Records.of(
    {"value": "float64", "host": "utf8"},
    [(i // 2 * SECOND, None if i % 11 == 0 else float(i * 7 % 20), "wéb1" if i % 3 == 0 else None) for i in range(60)],
)
"""Values of two hosts, one of which has no name."""


class Averages(unittest.TestCase):
    def test_avg_is_the_mean_of_what_is_not_null(self):
        self.assertEqual(fold(Avg, {}, Records.each_second([0.0, 1.0, None, 2.0, 3.0, 4.0])), 2.0)
        self.assertEqual(fold(Avg, {}, Records.each_second([1, 2], "int64")), 1.5)
        self.assertIsNone(fold(Avg, {}, Records.each_second([None])))
        self.assertEqual(scan(Avg, {}, Records.each_second([None, 1.0, 2.0])), [None, 1.0, 1.5])

    def test_the_mean_of_finite_numbers_is_finite(self):
        self.assertEqual(fold(Avg, {}, Records.each_second([MAX, MAX])), MAX)
        self.assertEqual(fold(Avg, {}, Records.each_second([1e308, 1e308, -1e308, -1e308, 4.0])), 0.8)
        self.assertEqual(fold(Avg, {}, Records.each_second([MAX, MAX, float("inf")])), float("inf"))

    def test_what_holds_no_numbers_or_is_not_there_is_refused(self):
        with self.assertRaises(Refusal) as refused:
            fold(Avg, {}, Records.each_second(["a"], "utf8"))
        self.assertEqual(str(refused.exception), "column `value` is utf8, expected a number")
        with self.assertRaises(Refusal) as refused:
            fold(Avg, {"of": "x"}, Records.each_second([1.0]))
        expected = "there is no column `x`; the input has `value`; name the column to fold with of=, such as of=value"
        self.assertEqual(str(refused.exception), expected)

    def test_avg_keeps_what_every_aggregate_promises(self):
        check_fold(Avg, {}, Records.each_second([i * 0.1 if i % 7 else None for i in range(50)]))
        check_fold(Avg, {}, Records.each_second([MAX if i % 2 else -float(i) for i in range(20)]))

    def test_ema_averages_each_key_by_itself(self):
        values = Records.each_second([1.0, 3.0, None, 5.0])
        self.assertEqual(run(Ema, {"alpha": "0.5"}, [values]).values("value"), [1.0, 2.0, 3.5])
        averages = run(Ema, {"alpha": "0.2", "by": "host"}, [BY_HOST])
        self.assertEqual([field.name for field in averages.schema], ["host", "value"])
        check_determinism(Ema, {"alpha": "0.2", "by": "host"}, [BY_HOST])
        with self.assertRaises(Refusal) as refused:
            run(Ema, {"alpha": "1.5"}, [values])
        self.assertEqual(str(refused.exception), "alpha=1.5: it must be more than 0 and at most 1")

    def test_a_session_ends_where_the_next_record_is_further_away_than_the_gap(self):
        clicks = Records.of({"user": "utf8"}, [(0, "a"), (2, "b"), (5, "a"), (11, "a")])
        expected = [(2, "b", 2, 2, 1), (5, "a", 0, 5, 2), (11, "a", 11, 11, 1)]
        self.assertEqual(run(Sessions, {"gap": "5ns", "by": "user"}, [clicks]).to_tuples(), expected)
        check_determinism(Sessions, {"gap": "5ns", "by": "user"}, [clicks])
        check_determinism(Sessions, {"gap": "3s", "by": "host"}, [BY_HOST])
        with self.assertRaises(Refusal) as refused:
            run(Sessions, {"gap": "0s"}, [clicks])
        self.assertEqual(str(refused.exception), "gap=0s: it must be more than 0")
