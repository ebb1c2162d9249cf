"""What operators remember, as columns, so that it survives a crash and moves between workers."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from .column import Column, ColumnBuilder
from .schema import TYPES

__all__ = ["State", "fits_state", "load_state", "save_states"]


class State:
    """A row of columns. It is made without arguments, and begins as a new key or slot does.

    ``state`` says its columns: for each attribute that is remembered the type, with a ``?`` behind it where it may be None. It is never
    changed without a new version of the state.
    """

    state: Mapping[str, str]


def state_columns(state: type[State]) -> list[tuple[str, Any, bool]]:
    """For each column the attribute, the type, and whether it may be None.

    Raises:
        TypeError: if the class does not say them rightly.
    """
    said = getattr(state, "state", None)
    if not isinstance(said, Mapping):
        raise TypeError(f"class {state.__name__} has no `state` that says which of its attributes are remembered")
    columns = [(name, text.removesuffix("?"), text.endswith("?")) for name, text in said.items()]
    for name, type, _ in columns:
        if type not in TYPES:
            raise TypeError(f"class {state.__name__}: state {name} is of type {type}; types are {', '.join(TYPES)}, with ? where it may be None")
    return columns


def save_states(state: type[State], states: Iterable[State]) -> list[Column]:
    """Lays out states as columns, one row each."""
    rows, columns = list(states), []
    for name, type, nullable in state_columns(state):
        builder = ColumnBuilder(type)
        values = [getattr(row, name) for row in rows]
        if not nullable and None in values:
            raise TypeError(f"{state.__name__}.{name} is None, and its state does not say {type}?")
        builder.extend(values)
        columns.append(builder.finish())
    return columns


def fits_state(state: type[State], columns: Sequence[Column]) -> bool:
    """Whether these are the columns that ``save_states`` makes."""
    return [column.type for column in columns] == [type for _, type, _ in state_columns(state)]


def unfit(state: type[State], columns: Sequence[Column]) -> TypeError:
    """The error for columns that no version wrote that is read."""
    expected = [type for _, type, _ in state_columns(state)]
    return TypeError(f"saved state has columns {[column.type for column in columns]}, expected {expected}")


def load_state(state: type[State], columns: Sequence[Column], row: int) -> Any:
    """Reads a row of columns that ``fits_state`` takes."""
    loaded = state()
    for column, (name, _, nullable) in zip(columns, state_columns(state)):
        value = column[row]
        if value is None and not nullable:
            raise TypeError(f"saved state has no {name}")
        setattr(loaded, name, value)
    return loaded
