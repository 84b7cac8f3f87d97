"""From text, as it stands in options and files, to a request; read off the fields themselves."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import Attribute, field, frozen

from pika_async import FieldError, GenerationRequest
from pika_async._request.about import about
from pika_async._request.parts import check_files
from pika_async._request.spelling import MARK
from pika_async.cli._running.exits import UsageError
from pika_async.cli._showing.sentences import refusal

_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LONGEST_NAME: Final = 40
# How alike two names are, from 0 to 1, of which one is the other with a slip of the finger.
_NEARLY: Final = 0.75
_SAYS_VALUE: Final = frozenset({"url", "uri", "link", "path", "file", "text", "value"})

# Between the values of a field that holds several, in one cell of a table. Neither paths nor links
# have it in them.
_BETWEEN: Final = "|"


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
        if _is_a(self.kind, Mapping):
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


Check: TypeAlias = Callable[[GenerationRequest], None]
"""Raises FieldError for a request that the service would not take."""


def request_of(
    fields: Mapping[str, Any], check: Check, folder: Path = Path(), *, of_file: bool
) -> GenerationRequest:
    """The request with these fields, where media may be text: links, or paths below ``folder``.

    Raises:
        UsageError: Names the field, or the option, and what is allowed.
    """
    if fields.get("extend") is True and fields.get("video") is None:
        raise UsageError(
            "extend makes a video longer: name that one in the field video"
            if of_file
            else "--extend makes a video longer: give that one with --video."
        )
    found = {name: placed(FIELDS[name], value, folder) for name, value in fields.items()}
    try:
        whole = {
            name: FIELDS[name].kind(**value) if FIELDS[name].parts else value
            for name, value in found.items()
        }
        request = GenerationRequest(**whole)
        check_files(request)
        check(request)
    except FieldError as error:
        said = refusal(error, of_file=of_file)
        raise UsageError(
            f"{said}{_full_path(found.get(error.field), said)}" if of_file else f"{said}."
        ) from error
    return request


def placed(field: TextField, given: Any, folder: Path = Path()) -> Any:
    """The value of a field, where files are paths and no text any more."""
    return _placed(given, folder) if field.is_medium else given


def _placed(given: Any, folder: Path) -> Any:
    """Text as a link or a file; what is no text, or empty, is refused as what it is."""
    if isinstance(given, list):
        return [_placed(one, folder) for one in given]
    if not isinstance(given, str) or not given:
        return given
    return given if re.match(r"(https?://|data:)", given, re.IGNORECASE) else folder / given


def _full_path(path: Any, said: str) -> str:
    """Where a file was looked for, if it is about one: paths begin elsewhere than in a shell.

    Empty where ``said`` names the folder.
    """
    if not isinstance(path, Path) or path.is_absolute() or str(path.absolute().parent) in said:
        return ""
    return f"; its full path is {str(path.absolute())!r}"


def shortened(name: str) -> str:
    """A name to be shown; one that was not meant as a name may be a whole prompt."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def check_encoding(text: str) -> None:
    """Refuse what was read with bytes in it that are no UTF-8.

    Raises:
        UsageError: It has some.
    """
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        raise UsageError("it is not UTF-8; save the file as UTF-8")


def plain_name(name: str) -> str:
    """A name as fields have it: ``negative_prompt`` for ``" Negative Prompt "``."""
    return re.sub(r"[\s_-]+", "_", name.replace(MARK, "").strip()).casefold()


def near(name: str) -> str | None:
    """The column that was probably meant by a name that is none, or None.

    A name that is more than one, such as ``prompt_id``, is taken for a name of its own, unless the
    word that is more says only that it is the value: ``image_url``.
    """
    plain = plain_name(name)
    words = plain.split("_")
    if words[-1] in _SAYS_VALUE and "_".join(words[:-1]) in COLUMNS:
        return "_".join(words[:-1])
    for column in COLUMNS:
        root, _, part = column.partition(".")
        if plain in (root, part) or root.startswith(f"{plain}_"):
            return column
    for close in difflib.get_close_matches(plain, COLUMNS, n=1, cutoff=_NEARLY):
        if not plain.startswith(f"{close}_") and not plain.endswith(f"_{close}"):
            return close
    return None


