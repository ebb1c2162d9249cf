"""What an operator cannot do, said to the person who wrote the expression."""

from __future__ import annotations

__all__ = ["Refusal", "describe_error"]


class Refusal(Exception):
    """An error whose text alone reaches the person who wrote the expression.

    It names the thing, what was found and what was expected. Any other exception is taken for a mistake in the operator, and reaches them
    with its name and its line.
    """


def describe_error(error: BaseException) -> str:
    """The text of an exception: a refusal's own, else its name and text with the line that raised it."""
    if isinstance(error, Refusal):
        return str(error)
    name = type(error).__name__
    text = f"{name}: {error}" if str(error) else name
    place = None
    trace = error.__traceback__
    while trace is not None:
        # Not by the module `traceback`, which looks for the source's file.
        if not str(trace.tb_frame.f_globals.get("__name__")).startswith("dag_guest"):
            place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{text} ({place})" if place else text
