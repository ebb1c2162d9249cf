"""Aggregates: anything that folds. The host owns keys, windows, panes and lateness; an operator folds columns into numbered slots."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, Mapping, Optional, Protocol, Sequence, Union

from .column import Column
from .parameter import Parameter, parameter
from .refusal import Refusal
from .schema import Lookback, Schema, Type, find_column, is_numeric
from .slots import Slots
from .state import State

__all__ = ["About", "Accumulator", "Aggregate", "Bound", "Fold", "fold_column", "fold_rows"]


@dataclass(frozen=True)
class About:
    """How people find an operator and call it."""

    name: str
    """The name that expressions use."""
    doc: str
    """One sentence."""
    example: str
    """An expression that uses it, such as ``avg(cpu_util, 5min)``."""


class Accumulator(Protocol):
    """Folds columns into numbered slots.

    Slots are small numbers that the host chooses; one that was never seen, or was cleared, is empty. Rows come in log order. Splitting the
    same rows into other batches must not change any result. Columns are valid until the call returns; times are nanoseconds since the epoch.
    """

    def update(self, slots: Sequence[int], times: Sequence[int], columns: Sequence[Column]) -> None:
        """Folds rows into slots."""

    def scan(self, slots: Sequence[int], times: Sequence[int], columns: Sequence[Column]) -> Column:
        """Like ``update``, and returns each row's result after it."""
        ...

    def combine(self, into: Sequence[int], origin: Sequence[int]) -> None:
        """Folds slots of ``origin``, which stay, into those of ``into``, row by row."""

    def state(self, slots: Sequence[int]) -> Sequence[Column]:
        """The state of these slots, one row each."""
        ...

    def merge(self, slots: Sequence[int], columns: Sequence[Column]) -> None:
        """Folds saved states into slots."""

    def finish(self, slots: Sequence[int]) -> Column:
        """The results of these slots, which it does not consume; None where there is none."""
        ...

    def clear(self, slots: Sequence[int]) -> None:
        """Forgets these slots."""


@dataclass(frozen=True)
class Bound:
    """A bound aggregate."""

    result: Type
    """The result's type."""
    columns: Sequence[int]
    """The input's columns that the accumulator wants, by index in its schema."""
    accumulator: Accumulator
    """What folds."""
    lookback: Lookback = "none"
    """Besides the window, which the host adds."""


class Aggregate:
    """An aggregate that chooses, by its arguments and the input's columns, what folds. Most are a ``Fold``."""

    about: ClassVar[About]
    """How people find it and call it."""
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    """What it takes besides its input; the window's parameters belong to the host."""
    state_written: ClassVar[int] = 1
    """The version of the state that it writes."""
    state_read: ClassVar[Sequence[int]] = (1,)
    """The versions of the state that it reads."""

    @classmethod
    def bind(cls, arguments: SimpleNamespace, schema: Schema) -> Bound:
        """Chooses.

        Raises:
            Refusal: if the input has not the columns that the arguments ask for, or not of a type that it folds.
        """
        raise NotImplementedError(f"class {cls.__name__} has no bind")


class Fold(Aggregate, State):
    """What one slot holds, and how it takes one value after another. Nulls do not get here. It is made without arguments.

    ::

        class Rms(Fold):
            about = About("rms", "The root mean square.", "rms(voltage, 1s)")
            state = {"squares": "float64", "count": "int64"}

            def __init__(self):
                self.squares, self.count = 0.0, 0

            def update(self, value, time):
                self.squares += value * value
                self.count += 1

            def combine(self, later):
                self.squares += later.squares
                self.count += later.count

            def result(self):
                return math.sqrt(self.squares / self.count) if self.count else None
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {"of": parameter.column("The column to fold.", default="value")}
    value_type: ClassVar[Union[Literal["number", "any"], Type]] = "number"
    """What it takes: ``number`` (of int64 the nearest double), the values of one type of column, or ``any``: that there is a value."""
    result_type: ClassVar[Type] = "float64"
    """The result's type."""

    @classmethod
    def bind(cls, arguments: SimpleNamespace, schema: Schema) -> Bound:
        """Folds the column that ``of`` names."""
        return fold_column(cls, schema, arguments.of)

    @classmethod
    def load_earlier(cls, columns: Sequence[Column], row: int) -> Optional["Fold"]:
        """Reads a row of a state whose columns are not ``state``, for an earlier version wrote them; None if none that is read did."""
        return None

    def update(self, value: Any, time: int) -> None:
        """Takes the next value, of a record with that event time. What it raises stops the computation."""
        raise NotImplementedError(f"class {type(self).__name__} has no update")

    def combine(self, later: Any) -> None:
        """Takes what a slot holds whose values come after this one's, and leaves it as it is."""
        raise NotImplementedError(f"class {type(self).__name__} has no combine")

    def result(self) -> Any:
        """The result so far, of the type that ``result_type`` says; None where there is none."""
        raise NotImplementedError(f"class {type(self).__name__} has no result")


def fold_column(fold: type[Fold], schema: Schema, name: str) -> Bound:
    """Folds the column of that name.

    Raises:
        Refusal: if there is no such column, or the fold does not take its type.
    """
    if all(own.name != name for own in schema):
        meant = next((own.name for own in schema if is_numeric(own.type)), schema[0].name if schema else "COLUMN")
        names = ", ".join(f"`{own.name}`" for own in schema) or "none"
        hint = f"name the column to fold with of=, such as of={meant}"
        raise Refusal(f"there is no column `{name}`; the input has {names}; {hint}")
    index = find_column(schema, name)
    found = schema[index].type
    accepted = fold.value_type in ("any", found) or (fold.value_type == "number" and is_numeric(found))
    if not accepted:
        raise Refusal(f"column `{name}` is {found}, expected {_NAMES[fold.value_type]}")
    return Bound(fold.result_type, [index], Slots(fold))


def fold_rows(fold: type[Fold]) -> Bound:
    """Folds whole records, whatever they hold. The fold takes ``any``."""
    return Bound(fold.result_type, [], Slots(fold))


_NAMES = {
    "number": "a number",
    "any": "any value",
    "boolean": "a boolean",
    "int64": "an integer",
    "float64": "a float64",
    "utf8": "text",
    "binary": "binary",
    "timestamp": "a timestamp",
}
"""What people call what a fold takes, in errors."""
