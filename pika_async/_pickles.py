"""How errors are copied, and travel between processes: whole, with their facts and their cause."""

from __future__ import annotations

import pickle
from typing import Any, TypeVar

_E = TypeVar("_E", bound=BaseException)


def reduced(error: BaseException) -> tuple[Any, ...]:
    """For ``__reduce__``.

    Exception's own reduction calls the class with ``args`` alone, which drops the cause and every
    keyword.
    """
    return _restored, (type(error), error.args, dict(vars(error)), _picklable(error.__cause__))


def twin(error: _E) -> _E:
    """The same error as an object of its own, with the traceback that ``error`` has now."""
    facts = dict(vars(error))
    if notes := facts.get("__notes__"):
        facts["__notes__"] = list(notes)
    other = _restored(type(error), error.args, facts, error.__cause__)
    other.__context__ = error.__context__
    other.__suppress_context__ = error.__suppress_context__
    return other.with_traceback(error.__traceback__)


def _restored(
    cls: type[_E],
    args: tuple[Any, ...],
    facts: dict[str, Any],
    cause: BaseException | None,
) -> _E:
    error = cls.__new__(cls)
    error.args = args
    vars(error).update(facts)
    error.__cause__ = cause
    return error


def _picklable(cause: BaseException | None) -> BaseException | None:
    try:
        pickle.loads(pickle.dumps(cause))  # noqa: S301 - our own bytes, made on this line
    except Exception:  # noqa: BLE001 - whatever a foreign exception does, ours must travel
        return Exception(f"{type(cause).__name__}: {cause}")
    return cause
