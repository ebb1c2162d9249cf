"""The records that a transform gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from .column import Column, ColumnBuilder
from .frame import encode_frame
from .inputs import Batch
from .schema import Schema, Type, Value

__all__ = ["Emitted", "Output"]

_ROWS = 8192
"""Records that one call should not exceed by much: the host limits an output."""
_BYTES = 4 << 20
"""Bytes of text and binary that one call should not exceed by much."""


@dataclass(frozen=True)
class Emitted:
    """What a call emitted."""

    frame: bytes
    """Columns: ``time``, then those of the opened schema."""
    hold: Optional[int]
    """The earliest time that may still be emitted where that is earlier than the input frontier."""
    more: bool
    """Call ``advance`` with the same frontier again."""


class Output:
    """Records to emit, and what is to be said of those that are not emitted yet."""

    def __init__(self, schema: Schema) -> None:
        types: list[Type] = ["timestamp", *(field.type for field in schema)]
        self._columns = [ColumnBuilder(type) for type in types]
        self._hold: Optional[int] = None
        self._more = False

    @property
    def rows(self) -> int:
        """How many records there are."""
        return len(self._columns[0])

    @property
    def is_full(self) -> bool:
        """Whether this is as much as one call should emit.

        An operator that may go far beyond its input asks, stops, and says that there is ``more``.
        """
        return self.rows >= _ROWS or sum(column.used for column in self._columns) >= _BYTES

    def push(self, time: int, *values: Value) -> None:
        """Emits one record: its time in nanoseconds, and a value for every column of the opened schema.

        Raises:
            TypeError: if the values are not that.
        """
        if len(values) != len(self._columns) - 1:
            raise TypeError(f"a record has {len(self._columns) - 1} values besides its time, {len(values)} were given")
        for column, value in zip(self._columns[1:], values):
            column.push(value)
        self._columns[0].push(time)

    def take(self, batch: Batch, rows: Sequence[int]) -> None:
        """Emits these rows of a batch, which has the output's columns, as they are."""
        self._check(batch.columns)
        for own, column in zip(self._columns, batch.columns):
            own.take(column, rows)

    def append(self, columns: Sequence[Column]) -> None:
        """Emits whole columns of one length: ``time``, then those of the opened schema."""
        self._check(columns)
        lengths = {column.length for column in columns}
        if len(lengths) != 1:
            raise TypeError(f"columns of {sorted(lengths)} rows were given; they have one length")
        for own, column in zip(self._columns, columns):
            own.append(column)

    def hold(self, time: int) -> None:
        """Says that records from ``time`` on, in nanoseconds, may still be emitted though the input's frontier passes it.

        It must never go back.
        """
        self._hold = time

    def more(self) -> None:
        """Says that there is more to emit for the same input: ``advance`` will be called again."""
        self._more = True

    def finish(self) -> Emitted:
        """As what the world asks for."""
        return Emitted(encode_frame(self.rows, [column.finish() for column in self._columns]), self._hold, self._more)

    def _check(self, columns: Sequence[Column]) -> None:
        own, given = [column.type for column in self._columns], [column.type for column in columns]
        if own != given:
            raise TypeError(f"the output has columns {own}, {given} were given")
