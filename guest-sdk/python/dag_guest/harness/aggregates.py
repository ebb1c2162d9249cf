"""Aggregates in tests."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ..column import Column, column_of, take_rows
from ..component import AggregateInstance, component
from ..fold import Aggregate
from ..frame import Frame, encode_frame
from .records import Records
from .sandbox import WAYS, Chance, Sandbox, equal

__all__ = ["check_fold", "fold", "scan"]


def fold(aggregate: type[Aggregate], arguments: Mapping[str, str], records: Records) -> Any:
    """What an aggregate makes of these records in one window; None where there is no result.

    Arguments are canonical text by name; those that are missing have their defaults.
    """
    run = _Run(aggregate, arguments, records)
    run.update(range(records.rows), [0] * records.rows)
    return run.finish([0])[0]


def scan(aggregate: type[Aggregate], arguments: Mapping[str, str], records: Records) -> list[Any]:
    """What an aggregate makes of these records in a running window: the result after each."""
    return _Run(aggregate, arguments, records).scan(range(records.rows), [0] * records.rows)


def check_fold(aggregate: type[Aggregate], arguments: Mapping[str, str], records: Records) -> None:
    """Checks what every aggregate promises, over random slots.

    Other batches give the same; a running result's last is the window's; a state that was saved and merged into an empty slot goes on as
    if nothing had been; combining two slots gives what their values would have given one after the other (doubles within 1e-9); a cleared
    slot is empty.

    Raises:
        AssertionError: if it does not hold; and what the operator raises.
    """
    for way in range(WAYS):
        try:
            _one_way(aggregate, arguments, records, Chance(way))
        except Exception as error:
            raise AssertionError(f"{aggregate.about.name}, way {way}: {error}") from error


def _one_way(aggregate: type[Aggregate], arguments: Mapping[str, str], records: Records, chance: Chance) -> None:
    """One random way to spread the records over slots and to cut them."""
    count = 1 + chance.below(4)
    slots = [chance.below(count) for _ in range(records.rows)]
    every = list(range(count))

    whole = _Run(aggregate, arguments, records)
    whole.update(range(records.rows), slots)
    expected = whole.finish(every)

    cut = _Run(aggregate, arguments, records)
    for rows in chance.cuts(records.rows):
        cut.update(rows, slots[rows.start : rows.stop])
        if chance.once_in(3):
            restored = _Run(aggregate, arguments, records)
            restored.merge(every, cut.state(every))
            cut = restored
    equal(cut.finish(every), expected, "in other batches, from a saved state")

    running, last = _Run(aggregate, arguments, records), [None] * count
    for rows in chance.cuts(records.rows):
        results = running.scan(rows, slots[rows.start : rows.stop])
        for slot, result in zip(slots[rows.start : rows.stop], results):
            last[slot] = result
    equal(last, expected, "running")

    half = chance.below(records.rows + 1)
    halves = _Run(aggregate, arguments, records)
    halves.update(range(records.rows), [slot if row < half else slot + count for row, slot in enumerate(slots)])
    froms = [slot + count for slot in every]
    untouched = halves.finish(froms)
    halves.combine(every, froms)
    equal(halves.finish(every), expected, "combined", 1e-9)
    equal(halves.finish(froms), untouched, "leaves what it combines from")

    halves.clear(every)
    equal(halves.finish(every), _Run(aggregate, arguments, records).finish(every), "after clear")


class _Run:
    """A bound aggregate at work on some records."""

    def __init__(self, aggregate: type[Aggregate], arguments: Mapping[str, str], records: Records) -> None:
        self._columns = records.columns
        self._sandbox = Sandbox()
        made = component("tested", "0.0.0", [aggregate])
        given = list(arguments.items())
        self._instance = self._sandbox.call(AggregateInstance, made, aggregate.about.name, given, records.schema)

    def update(self, rows: Sequence[int], slots: Sequence[int]) -> None:
        self._sandbox.call(self._instance.update, self._frame(rows, slots))

    def scan(self, rows: Sequence[int], slots: Sequence[int]) -> list[Any]:
        return self._results(self._sandbox.call(self._instance.scan, self._frame(rows, slots)), len(rows))

    def finish(self, slots: Sequence[int]) -> list[Any]:
        return self._results(self._sandbox.call(self._instance.finish, _slots_frame(slots)), len(slots))

    def combine(self, into: Sequence[int], origin: Sequence[int]) -> None:
        self._sandbox.call(self._instance.combine, _slots_frame(into, origin))

    def clear(self, slots: Sequence[int]) -> None:
        self._sandbox.call(self._instance.clear, _slots_frame(slots))

    def state(self, slots: Sequence[int]) -> list[Column]:
        frame = Frame.parse(self._sandbox.call(self._instance.state, _slots_frame(slots)))
        equal(frame.rows, len(slots), "one row of state per slot")
        return frame.columns

    def merge(self, slots: Sequence[int], states: Sequence[Column]) -> None:
        self._sandbox.call(self._instance.merge, encode_frame(len(slots), [column_of("int64", slots), *states]))

    def _frame(self, rows: Sequence[int], slots: Sequence[int]) -> bytes:
        """Rows of the bound columns, behind their slots and times."""
        bound = [0, *(column + 1 for column in self._instance.bound.columns)]
        columns = take_rows([self._columns[column] for column in bound], rows)
        return encode_frame(len(rows), [column_of("int64", slots), *columns])

    def _results(self, data: bytes, rows: int) -> list[Any]:
        """The one column of a frame of results."""
        frame = Frame.parse(data)
        found = [(column.type, column.length) for column in frame.columns]
        equal(found, [(self._instance.bound.result, rows)], "the results' type and number")
        return frame.columns[0].to_list()


def _slots_frame(*columns: Sequence[int]) -> bytes:
    return encode_frame(len(columns[0]), [column_of("int64", column) for column in columns])
