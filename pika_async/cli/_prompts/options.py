"""An option for each field of a request."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from attrs import NOTHING, Factory

from pika_async._request.about import about
from pika_async.cli._prompts.fields import (
    FIELDS,
    TextField,
    decimal,
    flag,
    loaded,
    whole,
    wholes,
)
from pika_async.cli._prompts.requests import placed, request_of
from pika_async.cli._running.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pika_async import GenerationRequest
    from pika_async.cli._prompts.requests import Check

_PANEL: Final = "The video"


def with_options(
    command: Callable[..., None], fields: Mapping[str, TextField] = FIELDS
) -> Callable[..., None]:
    """The command, with options for fields in place of its ``**fields``, as typer reads it."""
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())
    first = next(place for place, one in enumerate(own) if one.kind is one.KEYWORD_ONLY)
    options = [_option(field) for field in fields.values() if field.name != "prompt"]

    @wraps(command)
    def whole(*arguments: Any, **given: Any) -> None:
        command(*arguments, **given)

    whole.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own[:first], *options, *own[first:-1]]
    )
    return whole


def _option(field: TextField) -> inspect.Parameter:
    known = about(field.attribute)
    default = field.attribute.default
    # Text is read here, and not by typer, so that whoever asked for JSON gets an error as JSON.
    kind: Any = field.kind if field.reads in (flag, whole, wholes, decimal) else str
    if field.repeats or field.parts:
        kind = list[str]
    if default is NOTHING or isinstance(default, Factory):  # type: ignore[arg-type]
        default = None
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[
            kind if kind is bool else kind | None,
            typer.Option(
                _called(field),
                metavar=None if kind is bool else known.metavar,
                help=known.help,
                show_default=bool(default),
                rich_help_panel=_PANEL,
                parser=_reader(field) if kind is int else None,
            ),
        ],
    )


def _reader(field: TextField) -> Callable[[str | int], Any]:
    # The default comes through here too.
    return lambda given: field.reads(given) if isinstance(given, str) else given


def _called(field: TextField) -> str:
    return f"--{field.name.replace('_', '-')}"


def requested(prompt: str, given: Mapping[str, Any], check: Check) -> GenerationRequest:
    """The request of what was given for the options.

    Raises:
        UsageError: Something in it is not allowed.
    """
    fields = {"prompt": prompt} | {
        name: _read(FIELDS[name], value) for name, value in given.items() if value is not None
    }
    return request_of(fields, check, of_file=False)


def defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given for the options, for lines of a file that do not say otherwise.

    Raises:
        UsageError: Something in it cannot be read.
    """
    return {
        name: placed(FIELDS[name], _read(FIELDS[name], value))
        for name, value in given.items()
        if value is not None and value is not False and value not in ("", [], ())
    }


def _read(field: TextField, value: Any) -> Any:
    if field.parts:
        return _parts(field, value)
    if field.reads is not loaded:
        return value
    try:
        return loaded(value)
    except UsageError as error:
        raise UsageError(f"{_called(field)}: {error}.") from error


def _parts(field: TextField, given: Iterable[str]) -> dict[str, str]:
    """From ``zoom=in`` and the like."""
    found: dict[str, str] = {}
    for one in given:
        name, _, value = one.partition("=")
        if name not in field.parts:
            allowed = "; ".join(f"{part}={', '.join(ways)}" for part, ways in field.parts.items())
            raise UsageError(f"{_called(field)} {one!r} is not allowed; allowed are {allowed}.")
        if not value:
            ways = ", ".join(field.parts[name])
            raise UsageError(f"{_called(field)} {name}: say where, {name}={ways}.")
        if name in found:
            raise UsageError(f"{_called(field)} {name} was given twice.")
        found[name] = value
    return found
