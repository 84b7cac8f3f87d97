"""Every check of a value that a user gives, and the one error for what is not allowed.

A check is an attrs validator, or a function that returns the value it has checked. All raise
:class:`FieldError`, which carries the facts, so that the command line can name its own options.
"""

from __future__ import annotations

import inspect
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeGuard
from unicodedata import category

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import Attribute

    Validator = Callable[[object, Attribute[Any], Any], None]

_LONGEST_SHOWN: Final = 200

# Controls, marks such as U+200B, and all kinds of blanks:
# https://www.unicode.org/reports/tr44/#General_Category_Values
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class FieldError(ValueError):
    """A value that is not allowed, in a request or as an argument; nothing was sent.

    Attributes:
        field: The name of the field or argument; ``camera.zoom`` for a part of one.
        value: What was given.
        allowed: What is allowed there, in words: ``a number from 0.4 to 2.5``.
        problem: What is wrong with this value where it is not plain from ``allowed``, or None.
        nearest: What was probably meant, or None.
        written: What is allowed for whoever writes the value down as text, in a file or at a shell;
            the same as ``allowed`` where it is the same.
        through_extra: Whether a value that is newer than this version can be sent through the
            request's ``extra``, under the name of the field.
        services: The names of other services that would take the request as it is.
    """

    def __init__(
        self,
        field: str,
        value: object,
        allowed: str,
        *,
        verb: str = "is",
        problem: str | None = None,
        nearest: str | None = None,
        through_extra: bool = False,
        written: str | None = None,
        services: tuple[str, ...] = (),
    ) -> None:
        """``verb``: "is" or "are", as ``allowed`` asks for it."""
        super().__init__(field, value, allowed)
        self.field = field
        self.value = value
        self.allowed = allowed
        self.problem = problem
        self.nearest = nearest
        self.through_extra = through_extra
        self.written: str = allowed if written is None else written
        self.services = services
        self._verb = verb

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.args, dict(vars(self)))

    def __str__(self) -> str:
        way = f"; what is newer than this version goes through extra={{{self.field!r}: …}}"
        return f"{self.field}: {self.complaint}{way if self.through_extra else ''}"

    @property
    def complaint(self) -> str:
        """The sentence without the name of the field, for whoever calls it by another name."""
        return self._complaint(self.allowed)

    @property
    def written_complaint(self) -> str:
        """The same for whoever writes the value down as text."""
        return self._complaint(self.written)

    def _complaint(self, allowed: str) -> str:
        hint = "" if self.nearest is None else f"did you mean {self.nearest!r}? "
        reason = self.problem or f"allowed {self._verb} {allowed}"
        return f"{_shown(self.value)} is not allowed; {hint}{reason}{self._elsewhere()}"

    def _elsewhere(self) -> str:
        if not self.services:
            return ""
        return f"; the service {' and the service '.join(map(repr, self.services))} would take it"


def _restored(args: tuple[str, object, str], facts: dict[str, Any]) -> FieldError:
    error = FieldError(*args)
    vars(error).update(facts)
    return error


