"""Columns as views of a frame's bytes, and columns that grow."""

from __future__ import annotations

from array import array
from itertools import accumulate, chain, compress
from typing import Any, Iterable, Iterator, Optional, Sequence

from .schema import Type, Value, is_numeric

__all__ = ["Column", "ColumnBuilder", "column_of", "take_rows"]

NAN = float("nan")
"""The one NaN that columns hold: which bits an operation gives a NaN depends on the machine."""

_FORMATS = {"int64": "q", "timestamp": "q", "float64": "d", "utf8": "i", "binary": "i"}
_PYTHON: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "int64": (int,),
    "timestamp": (int,),
    "float64": (float,),
    "utf8": (str,),
    "binary": (bytes, bytearray, memoryview),
}


class Column:
    """A column of a frame. It is valid until the call that it was given to returns; what is to be kept is copied."""

    __slots__ = ("type", "length", "validity", "values", "bytes")

    def __init__(self, type: Type, length: int, validity: Any, values: Any, bytes: Any = None) -> None:
        self.type = type
        """The type of its values."""
        self.length = length
        """How many rows."""
        self.validity = validity
        """One bit a row, least significant first, 1 where there is a value; None where all are."""
        self.values = values
        """A memoryview or an array: of bits for boolean, of 64-bit integers for int64 and timestamp, of doubles for float64, of 32-bit offsets
        into ``bytes`` for utf8 and binary. At a null's place stands anything."""
        self.bytes = bytes
        """Of utf8 and binary."""

    def __len__(self) -> int:
        return self.length

    def is_valid(self, row: int) -> bool:
        """Whether a row has a value."""
        return self.validity is None or bool(self.validity[row >> 3] >> (row & 7) & 1)

    def __getitem__(self, row: int) -> Any:
        """The value of a row, None where there is none."""
        if not self.is_valid(row):
            return None
        if self.type == "boolean":
            return bool(self.values[row >> 3] >> (row & 7) & 1)
        if self.bytes is None:
            return self.values[row]
        value = self.bytes[self.values[row] : self.values[row + 1]]
        return str(value, "utf-8") if self.type == "utf8" else bytes(value)

    def to_list(self) -> list[Any]:
        """The values of all rows, None where there is none."""
        if self.bytes is not None:
            values = self.to_bytes_list()
            return [None if value is None else value.decode() for value in values] if self.type == "utf8" else values
        if self.type == "boolean":
            values = [bool(bit) for bit in _bits_of(self.values, self.length)]
        else:
            values = self.values[: self.length].tolist()
        return self._with_nulls(values)

    def to_bytes_list(self) -> list[Optional[bytes]]:
        """The bytes of all rows of utf8 or binary, None where there is none."""
        offsets, content = self.values.tolist(), bytes(self.bytes)
        return self._with_nulls([content[start:end] for start, end in zip(offsets, offsets[1:])])

    def _with_nulls(self, values: list[Any]) -> list[Any]:
        if self.validity is None:
            return values
        return [value if is_valid else None for value, is_valid in zip(values, _bits_of(self.validity, self.length))]

    def valid(self) -> Iterator[tuple[int, Any]]:
        """Each row that has a value, and the value."""
        rows = enumerate(self.to_list())
        return rows if self.validity is None else compress(rows, _bits_of(self.validity, self.length))

    def numbers(self) -> Iterator[tuple[int, float]]:
        """Each row that has a number, and the double that is nearest to it. Of int64 or float64."""
        if not is_numeric(self.type):
            raise TypeError(f"a column of {self.type} holds no numbers")
        if self.type == "float64":
            return self.valid()
        return ((row, float(value)) for row, value in self.valid())


