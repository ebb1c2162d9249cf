"""Keys: what records have in common that belong together."""

from __future__ import annotations

from typing import Any, Generic, Optional, Sequence, TypeVar

from .column import Column, ColumnBuilder
from .frame import Frame, encode_frame
from .inputs import Batch
from .schema import Schema, find_column
from .state import State, fits_state, load_state, save_states, unfit

__all__ = ["Keyed", "keys_of"]

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
        return self._numbers_of([batch.column(column) for column in self.columns], batch.rows)

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
        for row, number in enumerate(self._numbers_of(keys, frame.rows)):
            self._states[number] = load_state(self._state, states, row)

    def _numbers_of(self, columns: Sequence[Column], rows: int) -> list[int]:
        known, keys = self._numbers, keys_of(columns, rows)
        for row, key in enumerate(keys):
            if key not in known:
                known[key] = len(self._states)
                for builder, column in zip(self._keys, columns):
                    builder.take(column, [row])
                self._states.append(self._state())
        return [known[key] for key in keys]


def keys_of(columns: Sequence[Column], rows: int) -> list[Any]:
    """For each row what is equal for equal values of these columns, and for no others. None equals None, NaN equals NaN, and 0 equals -0.

    It says nothing else of the values, and outlives the call.
    """
    if len(columns) == 1:
        return _parts(columns[0])
    if not columns:
        return [()] * rows
    return list(zip(*(_parts(column) for column in columns)))


def _parts(column: Column) -> list[Any]:
    # Text is as good as its bytes, which are not decoded.
    values = column.to_bytes_list() if column.bytes is not None else column.to_list()
    # NaN is not equal to itself, but this is.
    return [("NaN",) if value != value else value for value in values] if column.type == "float64" else values
