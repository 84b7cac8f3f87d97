"""From the fields of one line of a file, as text or as JSON, to a request."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async import Camera, GenerationRequest
from pika_async.cli._words import for_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_MOVEMENTS: Final = tuple(field.name for field in attrs.fields(Camera))
_FIELDS: Final = tuple(field.name for field in attrs.fields(GenerationRequest))
# A cell holds one value, so a camera has a column for each movement.
COLUMNS: Final = tuple(
    column
    for name in _FIELDS
    for column in ([f"camera.{move}" for move in _MOVEMENTS] if name == "camera" else [name])
)
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LONGEST_NAME: Final = 40


class FieldError(ValueError):
    """What is given for a request is not allowed; says what is."""


def medium(given: str, folder: Path = Path()) -> Path | str:
    """A link as it is, anything else as a file below ``folder``."""
    return given if re.match(r"(https?://|data:)", given, re.IGNORECASE) else folder / given


def shortened(name: str) -> str:
    """A name to be shown; one that was not meant as a name may be a whole prompt."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def check_names(names: Collection[str], allowed: Collection[str], *, kind: str) -> None:
    """Refuse unknown names.

    Raises:
        FieldError: Names the first, the nearest that is allowed, and all that are.
    """
    for name in names:
        if name in allowed:
            continue
        near = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise FieldError(
            f"there is no {kind} {shortened(name)!r}; {hint}allowed are {', '.join(allowed)}"
        )


def from_text(text: str) -> GenerationRequest:
    """The request of a prompt alone.

    Raises:
        FieldError: It is not allowed.
    """
    return _request({"prompt": text}, Path())


def from_cells(cells: Mapping[str, str], folder: Path) -> GenerationRequest:
    """The request of a row; the names are among ``COLUMNS``, and empty cells are left out.

    Raises:
        FieldError: Names the column and what is allowed.
    """
    fields: dict[str, Any] = {}
    for column, cell in cells.items():
        name, _, movement = column.partition(".")
        if movement:
            fields.setdefault(name, {})[movement] = cell
        else:
            fields[name] = _VALUES.get(name, str)(cell)
    return _request(fields, folder)


def from_json(text: str, folder: Path) -> GenerationRequest:
    """The request of a JSON object, or of a JSON string, which is a prompt.

    Raises:
        FieldError: Names the field and what is allowed.
    """
    if text.startswith("["):
        raise FieldError("allowed is one JSON object a line, without an array around them")
    value = _loaded(text)
    if isinstance(value, str):
        return from_text(value)
    if not isinstance(value, dict):
        raise FieldError(
            'allowed is a JSON object, such as {"prompt": "a red panda"}, or a prompt as a JSON '
            "string"
        )
    check_names(value, _FIELDS, kind="field")
    return _request({name: given for name, given in value.items() if given is not None}, folder)


def _request(fields: dict[str, Any], folder: Path) -> GenerationRequest:
    if "prompt" not in fields:
        raise FieldError("the prompt is missing")
    for name in ("image", "video"):
        # What is no text, or empty, is refused as what it is.
        if isinstance(fields.get(name), str) and fields[name]:
            fields[name] = medium(fields[name], folder)
    if fields.get("extend") is True and fields.get("video") is None:
        raise FieldError("extend makes a video longer: name that one in the field video")
    for value in fields.values():
        if isinstance(value, str) and "\0" in value:
            raise FieldError("it holds a null character; allowed is text in UTF-8")
    try:
        if "camera" in fields:
            fields["camera"] = _camera(fields["camera"])
        return GenerationRequest(**fields)
    except ValueError as error:
        said = for_shell(str(error), of_file=True)
        raise FieldError(f"{said}{_full_path(said, fields)}") from error


def _full_path(said: str, fields: Mapping[str, Any]) -> str:
    """Where a file was looked for, if it is about one: paths begin elsewhere than in a shell."""
    path = fields.get(said.partition(":")[0])
    if not isinstance(path, Path) or path.is_absolute():
        return ""
    return f"; its full path is {str(path.absolute())!r}"


def _camera(given: object) -> Camera:
    if not isinstance(given, dict):
        raise FieldError(
            f'camera: {given!r} is not allowed; allowed is an object, such as {{"zoom": "in"}}'
        )
    check_names(given, _MOVEMENTS, kind="camera movement")
    return Camera(**given)


def _flag(cell: str) -> bool | str:
    return _FLAGS.get(cell.lower(), cell)


def _whole(cell: str) -> int | str:
    # int() would take 1_000, and digits of other scripts.
    return _number(int, cell) if re.fullmatch(r"[+-]?\d+", cell, re.ASCII) else cell


def _decimal(cell: str) -> float | str:
    return cell if "_" in cell else _number(float, cell)


def _number(kind: Callable[[str], Any], cell: str) -> Any:
    """The number, or the text itself, which the request then refuses and shows."""
    try:
        return kind(cell)
    except ValueError:
        return cell


def _object(cell: str) -> Any:
    try:
        return _loaded(cell)
    except ValueError as error:
        raise FieldError(f"extra: {error}") from error


_VALUES: Final[Mapping[str, Callable[[str], Any]]] = {
    "extend": _flag,
    "extra": _object,
    "frame_rate": _whole,
    "guidance_scale": _decimal,
    "motion": _whole,
    "seed": _whole,
}


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise FieldError(f"it is no JSON: {error.msg}, at column {error.colno}") from error
    except FieldError:
        raise
    except (ValueError, RecursionError) as error:
        # Numbers of thousands of digits, and thousands of brackets.
        raise FieldError(f"it is no JSON that can be read: {error}") from error


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise FieldError(f"{name!r} is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> None:
    raise FieldError(f"{name} is no JSON")
