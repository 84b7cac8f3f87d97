"""How errors travel between processes: whole, with their facts and their cause."""

from __future__ import annotations

import pickle
from typing import Any


def reduced(error: BaseException) -> tuple[Any, ...]:
    """For ``__reduce__``.

    Exception's own reduction calls the class with ``args`` alone, which drops the cause and every
    keyword.
    """
    return _restored, (type(error), error.args, dict(vars(error)), _picklable(error.__cause__))


def _restored(
    cls: type[BaseException],
    args: tuple[Any, ...],
    facts: dict[str, Any],
    cause: BaseException | None,
) -> BaseException:
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