def _shown(value: object) -> str:
    try:
        # Members of enumerations are shown as the text that they are.
        shown = repr(str(value) if isinstance(value, str) else value)
    except (ValueError, RecursionError):
        # Integers of more than 4300 digits, and what is nested too deeply, have no repr.
        shown = f"this {type(value).__name__}, too large to show,"
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Whether it is a whole number; True and False are none, and 7.0 is none either."""
    return isinstance(value, int) and not isinstance(value, bool)


def number_within(low: float, high: float, *, whole: bool) -> Validator:
    """A validator: a number from ``low`` to ``high``; None where that is the default."""
    allowed = f"{'a whole number' if whole else 'a number'} from {low} to {high}"

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if value is None and attribute.default is None:
            return
        # Written so that NaN, which compares false with everything, is refused too.
        if not (is_number(value) and low <= value <= high) or (whole and not is_whole(value)):
            raise FieldError(attribute.name, value, allowed)

    return check


def text(*, empty: bool, allowed: str | None = None) -> Validator:
    """A validator: text that can be written down, ``empty`` or not."""
    allowed = allowed or ("text" if empty else "text that is not empty")

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not (empty or value.strip()):
            raise FieldError(attribute.name, value, allowed)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise FieldError(
                attribute.name, value, allowed, problem="it holds half a surrogate pair"
            ) from None
        if not empty and not any(map(_is_visible, value)):
            # The mark at the end of a file of DOS, or what a web page has between two words.
            raise FieldError(attribute.name, value, allowed, problem="nothing of it can be seen")

    return check


def _is_visible(letter: str) -> bool:
    # Letters that are newer than this Python are of no category that it knows, and can be seen.
    return letter.isalnum() or category(letter) not in _UNSEEN


def whole_or_none(_: object, attribute: Attribute[Any], value: Any) -> None:
    """A validator: a whole number, or None."""
    if value is not None and not is_whole(value):
        raise FieldError(attribute.name, value, "a whole number")


def whole_from_one_or_none(_: object, attribute: Attribute[Any], value: Any) -> None:
    """A validator: a whole number from 1, or None."""
    if value is not None:
        checked_bound(attribute.name, value)


def flag(_: object, attribute: Attribute[Any], value: Any) -> None:
    """A validator: True or False."""
    if not isinstance(value, bool):
        raise FieldError(attribute.name, value, "True or False", written="true or false")


def one_of(*allowed: str, within: str = "") -> Validator:
    """A validator: None or one of some words; ``within``: what the attribute is a part of."""

    def check(_: object, attribute: Attribute[Any], value: Any) -> None:
        if value is not None and value not in allowed:
            raise FieldError(f"{within}{attribute.name}", value, ", ".join(allowed), verb="are")

    return check


def seconds(*, at_least: float) -> Validator:
    """A validator: a finite number of at least ``at_least``."""

    def check(_: object, attribute: Attribute[Any], value: float) -> None:
        if not (is_number(value) and at_least <= value < math.inf):
            raise FieldError(attribute.name, value, f"a number from {at_least:g}")

    return check


def above_zero(_: object, attribute: Attribute[Any], value: float) -> None:
    """A validator: a finite number above 0."""
    if not (is_number(value) and 0 < value < math.inf):
        raise FieldError(attribute.name, value, "a number above 0")


def share(_: object, attribute: Attribute[Any], value: float) -> None:
    """A validator: a number from 0 to 1."""
    if not (is_number(value) and 0.0 <= value <= 1.0):
        raise FieldError(attribute.name, value, "a number from 0 to 1")


def at_least_one(_: object, attribute: Attribute[Any], value: int) -> None:
    """A validator: a whole number from 1."""
    checked_bound(attribute.name, value)


def checked_bound(name: str, value: int, besides: str = "") -> int:
    """A whole number from 1.

    Raises:
        FieldError: It is none; ``besides`` is added to what is allowed.
    """
    if not is_whole(value) or value < 1:
        raise FieldError(name, value, f"a whole number from 1{besides}")
    return value


def checked_timeout(timeout: float | None) -> float:
    """Seconds, infinity for None.

    Raises:
        FieldError: It is negative or not a number.
    """
    if timeout is None:
        return math.inf
    if not is_number(timeout) or not timeout >= 0:
        raise FieldError("timeout", timeout, "seconds from 0, or None for ever", verb="are")
    return float(timeout)


def checked_request_timeout(timeout: float) -> float:
    """Seconds above 0, and not for ever: a request that never ends cannot be told from a lost one.

    Raises:
        FieldError: It is not.
    """
    if not is_number(timeout) or not 0 < timeout < math.inf:
        raise FieldError("request_timeout", timeout, "seconds above 0", verb="are")
    return timeout


def checked_is(name: str, value: object, allowed: str, *members: str) -> None:
    """Check that ``value`` has these ``members``, and is no class that was meant to be called.

    Raises:
        FieldError: It has not, or it is one.
    """
    if isinstance(value, type):
        meant = f"an object of it, {value.__name__}(…), and not the class"
        raise FieldError(name, value, allowed, problem=f"allowed is {meant}")
    if not all(hasattr(value, member) for member in members):
        raise FieldError(name, value, allowed)


def checked_plain_function(name: str, value: object, *, takes: str) -> None:
    """What is called with ``takes``, and is not awaited.

    Raises:
        FieldError: It cannot be called, or it is a coroutine function.
    """
    if not callable(value) or any(map(inspect.iscoroutinefunction, (value, type(value).__call__))):
        raise FieldError(name, value, f"a plain function, without async, that takes {takes}")


def checked_moment(name: str, moment: datetime) -> datetime:
    """A time that is the same everywhere.

    Raises:
        FieldError: It has no time zone.
    """
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise FieldError(name, moment, "a datetime with a time zone, such as datetime.now(UTC)")
    return moment


def checked_job_id(job_id: str) -> str:
    """Text that is not empty.

    Raises:
        FieldError: It is not.
    """
    if not isinstance(job_id, str) or not job_id.strip():
        raise FieldError("job_id", job_id, "text that is not empty")
    return job_id
