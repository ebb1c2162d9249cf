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
        self._types: list[Type] = ["timestamp", *(field.type for field in schema)]
        # What is emitted, as long as that is nothing, or one append; from then on it is in builders.
        self._whole: Optional[Sequence[Column]] = None
        self._columns: Optional[list[ColumnBuilder]] = None
        self._hold: Optional[int] = None
        self._more = False

    @property
    def rows(self) -> int:
        """How many records there are."""
        columns = self._columns or self._whole
        return len(columns[0]) if columns else 0

    @property
    def is_full(self) -> bool:
        """Whether this is as much as one call should emit.

        An operator that may go far beyond its input asks, stops, and says that there is ``more``.
        """
        return self.rows >= _ROWS or sum(column.used for column in self._builders()) >= _BYTES

    def push(self, time: int, *values: Value) -> None:
        """Emits one record: its time in nanoseconds, and a value for every column of the opened schema.

        Raises:
            TypeError: if the values are not that.
        """
        first, *others = self._builders()
        if len(values) != len(others):
            raise TypeError(f"a record has {len(others)} values besides its time, {len(values)} were given")
        for column, value in zip(others, values):
            column.push(value)
        first.push(time)

    def take(self, batch: Batch, rows: Sequence[int]) -> None:
        """Emits these rows of a batch, which has the output's columns, as they are."""
        self._check(batch.columns)
        for own, column in zip(self._builders(), batch.columns):
            own.take(column, rows)

    def append(self, columns: Sequence[Column]) -> None:
        """Emits whole columns of one length: ``time``, then those of the opened schema."""
        self._check(columns)
        lengths = {column.length for column in columns}
        if len(lengths) != 1:
            raise TypeError(f"columns of {sorted(lengths)} rows were given; they have one length")
        if self._columns is None and self._whole is None:
            self._whole = columns
            return
        for own, column in zip(self._builders(), columns):
            own.append(column)

    def hold(self, time: int) -> None:
        """Says that records from ``time`` on, in nanoseconds, may still be emitted though the input's frontier passes it.

        It must never go back.
        """
        self._hold = time

    def more(self) -> None:
        """Says that there is more to emit for the same input: ``advance`` will be called again."""
        self._more = True

    def finish(self, empty: bytes) -> Emitted:
        """As what the world asks for. ``empty`` is the frame for no records."""
        rows = self.rows
        columns = self._whole or [] if self._columns is None else [column.finish() for column in self._columns]
        return Emitted(encode_frame(rows, columns) if rows else empty, self._hold, self._more)

    def _builders(self) -> list[ColumnBuilder]:
        if self._columns is None:
            self._columns = [ColumnBuilder(type) for type in self._types]
            for own, column in zip(self._columns, self._whole or []):
                own.append(column)
        return self._columns

    def _check(self, columns: Sequence[Column]) -> None:
        given = [column.type for column in columns]
        if self._types != given:
            raise TypeError(f"the output has columns {self._types}, {given} were given")
