"""All that an operator can ask of its host: a line in the log, and repeatable randomness."""

from __future__ import annotations

from typing import Literal, Optional, Protocol

__all__ = ["Level", "log", "random"]

Level = Literal["debug", "info", "warn", "error"]


class Host(Protocol):
    """What stands behind this module: the component's imports, or the harness."""

    def log(self, level: Level, message: str) -> None: ...

    def random(self) -> int: ...


_host: Optional[Host] = None


def set_host(host: Optional[Host]) -> Optional[Host]:
    """Puts a host behind this module, and returns the one before."""
    global _host
    before, _host = _host, host
    return before


def _present() -> Host:
    if _host is None:
        raise RuntimeError("an operator's host is there only while it is called, not while its modules are loaded")
    return _host


def log(level: Level, message: str) -> None:
    """Writes a line to the node's log. In the harness it goes to standard error."""
    _present().log(level, message)


def random() -> int:
    """Sixty-four bits from a generator that is seeded from the computation: the same in every run of it.

    The module ``random`` draws from it, too.
    """
    return _present().random()