def check_names(names: Collection[str], allowed: Collection[str], *, kind: str) -> None:
    """Refuse unknown names.

    Raises:
        UsageError: Names the first, the nearest that is allowed, and all that are.
    """
    for name in names:
        if name in allowed:
            continue
        near = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"there is no {kind} {shortened(name)!r}; {hint}allowed are {', '.join(allowed)}"
        )


@frozen(kw_only=True)
class Reading:
    """How what is written down becomes a request."""

    check: Check
    """What the service would not take is refused by it."""
    folder: Path = Path()
    """Where relative paths begin."""
    defaults: Mapping[str, Any] = field(factory=dict)
    """The fields of requests that do not say otherwise, with files as paths."""


def from_text(text: str, how: Reading) -> GenerationRequest:
    """The request of a prompt alone.

    Raises:
        UsageError: It is not allowed.
    """
    return _from_file({"prompt": text}, how)


def from_cells(cells: Mapping[str, str], own: Mapping[str, str], how: Reading) -> GenerationRequest:
    """The request of a row; the names are among ``COLUMNS``, and empty cells are left out.

    ``own``: the cells of columns that are no fields, which are metadata.

    Raises:
        UsageError: Names the column and what is allowed.
    """
    fields: dict[str, Any] = {}
    for column, cell in cells.items():
        name, _, part = column.partition(".")
        if part:
            fields.setdefault(name, {})[part] = cell
        else:
            fields[name] = _read(name, cell)
    if own:
        said = fields.get("metadata", {})
        fields["metadata"] = {**said, **own} if isinstance(said, dict) else said
    return _from_file(fields, how)


def _read(name: str, cell: str) -> Any:
    field = FIELDS[name]
    try:
        if field.repeats:
            return [field.reads(part.strip()) for part in cell.split(_BETWEEN)]
        return field.reads(cell)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def from_json(text: str, how: Reading) -> GenerationRequest:
    """The request of a JSON object, or of a JSON string, which is a prompt.

    Raises:
        UsageError: Names the field and what is allowed.
    """
    if text.startswith("["):
        raise UsageError("allowed is one JSON object a line, without an array around them")
    value = loaded(text)
    if isinstance(value, str):
        return from_text(value, how)
    if not isinstance(value, dict):
        raise UsageError(
            'allowed is a JSON object, such as {"prompt": "a red panda"}, or a prompt as a JSON '
            "string"
        )
    named: dict[str, Any] = {}
    for name, one in value.items():
        known = plain_name(name) if plain_name(name) in FIELDS else name
        if known in named:
            raise UsageError(f"{known!r} is given twice")
        named[known] = one
    check_names(named, FIELDS, kind="field")
    given = {name: _plain(name, one) for name, one in named.items() if one is not None}
    return _from_file(given, how)


def _plain(name: str, value: Any) -> Any:
    # A column of whole numbers with a gap becomes one of 7.0 and the like in many programs.
    if FIELDS[name].kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _from_file(said: dict[str, Any], how: Reading) -> GenerationRequest:
    fields = {**how.defaults, **said}
    for name, default in how.defaults.items():
        if _is_a(FIELDS[name].kind, Mapping) and isinstance(said.get(name), dict):
            fields[name] = {**default, **said[name]}
    if "prompt" not in fields:
        raise UsageError("the prompt is missing")
    for value in fields.values():
        if isinstance(value, str) and "\0" in value:
            raise UsageError("it holds a null character; allowed is text in UTF-8")
    for name, value in fields.items():
        parts = FIELDS[name].parts
        if parts and not isinstance(value, dict):
            example = json.dumps({part: ways[0] for part, ways in [*parts.items()][:1]})
            raise UsageError(
                f"{name}: {value!r} is not allowed; allowed is an object, such as {example}"
            )
        if parts:
            check_names(value, parts, kind=f"{name} movement")
    return request_of(fields, how.check, how.folder, of_file=True)
