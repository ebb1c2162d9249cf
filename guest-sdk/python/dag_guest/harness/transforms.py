"""Transforms in tests."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from ..component import TransformInstance, component
from ..frame import Frame
from ..output import Emitted
from ..schema import Input
from ..transform import Transform
from .records import Records
from .sandbox import WAYS, Chance, Sandbox, equal

__all__ = ["check_determinism", "run"]

_START = -(2**63)
"""The frontier that rules nothing out."""
_END = 2**63 - 1

Merged = tuple[int, int]
"""A record of the merge: its input, and its row there."""


def run(transform: type[Transform], arguments: Mapping[str, str], inputs: Sequence[Records]) -> Records:
    """What a transform makes of these inputs, each sealed. Inputs are called a, b, c, ... in expressions.

    Arguments are canonical text by name; those that are missing have their defaults.
    """
    running = _Run(transform, arguments, inputs)
    running.process(running.merged())
    running.advance(None)
    return running.output


def check_determinism(transform: type[Transform], arguments: Mapping[str, str], inputs: Sequence[Records]) -> None:
    """Checks the contract on operators.

    Other batches, additional calls of ``advance``, and going on from a snapshot all give the same output; and no record comes earlier than
    what was promised not to.

    Raises:
        AssertionError: if it does not hold; and what the operator raises.
    """
    expected = run(transform, arguments, inputs).to_tuples()
    for way in range(WAYS):
        try:
            found = _one_way(transform, arguments, inputs, Chance(way)).to_tuples()
            for row in range(max(len(found), len(expected))):
                equal(found[row : row + 1], expected[row : row + 1], f"in random batches, record {row}")
        except Exception as error:
            raise AssertionError(f"{transform.about.name}, way {way}: {error}") from error


def _one_way(transform: type[Transform], arguments: Mapping[str, str], inputs: Sequence[Records], chance: Chance) -> Records:
    """One random way to cut the input, advance and restore."""
    running = _Run(transform, arguments, inputs)
    merged = running.merged()
    times = [records.times for records in inputs]
    for cut in chance.cuts(len(merged)):
        running.process(merged[cut.start : cut.stop])
        if chance.once_in(2):
            following = [times[input][row] for input, row in merged[cut.stop :]]
            least = min(following) - chance.below(3) if following else _START
            # It never goes back, and None is for the end.
            running.advance(max(least, running.frontier))
        if chance.once_in(3):
            running.restore()
    running.advance(None)
    return running.output


class _Run:
    """A transform at work on some inputs."""

    def __init__(self, transform: type[Transform], arguments: Mapping[str, str], inputs: Sequence[Records]) -> None:
        self._transform, self._arguments, self._inputs = transform, list(arguments.items()), inputs
        self._sandbox = Sandbox()
        self._instance = self._open()
        self._promised = _START
        self._ended = False
        self.frontier = _START
        self.output = Records(self._instance.opening.schema)

    def _open(self) -> TransformInstance:
        made = component("tested", "0.0.0", [self._transform])
        inputs = [Input(chr(ord("a") + index), records.schema) for index, records in enumerate(self._inputs)]
        return self._sandbox.call(TransformInstance, made, self._transform.about.name, self._arguments, inputs)

    @property
    def _ordered(self) -> bool:
        """Whether the output must be in time order."""
        return self._instance.opening.order == "time"

    def merged(self) -> list[Merged]:
        """All records in the order in which the operator wants them."""
        merged = [(input, row) for input, records in enumerate(self._inputs) for row in range(records.rows)]
        if self._ordered:
            times = [records.times for records in self._inputs]
            merged.sort(key=lambda record: times[record[0]][record[1]])
        return merged

    def process(self, records: Sequence[Merged]) -> None:
        frames = [own.frame([row for input, row in records if input == index]) for index, own in enumerate(self._inputs)]
        order = b"" if len(self._inputs) == 1 else bytes(input for input, _ in records)
        self._take(self._sandbox.call(self._instance.process, frames, order))

    def advance(self, frontier: Optional[int]) -> None:
        self._ended = frontier is None
        self.frontier = self.frontier if frontier is None else frontier
        self._take(self._sandbox.call(self._instance.advance, frontier))

    def restore(self) -> None:
        """Goes on in a new instance from a snapshot of this one."""
        chunks = self._sandbox.call(self._instance.snapshot)
        self._instance = self._open()
        self._sandbox.call(self._instance.restore, self._transform.state_written, chunks)
        equal(self._sandbox.call(self._instance.snapshot), chunks, "what was restored is what was saved")

    def _take(self, emitted: Emitted) -> None:
        """Takes output, and what there is more of it."""
        while True:
            before = self.output.rows
            self.output.append(Frame.parse(emitted.frame))
            self._check_order(before)
            if not emitted.more:
                self._check_hold(emitted.hold)
                return
            emitted = self._sandbox.call(self._instance.advance, None if self._ended else self.frontier)

    def _check_order(self, before: int) -> None:
        """In time order, nothing goes back behind what was emitted or promised."""
        if not self._ordered:
            return
        times = self.output.times
        for row in range(before, len(times)):
            assert row == 0 or times[row] >= times[row - 1], f"the output is not in time order: {times[row]} comes after {times[row - 1]}"
            assert times[row] >= self._promised, f"a record at {times[row]} comes after {self._promised} was promised"

    def _check_hold(self, hold: Optional[int]) -> None:
        """What may still be emitted never goes back."""
        frontier = _END if self._ended else self.frontier
        promised = frontier if hold is None else min(hold, frontier)
        assert promised >= self._promised, f"{promised} is still held though {self._promised} was promised"
        self._promised = promised
