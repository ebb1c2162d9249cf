"""Keys: what records have in common that belong together."""

from __future__ import annotations

from typing import Any, Generic, Optional, Sequence, TypeVar

from .column import Column, ColumnBuilder
from .frame import Frame, encode_frame
from .inputs import Batch
from .schema import Schema, find_column
from .state import State, fits_state, load_state, save_states, unfit

__all__ = ["Keyed", "key_of"]

S = TypeVar("S", bound=State)


class Keyed(Generic[S]):
    """A state per key, for transforms with a ``by=``. Keys are numbered as they are first seen."""

    def __init__(self, names: Optional[Sequence[str]], schema: Schema, state: type[S]) -> None:
        self.columns = [find_column(schema, name) for name in names or ()]
        """The key columns, by index in the input's schema; without any, all records have the same key."""
        self.fields = [schema[column] for column in self.columns]
        """Their names and types."""
        self._state = state
        self._numbers: dict[Any, int] = {}
        self._keys = [ColumnBuilder(field.type) for field in self.fields]
        self._states: list[S] = []

    def __len__(self) -> int:
        return len(self._states)

    def numbers(self, batch: Batch) -> list[int]:
        """The number of each record's key. Those that are new have states of their own by now."""
        columns = [batch.column(column) for column in self.columns]
        return [self._number(columns, row) for row in range(batch.rows)]

    def state(self, number: int) -> S:
        """The state of the key with that number."""
        return self._states[number]

    def save(self) -> bytes:
        """Keys and states, for a snapshot."""
        keys = [builder.finish() for builder in self._keys]
        return encode_frame(len(self), [*keys, *save_states(self._state, self._states)])

    def load(self, saved: bytes) -> None:
        """Reads what ``save`` wrote."""
        frame = Frame.parse(saved)
        keys, states = frame.columns[: len(self.fields)], frame.columns[len(self.fields) :]
        expected = [field.type for field in self.fields]
        if [key.type for key in keys] != expected:
            raise TypeError(f"saved keys have columns {[key.type for key in keys]}, expected {expected}")
        if not fits_state(self._state, states):
            raise unfit(self._state, states)
        for row in range(frame.rows):
            number = self._number(keys, row)
            self._states[number] = load_state(self._state, states, row)

    def _number(self, columns: Sequence[Column], row: int) -> int:
        key = key_of(columns, row)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._states)
            for builder, column in zip(self._keys, columns):
                builder.take(column, [row])
            self._states.append(self._state())
        return number


def key_of(columns: Sequence[Column], row: int) -> Any:
    """What is equal for equal values of these columns, and for no others. None equals None, NaN equals NaN, and 0 equals -0."""
    if len(columns) == 1:
        return _key(columns[0][row])
    return tuple(_key(column[row]) for column in columns)


def _key(value: Any) -> Any:
    # NaN is not equal to itself, but this is.
    return ("NaN",) if value != value else value
