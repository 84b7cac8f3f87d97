"""Numbers as tables and arrays hold them.

A column of whole numbers with one gap in it becomes a column of floats: 7 comes back as 7.0. It is
the same seed, and so the same request.
"""

from __future__ import annotations

import operator
from typing import Any, Final, SupportsFloat, cast

# Above this a float does not hold every whole number, and 7 may have become 8.
_EXACT: Final = 2**53


def to_whole(value: float) -> int:
    """A converter: an ``int``, where a whole number is meant; all else as it is, for a validator.

    True and False stay what they are.
    """
    return cast("int", _whole(value))


def to_whole_or_none(value: float | None) -> int | None:
    """The same for a field that may be None."""
    return None if value is None else to_whole(value)


def to_number(value: SupportsFloat | None) -> float | None:
    """A converter: a number of Python's own, where one is meant; all else as it is."""
    if value is None:
        return None
    if isinstance(value, bool | int | float | str):
        return cast("float", value)
    return cast("float", _own(value))


def _whole(value: Any) -> Any:
    if isinstance(value, bool | int | str):
        return value
    number = value if isinstance(value, float) else _own(value)
    if isinstance(number, float) and number.is_integer() and abs(number) <= _EXACT:
        return int(number)
    return number if isinstance(number, int) else value


def _own(value: Any) -> Any:
    """A number of an array, or a decimal, as one of Python's own, which JSON can hold."""
    try:
        return operator.index(value)
    except TypeError:
        return float(value) if isinstance(value, SupportsFloat) else value
