"""The records that a transform is given."""

from __future__ import annotations

from typing import Iterator, Sequence

from .column import Column
from .frame import Frame, FrameError
from .schema import Type

__all__ = ["Batch", "Inputs"]


class Batch:
    """Consecutive records of one input, as columns. Valid until the call returns."""

    __slots__ = ("rows", "times", "columns")

    def __init__(self, frame: Frame, types: Sequence[Type]) -> None:
        found = [column.type for column in frame.columns]
        if found != ["timestamp", *types] or frame.columns[0].validity is not None:
            raise FrameError(f"a frame has columns {found}, expected time without nulls, then {list(types)}")
        self.rows = frame.rows
        """How many records there are."""
        self.times = frame.columns[0].values
        """The records' event times, in nanoseconds: a memoryview of 64-bit integers."""
        self.columns = frame.columns
        """All columns: ``time``, then those of the input's schema."""

    def column(self, index: int) -> Column:
        """The column at that index of the input's schema."""
        return self.columns[index + 1]


class Inputs:
    """Some records of each input."""

    def __init__(self, frames: Sequence[Frame], order: bytes, types: Sequence[Sequence[Type]]) -> None:
        if len(frames) != len(types):
            raise FrameError(f"{len(frames)} frames came for {len(types)} inputs")
        self.batches = [Batch(frame, own) for frame, own in zip(frames, types)]
        """The records of every input, each in the order of the merge."""
        self._order = order
        counted = [order.count(input) for input in range(len(frames))]
        expected = [batch.rows for batch in self.batches]
        fits = counted == expected and sum(counted) == len(order)
        if not fits and not (len(frames) == 1 and not order):
            raise FrameError(f"order has {counted} records of the inputs, their frames have {expected}")

    @property
    def first(self) -> Batch:
        """The records of the first input, which is the only one for most operators."""
        return self.batches[0]

    def merged(self) -> Iterator[tuple[int, int]]:
        """For each record in merged order, the input that it comes from and its row there."""
        if not self._order:
            yield from ((0, row) for row in range(self.first.rows))
            return
        following = [0] * len(self.batches)
        for input in self._order:
            yield input, following[input]
            following[input] += 1
