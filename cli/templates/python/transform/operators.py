"""``{{operator}}(x, 0.2, by=host)``: the exponential moving average, per key. Change it into what you need."""

from __future__ import annotations

from typing import Any, Sequence

from dag_guest import About, Field, Input, Inputs, Keyed, Opening, Output, Refusal, State, Transform
from dag_guest import column_of, component, find_column, parameter, take_rows


class Average(State):
    """What a key remembers."""

    state = {"average": "float64?"}
    average: float | None = None


class {{Operator}}(Transform):
    about = About("{{operator}}", "The exponential moving average.", "{{operator}}(cpu_util, 0.2, by=host)")
    parameters = {
        "alpha": parameter.number("How much the newest value counts: more than 0, at most 1.", positional=True),
        "of": parameter.column("The column to smooth; a record where it is null is passed over.", default="value"),
        "by": parameter.columns("Averages apart for each value of these columns, which the output begins with.", optional=True),
    }
    key = "by"

    def open(self, arguments: Any, inputs: Sequence[Input]) -> Opening:
        self.alpha = arguments.alpha
        if not 0 < self.alpha <= 1:
            raise Refusal(f"alpha={self.alpha:.15g}: it must be more than 0 and at most 1")
        schema = inputs[0].schema
        self.column = find_column(schema, arguments.of)
        found = schema[self.column].type
        if found not in ("int64", "float64"):
            raise Refusal(f"column `{arguments.of}` is {found}, expected a number")
        self.keys = Keyed(arguments.by, schema, Average)
        if any(field.name == "value" for field in self.keys.fields):
            raise Refusal("by=value: the output has a column `value` of its own; rename the key with map first")
        # In time order; an average depends on all that came before.
        return Opening([*self.keys.fields, Field("value", "float64")], "time", "unbounded")

    def process(self, inputs: Inputs, out: Output) -> None:
        batch = inputs.first
        numbers = self.keys.numbers(batch)
        rows, averages = [], []
        for row, value in batch.column(self.column).numbers():
            key = self.keys.state(numbers[row])
            key.average = value if key.average is None else key.average + (value - key.average) * self.alpha
            rows.append(row)
            averages.append(key.average)
        kept = [batch.columns[0], *(batch.column(column) for column in self.keys.columns)]
        out.append([*take_rows(kept, rows), column_of("float64", averages)])

    def snapshot(self) -> Sequence[bytes]:
        return [self.keys.save()]

    def restore(self, version: int, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            self.keys.load(chunk)


component = component("{{project}}", "1.0.0", [{{Operator}}])
