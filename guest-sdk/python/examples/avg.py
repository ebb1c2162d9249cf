"""``avg_python(x, 5min)``: the mean. ``wit/examples.md`` draws what it remembers, which is the same in every language."""

import math
import sys

from dag_guest import About, Fold

SCALE = 2.0**64
"""A sum of all numbers that can be counted does not overflow when each is this much smaller."""


class Avg(Fold):
    about = About("avg_python", "The mean of the values, as float64.", "avg_python(cpu_util, 5min, by=host)")
    state = {"sum": "float64", "count": "int64", "scaled": "boolean"}
    state_written = 2
    state_read = (1, 2)

    def __init__(self):
        self.sum, self.count = 0.0, 0
        # Whether the sum stands for 2^64 times as much, because it would have overflowed.
        self.scaled = False

    @classmethod
    def load_earlier(cls, columns, row):
        """Version 1 had no scaled sums."""
        if [column.type for column in columns] != ["float64", "int64"]:
            return None
        loaded = cls()
        loaded.sum, loaded.count = columns[0][row], columns[1][row]
        return loaded

    def update(self, value, time):
        self.add(value, False)
        self.count += 1

    def combine(self, later):
        self.add(later.sum, later.scaled)
        self.count += later.count

    def result(self):
        if self.count == 0:
            return None
        mean = self.sum / self.count
        if not self.scaled or not math.isfinite(mean):
            return mean
        return max(-sys.float_info.max, min(sys.float_info.max, mean * SCALE))

    def add(self, sum, scaled):
        total = self.sum + sum
        overflows = not math.isfinite(total) and math.isfinite(self.sum) and math.isfinite(sum)
        if not (self.scaled or scaled or overflows):
            self.sum = total
            return
        self.sum = (self.sum if self.scaled else self.sum / SCALE) + (sum if scaled else sum / SCALE)
        self.scaled = True
