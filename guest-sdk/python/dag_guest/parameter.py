"""What operators take besides their inputs: parameters, and arguments read from canonical text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Callable, Iterable, Literal, Mapping, Optional

from .refusal import Refusal

__all__ = ["Parameter", "ParameterKind", "parameter", "read_arguments"]

ParameterKind = Literal[
    "duration", "integer", "number", "text", "boolean", "column", "columns", "scalar", "predicate", "projection", "match"
]
"""What a parameter's argument may be, as ``dag operators`` shows it."""


@dataclass(frozen=True)
class Parameter:
    """A parameter. It must be given unless it has a default or is optional."""

    kind: ParameterKind
    """What its argument may be."""
    convert: Callable[[str], Any]
    """Reads canonical text, or raises a Refusal."""
    doc: str = ""
    """One sentence."""
    positional: bool = False
    """It may be given without its name."""
    optional: bool = False
    """It may be left out; its value is None then."""
    repeated: bool = False
    """It takes all positional arguments that remain, at least one; its value is a list."""
    default: Optional[str] = None
    """Canonical text of the value when it is not given."""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is None and not self.optional

    def read(self, given: list[str]) -> Any:
        """Reads the canonical texts that were given."""
        texts = [self.default] if not given and self.default is not None else given
        if self.repeated:
            if not texts:
                raise Refusal("at least one is needed")
            return [self.convert(text) for text in texts]
        if not texts and self.optional:
            return None
        if len(texts) != 1:
            raise Refusal(f"one argument is expected, {len(texts)} were given")
        return self.convert(texts[0])


class parameter:
    """Parameters by kind: ``parameter.number("How much.", positional=True)``."""

    @staticmethod
    def duration(doc: str, **options: Any) -> Parameter:
        """A span of time, read as nanoseconds. It may be negative: an operator that minds says so."""
        return Parameter("duration", _duration, doc, **options)

    @staticmethod
    def integer(doc: str, **options: Any) -> Parameter:
        """A whole number of 64 bits."""
        return Parameter("integer", _integer, doc, **options)

    @staticmethod
    def number(doc: str, **options: Any) -> Parameter:
        """A number."""
        return Parameter("number", _number, doc, **options)

    @staticmethod
    def text(doc: str, **options: Any) -> Parameter:
        """Text."""
        return Parameter("text", lambda text: _unquoted(text, "'", "text in single quotes"), doc, **options)

    @staticmethod
    def boolean(doc: str, **options: Any) -> Parameter:
        """True or false."""
        return Parameter("boolean", _boolean, doc, **options)

    @staticmethod
    def column(doc: str, **options: Any) -> Parameter:
        """The name of a column of the first input."""
        return Parameter("column", _name, doc, **options)

    @staticmethod
    def columns(doc: str, **options: Any) -> Parameter:
        """Names of columns of the first input."""
        return Parameter("columns", _names, doc, **options)

    @staticmethod
    def scalar(doc: str, **options: Any) -> Parameter:
        """The canonical text of a scalar expression over the columns of the first input."""
        return Parameter("scalar", str, doc, **options)

    @staticmethod
    def predicate(doc: str, **options: Any) -> Parameter:
        """The canonical text of a condition over the columns of the first input."""
        return Parameter("predicate", str, doc, **options)


def read_arguments(parameters: Mapping[str, Parameter], given: Iterable[tuple[str, str]]) -> SimpleNamespace:
    """Reads arguments: name and canonical text each, into an object with an attribute per parameter."""
    pairs = list(given)
    read = SimpleNamespace()
    for name, one in parameters.items():
        try:
            setattr(read, name, one.read([text for own, text in pairs if own == name]))
        except Refusal as error:
            raise Refusal(f"{name}: {error}") from None
    return read


_UNITS = {"d": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def _duration(text: str) -> int:
    if not re.fullmatch(r"-?([0-9]+(d|h|ms|us|ns|m|s))+", text):
        raise _expected(text, "a duration such as 5m")
    total = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"([0-9]+)([a-z]+)", text))
    return -total if text.startswith("-") else total


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
        raise _expected(text, "a whole number of 64 bits")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?", text):
        raise _expected(text, "a number")
    return float(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise _expected(text, "true or false")
    return text == "true"


def _name(text: str) -> str:
    if text.startswith('"'):
        return _unquoted(text, '"', "a column's name")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", text):
        raise _expected(text, "a column's name")
    return text


def _names(text: str) -> list[str]:
    if not text.startswith("("):
        return [_name(text)]
    names = re.findall(r'"(?:[^"]|"")*"|[^,]+', text[1:-1])
    if not text.endswith(")") or ",".join(names) != text[1:-1]:
        raise _expected(text, "columns' names, such as (host,region)")
    return [_name(name) for name in names]


def _unquoted(text: str, quote: str, what: str) -> str:
    inner = text[1:-1].replace(quote + quote, "")
    if len(text) < 2 or text[0] != quote or text[-1] != quote or quote in inner:
        raise _expected(text, what)
    return text[1:-1].replace(quote + quote, quote)


def _expected(text: str, what: str) -> Refusal:
    return Refusal(f"expected {what}, found {text}")
