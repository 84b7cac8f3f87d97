"""The fields of a request as they are written down: from text to values, read off the fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import Attribute, frozen

from pika_async import GenerationRequest
from pika_async._request.about import about
from pika_async.cli._running.exits import UsageError

_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def flag(text: str) -> bool | str:
    """True or False, or the text itself, which the request then refuses and shows."""
    return _FLAGS.get(text.lower(), text)


def whole(text: str) -> int | str:
    """A whole number, which may be written as 7.0; or the text itself."""
    # int() would take 1_000, and digits of other scripts; a float would change long ones.
    found = re.fullmatch(r"([+-]?\d+)(\.0*)?", text, re.ASCII)
    return _number(int, found[1]) if found else text


def wholes(text: str) -> int | str | list[int | str]:
    """A whole number, or several between commas; or the text itself."""
    return [whole(part.strip()) for part in text.split(",")] if "," in text else whole(text)


def decimal(text: str) -> float | str:
    """A number, or the text itself."""
    return text if "_" in text else _number(float, text)


def _number(kind: Callable[[str], Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        return text


def loaded(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        UsageError: It is none.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UsageError(f"it is not JSON: {error.msg}, at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits, and thousands of brackets.
        raise UsageError(f"it is not JSON that can be read: {error}") from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise UsageError(f"{name!r} is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise UsageError(f"{name} is not JSON")


def check_encoding(text: str) -> None:
    """Refuse what was read with bytes in it that are no UTF-8.

    Raises:
        UsageError: It has some.
    """
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise UsageError("it is not UTF-8; save the file as UTF-8")


@frozen(kw_only=True)
class TextField:
    """A field of a request, as it is written down."""

    attribute: Attribute[Any]
    kind: Any
    """Its type beside None; of a sequence, that of its items."""
    repeats: bool
    """It holds several values."""
    may_be_listed: bool
    """It holds one value, or several."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.attribute.name

    @property
    def is_medium(self) -> bool:
        """Whether it is given as a file or a URL."""
        return about(self.attribute).medium is not None

    @property
    def is_mapping(self) -> bool:
        """Whether it holds values by name, such as metadata."""
        return _is_a(self.kind, Mapping)

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The parts of a field that has some, such as a camera, with what is allowed for each."""
        if not attrs.has(self.kind):
            return {}
        return {
            name: get_args(get_args(hint)[0]) for name, hint in get_type_hints(self.kind).items()
        }

    @property
    def columns(self) -> list[str]:
        """Its columns in a table: a cell holds one value, so a field has one for each part."""
        return [f"{self.name}.{part}" for part in self.parts] or [self.name]

    @property
    def reads(self) -> Callable[[str], Any]:
        """From text to a value; what cannot be read stays text, which the request refuses."""
        if self.kind is bool:
            return flag
        if self.is_mapping:
            return loaded
        if self.kind is int:
            return wholes if self.may_be_listed else whole
        return decimal if self.kind is float and not _takes_text(self.attribute.converter) else str


def fields_of(cls: type) -> dict[str, TextField]:
    """The fields of a request, by name."""
    hints = get_type_hints(cls)
    found = {}
    for attribute in attrs.fields(cls):
        hint = hints[attribute.name]
        kind = _one(hint)
        repeats = _is_a(kind, Sequence)
        kind = _one(get_args(kind)[0]) if repeats else kind
        listed = not repeats and any(_is_a(one, Sequence) for one in get_args(hint))
        found[attribute.name] = TextField(
            attribute=attribute,
            kind=str if get_origin(kind) is Literal else kind,
            repeats=repeats,
            may_be_listed=listed,
        )
    return found


def _is_a(kind: Any, wanted: type) -> bool:
    """Whether it is a container of that sort, such as ``Sequence[int]`` for ``Sequence``."""
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, wanted)


def _takes_text(converter: Any) -> bool:
    """Whether it makes something of text, as 16:9 is text and comes to a number."""
    return converter is not None and str in get_args(get_type_hints(converter).get("value"))


def _one(hint: Any) -> Any:
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return next(kind for kind in get_args(hint) if kind is not NoneType)


FIELDS: Final = fields_of(GenerationRequest)
COLUMNS: Final = tuple(column for field in FIELDS.values() for column in field.columns)
