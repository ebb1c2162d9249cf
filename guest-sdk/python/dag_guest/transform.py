"""Transforms: every operator that is not a fold.

The contract: splitting the same input into other batches, or calling ``advance`` more or less often, must not change the output.
``dag_guest.harness.check_determinism`` checks it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar, Literal, Mapping, Optional, Sequence

from .fold import About
from .inputs import Inputs
from .output import Output
from .parameter import Parameter
from .refusal import Refusal
from .schema import Input, Lookback, Schema

__all__ = ["Opening", "Transform"]


@dataclass(frozen=True)
class Opening:
    """What a begun computation says of itself."""

    schema: Schema
    """The output's columns besides ``time``."""
    order: Literal["log", "time"]
    """Which records ``process`` sees: ``log``: of one input, as its log has them, at once, and the output keeps that order; ``time``: all inputs
    merged by (time, input, sequence), only records before the joint frontier."""
    lookback: Lookback
    """How much earlier than a result its causes may lie."""


class Transform:
    """A running operator from streams to a stream: one computation. It is made without arguments.

    ::

        class Doubled(Transform):
            about = About("doubled", "Twice the value.", "doubled(cpu_util)")

            def open(self, arguments, inputs):
                self.column = find_column(inputs[0].schema, "value")
                return Opening([Field("value", "float64")], "log", "none")

            def process(self, inputs, out):
                batch = inputs.first
                for row, value in batch.column(self.column).numbers():
                    out.push(batch.times[row], 2 * value)
    """

    about: ClassVar[About]
    """How people find it and call it."""
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    """What it takes besides its inputs."""
    min_inputs: ClassVar[int] = 1
    """The least number of inputs."""
    max_inputs: ClassVar[Optional[int]] = 1
    """The greatest number; None means any number."""
    key: ClassVar[Optional[str]] = None
    """The parameter (of kind ``columns``) whose columns are the key, if records of different keys do not meet."""
    state_written: ClassVar[int] = 1
    """The version of the state that it writes."""
    state_read: ClassVar[Sequence[int]] = (1,)
    """The versions of the state that it reads."""

    def open(self, arguments: SimpleNamespace, inputs: Sequence[Input]) -> Opening:
        """Begins the computation. Called once, before all that follow.

        Raises:
            Refusal: if the inputs have not the columns that the arguments ask for.
        """
        raise NotImplementedError(f"class {type(self).__name__} has no open")

    def process(self, inputs: Inputs, out: Output) -> None:
        """Takes the next records. What it raises stops the computation."""
        raise NotImplementedError(f"class {type(self).__name__} has no process")

    def advance(self, frontier: Optional[int], out: Output) -> None:
        """Learns that no record earlier than ``frontier``, in nanoseconds, will follow; None means that no record at all will.

        Also called, with the same frontier, as long as the output says that there is more.
        """

    def snapshot(self) -> Sequence[bytes]:
        """What it remembers, in chunks of bytes. An operator without memory has none. Not called while there is more output."""
        return []

    def restore(self, version: int, chunks: Sequence[bytes]) -> None:
        """Remembers again what ``snapshot`` of that version wrote. Called at most once, after ``open`` and before any record."""
        if chunks:
            raise Refusal(f"{self.about.name} has no state to restore")
