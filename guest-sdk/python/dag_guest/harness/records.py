"""Records in tests."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ..column import Column, ColumnBuilder, take_rows
from ..frame import Frame, encode_frame
from ..schema import Field, Schema, Type, Value, find_column

__all__ = ["Records", "SECOND"]

SECOND = 1_000_000_000
"""A second, in the nanoseconds that event times are in."""


class Records:
    """Some records of one stream, in the order of its log."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        """The columns' names and types."""
        types: list[Type] = ["timestamp", *(field.type for field in schema)]
        self._columns = [ColumnBuilder(type) for type in types]

    @staticmethod
    def of(columns: Mapping[str, Type], records: Iterable[Sequence[Any]]) -> "Records":
        """Records of these columns: each the time in nanoseconds, then a value for every column."""
        made = Records([Field(name, type) for name, type in columns.items()])
        for record in records:
            made.push(*record)
        return made

    @staticmethod
    def each_second(values: Iterable[Value], type: Type = "float64") -> "Records":
        """Values at 0 s, 1 s, 2 s, ... in a column called ``value``."""
        return Records.of({"value": type}, [(second * SECOND, value) for second, value in enumerate(values)])

    def push(self, time: int, *values: Value) -> None:
        """Appends a record: its time in nanoseconds, then its values."""
        if len(values) != len(self.schema):
            raise TypeError(f"a record has {len(self.schema)} values besides its time, {len(values)} were given")
        for column, value in zip(self._columns, (time, *values)):
            column.push(value)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._columns[0])

    @property
    def columns(self) -> list[Column]:
        """The columns: ``time``, then the schema's."""
        return [column.finish() for column in self._columns]

    @property
    def times(self) -> list[int]:
        """The event times in nanoseconds."""
        return self._columns[0].finish().to_list()

    def values(self, name: str) -> list[Any]:
        """The values of the column of that name."""
        return self._columns[find_column(self.schema, name) + 1].finish().to_list()

    def to_tuples(self) -> list[tuple[Any, ...]]:
        """One tuple per record: its time, then its values."""
        return list(zip(*(column.to_list() for column in self.columns)))

    def frame(self, rows: Sequence[int]) -> bytes:
        """Some rows as a frame."""
        return encode_frame(len(rows), take_rows(self.columns, rows))

    def append(self, frame: Frame) -> None:
        """Appends the records of an output's frame."""
        own, found = [column.type for column in self._columns], [column.type for column in frame.columns]
        if own != found:
            raise TypeError(f"an output frame has columns {found}, expected time and the opened schema's: {own}")
        for mine, column in zip(self._columns, frame.columns):
            mine.append(column)
