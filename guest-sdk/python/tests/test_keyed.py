"""Keys: what is equal is one key, and nothing else is. And columns that grow, by value and by rows of others."""

import math
import unittest
from types import SimpleNamespace

from dag_guest import ColumnBuilder, Field, Frame, Keyed, State, column_of, encode_frame, keys_of, take_rows

DISTINCT = {
    "boolean": [None, True, False],
    "int64": [None, 0, -1, 2**62, 2**62 + 1],
    "float64": [None, 0.0, 0.5, -0.5, math.nan, math.inf],
    "utf8": [None, "", "a", "aa", "ż", "\U0001f980", "None"],
    "binary": [None, b"", b"\0", b"\xff\xfe", b"\0\0"],
    "timestamp": [None, 0, 1],
}
"""Per type, values of which no two are equal."""


class Sum(State):
    state = {"sum": "float64"}

    def __init__(self):
        self.sum = 0.0


class Keys(unittest.TestCase):
    def test_equal_values_are_one_key_and_different_ones_are_several(self):
        for type, values in DISTINCT.items():
            with self.subTest(type):
                keys = keys_of([column_of(type, values + values)], 2 * len(values))
                self.assertEqual(len(set(keys)), len(values))
                self.assertEqual(keys[: len(values)], keys[len(values) :])
        self.assertEqual(len(set(keys_of([column_of("float64", [0.0, -0.0])], 2))), 1)

    def test_where_one_of_several_values_ends_is_part_of_the_key(self):
        pairs = [("a", "bc"), ("ab", "c"), ("", "abc"), (None, "abc"), ("abc", None)]
        columns = [column_of("utf8", [pair[index] for pair in pairs]) for index in (0, 1)]
        self.assertEqual(len(set(keys_of(columns, len(pairs)))), len(pairs))
        self.assertEqual(keys_of([], 2), [(), ()])

    def test_what_was_saved_has_the_same_numbers_and_states_when_it_is_loaded(self):
        schema = [Field("host", "utf8"), Field("rack", "float64")]
        columns = [column_of("utf8", ["a", None, "ż", "a"]), column_of("float64", [math.nan, 1.0, None, math.nan])]
        batch = SimpleNamespace(rows=4, column=lambda index: columns[index])
        before, after = (Keyed(["host", "rack"], schema, Sum) for _ in range(2))
        for number in before.numbers(batch):
            before.state(number).sum += 1
        after.load(before.save())
        self.assertEqual(after.numbers(batch), [0, 1, 2, 0])
        self.assertEqual([after.state(number).sum for number in range(3)], [2, 1, 1])


class Growing(unittest.TestCase):
    def test_what_goes_in_comes_out(self):
        for type, values in DISTINCT.items():
            for without in (values[1:], values):
                with self.subTest(type, nulls=without is values):
                    all = without * 50
                    column = column_of(type, all)
                    appended = ColumnBuilder(type)
                    appended.push(None)
                    appended.append(column)
                    many, few = [i * 7 % len(all) for i in range(len(all))], [3, 1]
                    pairs = [
                        (column, all),
                        (appended.finish(), [None, *all]),
                        (take_rows([column], many)[0], [all[row] for row in many]),
                        (take_rows([column], few)[0], [all[row] for row in few]),
                    ]
                    for made, expected in pairs:
                        read = Frame.parse(encode_frame(made.length, [made])).columns[0]
                        self.assertEqual(repr(read.to_list()), repr(expected))
                        self.assertEqual(repr([read[row] for row in range(read.length)]), repr(expected))
                        valid = [(row, value) for row, value in enumerate(expected) if value is not None]
                        self.assertEqual(repr(list(read.valid())), repr(valid))

    def test_what_is_of_another_type_is_refused(self):
        for type, value in (("float64", 1), ("int64", 1.0), ("int64", True), ("utf8", b"a"), ("binary", "a")):
            with self.assertRaises(TypeError):
                column_of(type, [value])


if __name__ == "__main__":
    unittest.main()
