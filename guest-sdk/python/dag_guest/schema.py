"""Columns' names and types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Sequence, Union

from .refusal import Refusal

__all__ = ["Field", "Input", "Lookback", "Schema", "TYPES", "Type", "Value", "find_column", "is_numeric"]

Type = Literal["boolean", "int64", "float64", "utf8", "binary", "timestamp"]
"""The type of a column. Its values are, in Python: bool, int (int64, and timestamp: nanoseconds since 1970-01-01T00:00:00Z), float, str,
bytes; None where there is none."""

Value = Union[bool, int, float, str, bytes, None]
"""A value of any column."""

Lookback = Union[Literal["none", "unbounded"], int]
"""How much earlier than a result its causes may lie: not at all, any time, or so many nanoseconds."""

TYPES: tuple[Type, ...] = ("boolean", "int64", "float64", "utf8", "binary", "timestamp")
"""The types, each at the place that is its code in a frame, less one."""


@dataclass(frozen=True)
class Field:
    """A column's name and type."""

    name: str
    type: Type


Schema = Sequence[Field]
"""The columns of a stream besides ``time``, which every record has and no schema lists."""


@dataclass(frozen=True)
class Input:
    """An input of a computation: the name by which expressions qualify its columns, and its columns."""

    alias: str
    schema: Schema


def is_numeric(type: Type) -> bool:
    """Whether columns of that type hold numbers."""
    return type in ("int64", "float64")


def find_column(schema: Schema, name: str) -> int:
    """The index of a column.

    Raises:
        Refusal: if there is none of that name; the text names those that there are.
    """
    for index, field in enumerate(schema):
        if field.name == name:
            return index
    names = ", ".join(f"`{field.name}`" for field in schema) or "none"
    raise Refusal(f"there is no column `{name}`; the input has {names}")
