"""From what is written down, in options or in a file, to requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from pika_async import FieldError, GenerationRequest
from pika_async._request.parts import check_files
from pika_async.cli._prompts.fields import FIELDS, TextField, loaded
from pika_async.cli._prompts.names import check_names, plain_name
from pika_async.cli._running.exits import UsageError
from pika_async.cli._showing.sentences import refusal

# Separates the values of a field that holds several, in one cell of a table: a sign that is in
# neither paths nor links.
_BETWEEN: Final = "|"

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
    """Text as a link or a file; what is not text, or empty, is left for the request to refuse."""
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
    # Many programs write a column of whole numbers with a gap in it as 7.0 and the like.
    if FIELDS[name].kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _from_file(said: dict[str, Any], how: Reading) -> GenerationRequest:
    fields = {**how.defaults, **said}
    for name, default in how.defaults.items():
        if FIELDS[name].is_mapping and isinstance(said.get(name), dict):
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
