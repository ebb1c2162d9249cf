"""What an operator must not have, refused where it is called: clocks, sleep, true randomness."""

from __future__ import annotations

import builtins
import datetime
import os
import random as random_module
import time
from typing import Any, Callable

from .host import random as host_random

__all__ = ["guard"]

_NO_CLOCK = "an operator has no clock: its output depends on records alone; use their event times"
_NO_TIMER = "an operator has no timers: it computes when records or frontiers come"
_NO_FILES = "an operator has no files and no network"
_NO_RANDOM = "an operator has no true randomness: use dag_guest.random, which is the same in every run"

_CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns")
_CALENDAR = ("localtime", "gmtime", "ctime", "asctime", "strftime")


class _HostRandom(random_module.Random):
    """The module's generator, drawing from the host's."""

    def random(self) -> float:
        return (host_random() >> 11) / 2**53

    def getrandbits(self, count: int) -> int:
        bits = 0
        for _ in range(0, count, 64):
            bits = bits << 64 | host_random()
        return bits & ((1 << count) - 1)

    def seed(self, *_: Any, **__: Any) -> None:
        """The host has seeded it."""


class _Datetime(datetime.datetime):
    """Of given times only."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        raise RuntimeError(f"datetime.now: {_NO_CLOCK}")

    @classmethod
    def utcnow(cls) -> Any:
        raise RuntimeError(f"datetime.utcnow: {_NO_CLOCK}")

    @classmethod
    def today(cls) -> Any:
        raise RuntimeError(f"datetime.today: {_NO_CLOCK}")


class _Date(datetime.date):
    """Of given days only."""

    @classmethod
    def today(cls) -> Any:
        raise RuntimeError(f"date.today: {_NO_CLOCK}")


def guard() -> Callable[[], None]:
    """Puts the guards over modules; what it returns takes them away again.

    Names that an operator's module has imported before keep what they were bound to: ``from time import time`` is not guarded, and ends
    the instance in a component.
    """
    before: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, value: Any) -> None:
        before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    for name in _CLOCKS:
        replace(time, name, _refusing(f"time.{name}", _NO_CLOCK))
    for name in _CALENDAR:
        replace(time, name, _given_only(getattr(time, name), name))
    replace(time, "sleep", _refusing("time.sleep", _NO_TIMER))
    replace(builtins, "open", _refusing("open", _NO_FILES))
    replace(os, "urandom", _refusing("os.urandom", _NO_RANDOM))
    replace(datetime, "datetime", _Datetime)
    replace(datetime, "date", _Date)
    generator = _HostRandom()
    for name in random_module.__all__:
        if name[0].islower() and name not in ("getstate", "setstate"):
            replace(random_module, name, getattr(generator, name))

    def unguard() -> None:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)

    return unguard


def _refusing(name: str, why: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{name}: {why}")

    return refuse


def _given_only(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function of the calendar, with a given time only."""
    least = 2 if name == "strftime" else 1

    def guarded(*arguments: Any) -> Any:
        if len(arguments) < least or arguments[0] is None:
            raise RuntimeError(f"time.{name}: {_NO_CLOCK}")
        return real(*arguments)

    return guarded
