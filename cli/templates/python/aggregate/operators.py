"""``{{operator}}(x, 10s)``: the root mean square. Change it into what you need."""

from __future__ import annotations

import math

from dag_guest import About, Fold, component


class {{Operator}}(Fold):
    """What each window of each key holds."""

    about = About("{{operator}}", "The root mean square.", "{{operator}}(voltage, 10s, by=host)")
    value_type = "number"
    result_type = "float64"
    # The attributes that are kept over a crash; another set of them needs another `state_written`.
    state = {"squares": "float64", "count": "int64"}

    def __init__(self) -> None:
        self.squares, self.count = 0.0, 0

    def update(self, value: float, time: int) -> None:
        """Takes the next value."""
        self.squares += value * value
        self.count += 1

    def combine(self, later: {{Operator}}) -> None:
        """Takes what was held elsewhere of the values that come later."""
        self.squares += later.squares
        self.count += later.count

    def result(self) -> float | None:
        """The result so far."""
        return math.sqrt(self.squares / self.count) if self.count else None


component = component("{{project}}", "1.0.0", [{{Operator}}])
