"""Calls operators natively as a component would, and chance that is the same in every run."""

from __future__ import annotations

import sys
from typing import Any, Callable, Iterator, TypeVar

from ..guards import guard
from ..host import Level, set_host

__all__ = ["Chance", "Sandbox", "WAYS", "equal"]

T = TypeVar("T")

WAYS = 64
"""How many random ways a check goes."""

_MASK = 2**64 - 1


class Chance:
    """SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def next(self) -> int:
        """Sixty-four bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, bound: int) -> int:
        """A number below ``bound``, which is not 0."""
        return self.next() % bound

    def once_in(self, times: int) -> bool:
        """True once in ``times``."""
        return self.below(times) == 0

    def cuts(self, rows: int) -> Iterator[range]:
        """Cuts ``0..rows`` into consecutive batches, some of them empty."""
        greatest, start = 1 + self.below(rows + 1), 0
        while start < rows:
            end = min(rows, start + self.below(greatest + 1))
            yield range(start, end)
            start = end


class Sandbox:
    """One computation's place to run: guards over what an operator must not have, and a host that is the same in every run."""

    def __init__(self) -> None:
        self._chance = Chance(0)

    def log(self, level: Level, message: str) -> None:
        print(f"{level}: {message}", file=sys.stderr)

    def random(self) -> int:
        return self._chance.next()

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Calls into an operator."""
        before = set_host(self)
        unguard = guard()
        try:
            return function(*arguments)
        finally:
            unguard()
            set_host(before)


def equal(found: Any, expected: Any, what: str, tolerance: float = 0.0) -> None:
    """Refuses values that are not the same, told apart as bytes are: -0.0 from 0.0, NaN as itself."""
    if not _same(found, expected, tolerance):
        raise AssertionError(f"{what}: found {found!r}, expected {expected!r}")


def _same(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y, tolerance) for x, y in zip(a, b))
    if isinstance(a, float) and isinstance(b, float):
        # The text tells -0.0 from 0.0, and NaN is nan.
        return repr(a) == repr(b) or (tolerance > 0 and abs(a - b) <= tolerance * max(abs(a), abs(b), 1.0))
    return type(a) is type(b) and a == b
