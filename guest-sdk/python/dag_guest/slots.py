"""Slots of one fold each: the loops behind ``Fold``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Sequence

from .column import Column, column_of
from .state import fits_state, load_state, save_states, unfit

if TYPE_CHECKING:
    from .fold import Fold

__all__ = ["Slots"]


class Slots:
    """An accumulator that holds a fold per slot."""

    def __init__(self, fold: type[Fold]) -> None:
        self._fold = fold
        self._folds: dict[int, Any] = {}

    def update(self, slots: Sequence[int], times: Sequence[int], columns: Sequence[Column]) -> None:
        folds = self._reach(slots)
        for row, value in self._values(times, columns):
            folds[slots[row]].update(value, times[row])

    def scan(self, slots: Sequence[int], times: Sequence[int], columns: Sequence[Column]) -> Column:
        folds = self._reach(slots)
        values = dict(self._values(times, columns))
        results = []
        for row, slot in enumerate(slots):
            fold = folds[slot]
            if row in values:
                fold.update(values[row], times[row])
            results.append(fold.result())
        return column_of(self._fold.result_type, results)

    def combine(self, into: Sequence[int], origin: Sequence[int]) -> None:
        folds = self._reach(into)
        for slot, later in zip(into, origin):
            if later in folds:
                folds[slot].combine(folds[later])

    def state(self, slots: Sequence[int]) -> list[Column]:
        empty = self._fold()
        return save_states(self._fold, [self._folds.get(slot, empty) for slot in slots])

    def merge(self, slots: Sequence[int], columns: Sequence[Column]) -> None:
        folds = self._reach(slots)
        fits = fits_state(self._fold, columns)
        for row, slot in enumerate(slots):
            saved = load_state(self._fold, columns, row) if fits else self._fold.load_earlier(columns, row)
            if saved is None:
                raise unfit(self._fold, columns)
            folds[slot].combine(saved)

    def finish(self, slots: Sequence[int]) -> Column:
        folds = self._folds
        return column_of(self._fold.result_type, [folds[slot].result() if slot in folds else None for slot in slots])

    def clear(self, slots: Sequence[int]) -> None:
        for slot in slots:
            self._folds.pop(slot, None)

    def _reach(self, slots: Sequence[int]) -> dict[int, Any]:
        """Makes room for these slots."""
        for slot in set(slots).difference(self._folds):
            self._folds[slot] = self._fold()
        return self._folds

    def _values(self, times: Sequence[int], columns: Sequence[Column]) -> Iterator[tuple[int, Any]]:
        """Each row that has a value. Without a column each record is one."""
        if not columns:
            return ((row, True) for row in range(len(times)))
        if self._fold.value_type == "number":
            return columns[0].numbers()
        if self._fold.value_type == "any":
            return ((row, True) for row in range(columns[0].length) if columns[0].is_valid(row))
        return columns[0].valid()
