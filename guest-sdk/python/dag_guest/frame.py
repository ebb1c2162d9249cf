"""Batches as bytes: reading and writing what ``wit/frame.md`` draws."""

from __future__ import annotations

import struct
from typing import Any, Callable, Optional, Sequence

from .column import Column
from .schema import TYPES

__all__ = ["Frame", "FrameError", "encode_frame"]

_VERSION = 1
_HEADER = struct.Struct("<4I")
_DESCRIPTOR = struct.Struct("<8I")
_MAX_ROWS = 0x7FFFFFFF


class FrameError(ValueError):
    """Bytes are no frame, or one of another version."""


class Frame:
    """A batch of records: columns of one length over the bytes of a frame."""

    __slots__ = ("rows", "columns")

    def __init__(self, rows: int, columns: list[Column]) -> None:
        self.rows = rows
        self.columns = columns

    @staticmethod
    def parse(data: bytes) -> "Frame":
        """Reads a frame and checks all that a reader must.

        Raises:
            FrameError: if the bytes are no frame, or one of another version.
        """
        frame = Frame.view(data)
        for column in frame.columns:
            _check_offsets(column)
        return frame

    @staticmethod
    def view(data: bytes) -> "Frame":
        """Reads a frame of the host's, which has checked the offsets and the text in it: all else is checked here.

        Raises:
            FrameError: as ``parse``.
        """
        length = len(data)
        _refuse(length < _HEADER.size, lambda: f"a frame has at least {_HEADER.size} bytes, this one has {length}")
        version, columns, rows, stated = _HEADER.unpack_from(data)
        _refuse(version != _VERSION, lambda: f"the frame has version {version}, known is {_VERSION}")
        _refuse(stated != length or length % 8 != 0, lambda: f"the frame says that it has {stated} bytes, it has {length}")
        _refuse(rows > _MAX_ROWS or (columns == 0 and rows > 0), lambda: f"the frame says that it has {rows} rows in {columns} columns")
        first = _HEADER.size + _DESCRIPTOR.size * columns
        _refuse(first > length, lambda: f"the frame says that it has {columns} columns in {length} bytes")
        view = memoryview(data)
        descriptors = _DESCRIPTOR.iter_unpack(view[_HEADER.size : first])
        return Frame(rows, [_read_column(view, rows, first, descriptor) for descriptor in descriptors])


def encode_frame(rows: int, columns: Sequence[Column]) -> bytes:
    """Writes columns of one length as a frame, as every writer does: the same columns give the same bytes."""
    at = _HEADER.size + _DESCRIPTOR.size * len(columns)
    descriptors, buffers = [], []
    for column in columns:
        descriptor = [TYPES.index(column.type) + 1, 0, 0, 0, 0, 0, 0, 0]
        for place, buffer in enumerate(_buffers(column, rows)):
            if buffer is None:
                continue
            descriptor[1 + 2 * place], descriptor[2 + 2 * place] = at, len(buffer)
            padding = bytes(-len(buffer) % 8)
            buffers += [buffer, padding]
            at += len(buffer) + len(padding)
        descriptors.append(_DESCRIPTOR.pack(*descriptor))
    return b"".join([_HEADER.pack(_VERSION, len(columns), rows, at), *descriptors, *buffers])


def _refuse(wrong: bool, message: Callable[[], str]) -> None:
    """Most frames are right, so that what would be said is made of none of them."""
    if wrong:
        raise FrameError(message())


def _read_column(view: memoryview, rows: int, first: int, descriptor: tuple[int, ...]) -> Column:
    """The column that a descriptor says; buffers may begin at ``first``."""
    code = descriptor[0]
    _refuse(not 1 <= code <= len(TYPES), lambda: f"the frame has a column of type {code}")
    _refuse(descriptor[7] != 0, lambda: "reserved bytes of the frame are not zero")
    type = TYPES[code - 1]

    def buffer(place: int, expected: Optional[int]) -> memoryview:
        offset, length = descriptor[place], descriptor[place + 1]
        fits = offset % 8 == 0 and offset >= first and offset + length <= len(view)
        _refuse(not fits or (expected is not None and expected != length), lambda: f"a buffer of the frame has {length} bytes at {offset}")
        return view[offset : offset + length]

    bits = (rows + 7) // 8
    validity = buffer(1, bits) if descriptor[1] or descriptor[2] else None
    if type in ("utf8", "binary"):
        return Column(type, rows, validity, buffer(3, 4 * (rows + 1)).cast("i"), buffer(5, None))
    _refuse(descriptor[5] != 0 or descriptor[6] != 0, lambda: f"a column of {type} has a bytes buffer")
    if type == "boolean":
        return Column(type, rows, validity, buffer(3, bits))
    return Column(type, rows, validity, buffer(3, 8 * rows).cast("d" if type == "float64" else "q"))


def _check_offsets(column: Column) -> None:
    """Refuses offsets that are negative, decrease or lead outside, and text that is not UTF-8."""
    if column.bytes is None:
        return
    last = 0
    for offset in column.values:
        _refuse(offset < last or offset > len(column.bytes), lambda: f"offsets of a column of {column.type} lead from {last} to {offset}")
        last = offset
    if column.type == "utf8":
        for row in range(column.length):
            try:
                str(column.bytes[column.values[row] : column.values[row + 1]], "utf-8")
            except UnicodeDecodeError as error:
                raise FrameError(f"text is not UTF-8: {error}") from None


def _buffers(column: Column, rows: int) -> list[Any]:
    """The buffers of a column: validity, values, bytes; None where it has none."""
    _refuse(column.length != rows, lambda: f"a column of {column.length} rows in a frame of {rows}")
    validity = None if column.validity is None else _clean(column.validity, rows)
    if column.type == "boolean":
        return [validity, _clean(column.values, rows), None]
    if column.bytes is None:
        return [validity, bytes(column.values), None]
    first, last = column.values[0], column.values[rows]
    offsets = column.values if first == 0 else struct.pack(f"<{rows + 1}i", *(offset - first for offset in column.values))
    return [validity, bytes(offsets), bytes(column.bytes[first:last])]


def _clean(bits: Any, rows: int) -> bytes:
    """The bits of so many rows, with zeros past the last."""
    own = bytearray(bits[: (rows + 7) >> 3])
    if rows % 8:
        own[-1] &= (1 << rows % 8) - 1
    return bytes(own)
