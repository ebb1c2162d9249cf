"""A component's exports, as componentize-py binds them to the package of ``wit/python.wit``. Only in components."""

from __future__ import annotations

import functools
import sys
from typing import Any, Callable, Optional

import componentize_py_types
from wit_world.exports import aggregating, transforming
from wit_world.imports import host, types

from .component import AggregateInstance, Component, TransformInstance
from .fold import Aggregate
from .guards import guard
from .host import Level, set_host
from .output import Emitted
from .refusal import describe_error
from .schema import Field, Input, Lookback

__all__ = ["serve"]

# Each call has an object of its own, so what they share is here.
_component: Optional[Component] = None
_aggregate: Optional[AggregateInstance] = None
_transform: Optional[TransformInstance] = None


class _Host:
    def log(self, level: Level, message: str) -> None:
        host.log(host.Level[level.upper()], message)

    def random(self) -> int:
        return host.random()


class _Log:
    """A stream of text whose lines go to the node's log."""

    encoding = "utf-8"

    def __init__(self, level: Level) -> None:
        self._level, self._line = level, ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            _Host().log(self._level, line)
        return len(text)

    def flush(self) -> None:
        """Lines that are not ended are kept."""

    def isatty(self) -> bool:
        return False


class _Loaded:
    """Refuses to look for modules: there are no files in a component."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name not in sys.builtin_module_names:
            raise ImportError(f"module {name} was not imported when the component was built: import it at the top of the operators' module")


def serve(component: Component) -> tuple[type, type]:
    """The classes that componentize-py looks for: Aggregating and Transforming."""
    global _component
    _component = component
    sys.stdout, sys.stderr = _Log("info"), _Log("warn")  # type: ignore[assignment]
    set_host(_Host())
    guard()
    sys.meta_path.insert(0, _Loaded)  # type: ignore[arg-type]
    return Aggregating, Transforming


def _raising_text(call: Callable[..., Any]) -> Callable[..., Any]:
    """What is raised becomes the error of the result."""

    @functools.wraps(call)
    def wrapped(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except BaseException as error:
            text = describe_error(error)
        raise componentize_py_types.Err(text)

    return wrapped


class Aggregating:
    def describe(self) -> Any:
        return _describe(True)

    @_raising_text
    def bind(self, operator: str, arguments: Any, schema: Any) -> Any:
        global _aggregate
        _aggregate = AggregateInstance(_component, operator, _given(arguments), _schema(schema))  # type: ignore[arg-type]
        bound = _aggregate.bound
        return aggregating.Binding(types.ColumnType[bound.result.upper()], list(bound.columns), _lookback(bound.lookback))

    @_raising_text
    def update(self, frame: bytes) -> None:
        _aggregate.update(frame)  # type: ignore[union-attr]

    @_raising_text
    def combine(self, frame: bytes) -> None:
        _aggregate.combine(frame)  # type: ignore[union-attr]

    @_raising_text
    def state(self, frame: bytes) -> str:
        return str(_aggregate.state(frame), "latin-1")  # type: ignore[union-attr]

    @_raising_text
    def merge(self, frame: bytes) -> None:
        _aggregate.merge(frame)  # type: ignore[union-attr]

    @_raising_text
    def scan(self, frame: bytes) -> str:
        return str(_aggregate.scan(frame), "latin-1")  # type: ignore[union-attr]

    @_raising_text
    def finish(self, frame: bytes) -> str:
        return str(_aggregate.finish(frame), "latin-1")  # type: ignore[union-attr]

    @_raising_text
    def clear(self, frame: bytes) -> None:
        _aggregate.clear(frame)  # type: ignore[union-attr]


class Transforming:
    def describe(self) -> Any:
        return _describe(False)

    @_raising_text
    def open(self, operator: str, arguments: Any, inputs: Any) -> Any:
        global _transform
        own = [Input(input.alias, _schema(input.schema)) for input in inputs]
        _transform = TransformInstance(_component, operator, _given(arguments), own)  # type: ignore[arg-type]
        opening = _transform.opening
        schema = [types.Field(field.name, types.ColumnType[field.type.upper()]) for field in opening.schema]
        return transforming.Opening(schema, transforming.Order[opening.order.upper()], _lookback(opening.lookback))

    @_raising_text
    def process(self, frames: list[bytes], order: bytes) -> Any:
        return _output(_transform.process(frames, order))  # type: ignore[union-attr]

    @_raising_text
    def advance(self, frontier: Optional[int]) -> Any:
        return _output(_transform.advance(frontier))  # type: ignore[union-attr]

    @_raising_text
    def snapshot(self) -> list[str]:
        return [str(chunk, "latin-1") for chunk in _transform.snapshot()]  # type: ignore[union-attr]

    @_raising_text
    def restore(self, version: int, chunks: list[bytes]) -> None:
        _transform.restore(version, chunks)  # type: ignore[union-attr]


def _output(emitted: Emitted) -> Any:
    return transforming.Output(str(emitted.frame, "latin-1"), emitted.hold, emitted.more)


def _describe(aggregates: bool) -> Any:
    """What a component says of its aggregates, or of its transforms."""
    assert _component is not None
    chosen = [operator for operator in _component.operators if issubclass(operator, Aggregate) == aggregates]
    return types.Description(_component.name, _component.version, [_signature(operator) for operator in chosen])


def _signature(operator: Any) -> Any:
    about = operator.about
    parameters = [
        types.Parameter(
            name, types.ParameterKind[one.kind.upper()], one.required, one.positional, one.repeated, one.default, one.doc
        )
        for name, one in operator.parameters.items()
    ]
    least, most, key = getattr(operator, "min_inputs", 1), getattr(operator, "max_inputs", 1), getattr(operator, "key", None)
    return types.Signature(
        about.name, about.doc, about.example, least, most, parameters, key, operator.state_written, list(operator.state_read)
    )


def _given(arguments: Any) -> list[tuple[str, str]]:
    return [(argument.name, argument.value) for argument in arguments]


def _schema(schema: Any) -> list[Field]:
    return [Field(field.name, field.ty.name.lower()) for field in schema]


def _lookback(lookback: Lookback) -> Any:
    if lookback == "none":
        return types.Lookback_None_()
    return types.Lookback_Unbounded() if lookback == "unbounded" else types.Lookback_Duration(lookback)