class ColumnBuilder:
    """A column that grows by a value at a time, or by rows of other columns."""

    def __init__(self, type: Type) -> None:
        self.type = type
        self._values: list[Any] = []
        self.used = 0
        """How many bytes text and binary have so far."""

    def __len__(self) -> int:
        return len(self._values)

    def push(self, value: Value) -> None:
        """Appends a value of the column's type, or None.

        Raises:
            TypeError: if it is of another type.
            OverflowError: if it does not fit into 64 bits.
        """
        if value is None:
            self._values.append(None)
            return
        fits = isinstance(value, _PYTHON[self.type]) and (self.type == "boolean" or not isinstance(value, bool))
        if not fits:
            raise TypeError(f"a value of {self.type} cannot be {value!r} ({type(value).__name__})")
        if self.type == "utf8":
            assert isinstance(value, str)
            value = value.encode("utf-8")
        elif self.type == "binary":
            value = bytes(value)  # type: ignore[arg-type]
        elif self.type in ("int64", "timestamp") and not -(2**63) <= value < 2**63:  # type: ignore[operator]
            raise OverflowError(f"{value} does not fit into {self.type}")
        if self.type in ("utf8", "binary"):
            self.used += len(value)  # type: ignore[arg-type]
        self._values.append(value)

    def extend(self, values: Iterable[Value]) -> None:
        """Appends values, as ``push`` does."""
        values = list(values)
        if self.type == "float64" and set(map(type, values)) <= {float}:
            self._values += values
            return
        for value in values:
            self.push(value)

    def take(self, column: Column, rows: Sequence[int]) -> None:
        """Appends rows of a column of the same type."""
        if 8 * len(rows) < column.length:
            self._take(column, [_stored_at(column, row) for row in rows])
        else:
            values = _stored(column)
            self._take(column, [values[row] for row in rows])

    def append(self, column: Column) -> None:
        """Appends a whole column of the same type."""
        self._take(column, _stored(column))

    def _take(self, column: Column, values: list[Any]) -> None:
        if column.type != self.type:
            raise TypeError(f"a column of {column.type} cannot be appended to one of {self.type}")
        if column.bytes is not None:
            self.used += sum(map(len, values if None not in values else filter(None, values)))
        self._values += values

    def finish(self) -> Column:
        """The column so far."""
        values, length = self._values, len(self._values)
        validity = _bits([value is not None for value in values]) if None in values else None
        if self.type == "boolean":
            return Column(self.type, length, validity, _bits(values))
        if self.type in ("utf8", "binary"):
            present = values if validity is None else [value or b"" for value in values]
            if self.used >= 2**31:
                raise OverflowError(f"a column of {self.type} has more than 2 GiB")
            offsets = array("i", accumulate(map(len, present), initial=0))
            return Column(self.type, length, validity, memoryview(offsets), memoryview(b"".join(present)))
        zero = 0.0 if self.type == "float64" else 0
        present = values if validity is None else [zero if value is None else value for value in values]
        if self.type == "float64":
            present = [value if value == value else NAN for value in present]
        return Column(self.type, length, validity, memoryview(array(_FORMATS[self.type], present)))


def _stored(column: Column) -> list[Any]:
    """All values of a column as builders keep them: text as its bytes."""
    return column.to_list() if column.bytes is None else column.to_bytes_list()


def _stored_at(column: Column, row: int) -> Any:
    """One of them."""
    if column.bytes is None or not column.is_valid(row):
        return column[row]
    return bytes(column.bytes[column.values[row] : column.values[row + 1]])


def column_of(type: Type, values: Iterable[Value]) -> Column:
    """A column of these values."""
    builder = ColumnBuilder(type)
    builder.extend(values)
    return builder.finish()


def take_rows(columns: Iterable[Column], rows: Sequence[int]) -> list[Column]:
    """These rows of these columns."""
    taken = []
    for column in columns:
        builder = ColumnBuilder(column.type)
        builder.take(column, rows)
        taken.append(builder.finish())
    return taken


_BITS = [tuple(byte >> bit & 1 for bit in range(8)) for byte in range(256)]
"""The bits of each byte, least significant first."""


def _bits_of(bits: Any, length: int) -> list[int]:
    """So many bits, one by one."""
    return list(chain.from_iterable(map(_BITS.__getitem__, bits)))[:length]


def _bits(values: Sequence[Optional[bool]]) -> bytes:
    """Bits of which those are set whose values are true."""
    digits = "".join(["1" if value else "0" for value in reversed(values)])
    return int(digits or "0", 2).to_bytes((len(values) + 7) >> 3, "little")
