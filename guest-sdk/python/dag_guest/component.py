"""A component: some operators under a name and a version, and their running instances, behind frames as the worlds have them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Optional, Sequence, Union

from .column import Column, column_of
from .fold import About, Aggregate, Bound, Fold
from .frame import Frame, FrameError, encode_frame
from .inputs import Inputs
from .output import Emitted, Output
from .parameter import read_arguments
from .refusal import Refusal
from .schema import Input, Schema
from .state import state_columns
from .transform import Opening, Transform

__all__ = ["AggregateInstance", "Component", "Operator", "TransformInstance", "component"]

Operator = Union[type[Aggregate], type[Transform]]

Given = Sequence[tuple[str, str]]
"""Arguments: name and canonical text each."""

_SLOTS = 1 << 26
"""Slots are below this; a greater one is a mistake of the host that would otherwise ask for all memory."""


@dataclass(frozen=True)
class Component:
    """Some operators under a name and a version."""

    name: str
    version: str
    operators: Sequence[Operator]

    def find(self, name: str) -> Any:
        """The operator of that name."""
        for operator in self.operators:
            if operator.about.name == name:
                return operator
        raise LookupError(f"no operator `{name}` in this component")


def component(name: str, version: str, operators: Sequence[Operator]) -> Component:
    """Makes a component, which the operators' module has as ``component``.

    Arguments:
        name: letters, digits, ``_`` and ``-``, a letter first.
        version: three numbers with dots, such as ``1.2.0``.
        operators: classes that extend Fold, Aggregate or Transform.

    Raises:
        TypeError: if they are no operators, or do not say what they must.
    """
    for operator in operators:
        if not (isinstance(operator, type) and issubclass(operator, (Aggregate, Transform))):
            raise TypeError(f"{operator!r} is no class that extends Fold, Aggregate or Transform")
        if not isinstance(getattr(operator, "about", None), About):
            raise TypeError(f"class {operator.__name__} has no `about = About(name, doc, example)`")
        if issubclass(operator, Fold):
            state_columns(operator)
    return Component(name, version, list(operators))


class AggregateInstance:
    """A bound aggregate that takes frames."""

    def __init__(self, component: Component, operator: str, given: Given, schema: Schema) -> None:
        found = component.find(operator)
        self.bound: Bound = found.bind(_arguments(found, given), schema)
        """What binding says."""
        self._accumulator = self.bound.accumulator
        self._types = [schema[column].type for column in self.bound.columns]

    def update(self, frame: bytes) -> None:
        """Folds rows into slots. Columns: slot, time, then the bound ones. The same for the others as the world says."""
        self._accumulator.update(*self._rows(frame))

    def scan(self, frame: bytes) -> bytes:
        slots, times, columns = self._rows(frame)
        return encode_frame(len(slots), [self._accumulator.scan(slots, times, columns)])

    def combine(self, frame: bytes) -> None:
        columns = Frame.view(frame).columns
        self._accumulator.combine(_slots(columns, 0), _slots(columns, 1))

    def state(self, frame: bytes) -> bytes:
        slots = _slots(Frame.view(frame).columns, 0)
        return encode_frame(len(slots), list(self._accumulator.state(slots)))

    def merge(self, frame: bytes) -> None:
        columns = Frame.parse(frame).columns
        self._accumulator.merge(_slots(columns, 0), columns[1:])

    def finish(self, frame: bytes) -> bytes:
        slots = _slots(Frame.view(frame).columns, 0)
        return encode_frame(len(slots), [self._accumulator.finish(slots)])

    def clear(self, frame: bytes) -> None:
        self._accumulator.clear(_slots(Frame.view(frame).columns, 0))

    def _rows(self, data: bytes) -> tuple[Sequence[int], Sequence[int], Sequence[Column]]:
        columns = Frame.view(data).columns
        if len(columns) < 2 or columns[1].type != "timestamp" or columns[1].validity is not None:
            raise FrameError("column 1 of the frame must be time, without nulls")
        found = [column.type for column in columns[2:]]
        if found != self._types:
            raise FrameError(f"the frame has columns {found}, bound were {self._types}")
        return _slots(columns, 0), columns[1].values, columns[2:]


class TransformInstance:
    """An open transform that takes frames."""

    def __init__(self, component: Component, operator: str, given: Given, inputs: Sequence[Input]) -> None:
        self._class: type[Transform] = component.find(operator)
        _check_count(self._class, len(inputs))
        self._transform = self._class()
        self.opening: Opening = self._transform.open(_arguments(self._class, given), inputs)
        """What opening says."""
        self._types = [[field.type for field in input.schema] for input in inputs]
        # What most calls for a slow stream give: a frame without records.
        output = ["timestamp", *(field.type for field in self.opening.schema)]
        self._empty = encode_frame(0, [column_of(type, []) for type in output])

    def process(self, frames: Sequence[bytes], order: bytes) -> Emitted:
        """Takes one frame per input and the order of their merge, as the world says."""
        out = Output(self.opening.schema)
        self._transform.process(Inputs([Frame.view(frame) for frame in frames], order, self._types), out)
        return out.finish(self._empty)

    def advance(self, frontier: Optional[int]) -> Emitted:
        """No record earlier than ``frontier`` will follow; None means that no record at all will."""
        out = Output(self.opening.schema)
        self._transform.advance(frontier, out)
        return out.finish(self._empty)

    def snapshot(self) -> list[bytes]:
        """What it remembers."""
        return [bytes(chunk) for chunk in self._transform.snapshot()]

    def restore(self, version: int, chunks: Sequence[bytes]) -> None:
        """Remembers again."""
        read = self._class.state_read
        if version not in read:
            versions = ", ".join(map(str, read))
            raise Refusal(f"{self._class.about.name} reads state of versions {versions}, this one has version {version}")
        self._transform.restore(version, chunks)


def _arguments(operator: Any, given: Given) -> SimpleNamespace:
    """Reads arguments and says whose they were if that fails."""
    try:
        return read_arguments(operator.parameters, given)
    except Refusal as error:
        raise Refusal(f"{operator.about.name}: {error}") from None


def _check_count(operator: type[Transform], found: int) -> None:
    least, most = operator.min_inputs, operator.max_inputs
    if found >= least and (most is None or found <= most):
        return
    counts = f"at least {least}" if most is None else str(least) if least == most else f"{least} to {most}"
    raise Refusal(f"{operator.about.name} takes {counts} input streams, {found} came")


def _slots(columns: Sequence[Column], index: int) -> Sequence[int]:
    """The slots in that column of a frame."""
    column = columns[index] if index < len(columns) else None
    if column is None or column.type != "int64" or column.validity is not None:
        raise FrameError(f"column {index} of the frame must be slots: int64 without nulls")
    slots: list[int] = list(column.values)
    if slots and not (0 <= min(slots) and max(slots) < _SLOTS):
        raise FrameError(f"a slot is not from 0 to {_SLOTS - 1}")
    return slots
