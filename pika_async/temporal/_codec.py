"""Our values as what JSON can hold, and back. Pure; knows nothing of the engine.

A request is read back without its checks: it was checked when it was built, and is checked again by
the worker that submits it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any, Final, get_args

import attrs
import cattrs
from attrs import Factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from pika_async._checks import FieldError
from pika_async._json import from_json, to_json
from pika_async._money import Money
from pika_async._request.camera import Camera
from pika_async._request.parts import MEDIA_FIELDS, check_files
from pika_async._request.record import Intent
from pika_async._request.request import GenerationRequest
from pika_async._states import JobState, Transition, Video
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._limits.unseen import Unseen
from pika_async.temporal._messages import accounts, campaigns, pages, repairs
from pika_async.temporal._outcomes import Outcome, RepairOutcome
from pika_async.temporal._records import (
    Accepted,
    Errand,
    Leaving,
    Line,
    Lost,
    Order,
    Record,
    Requested,
    Said,
)

# Those of the core have a JSON of their own.
_CORE: Final = (Transition, Video, Money, *get_args(JobState))
_TAGS: Final = {"kind": RepairOutcome, "phase": Record}
# A part of one of them.
_NARROWER: Final = {"kind": Outcome}
_PLAIN: Final = (
    *(Intent, Line, Order, Lost, Errand, Said),
    *(Cost, Unseen),
    *(pages.Tally, pages.PageOrder, pages.Opened, pages.Sealing, pages.Held, pages.Narrowed),
    *(pages.Short, pages.Waiting, pages.Standing),
    *(campaigns.CampaignOrder, campaigns.CampaignState),
    *(campaigns.Counting, campaigns.Decided),
    *(accounts.Joining, accounts.Amount, accounts.Departed, accounts.AccountOrder),
    *(accounts.Asking, accounts.Remains),
    *(repairs.RepairOrder, repairs.Repaired),
)
_FIELDS: Final = attrs.fields(GenerationRequest)


def _request_to_json(request: GenerationRequest) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in _FIELDS:
        value = getattr(request, field.name)
        if value is None or value == _default_of(field):
            continue
        if field.name in MEDIA_FIELDS:
            several = isinstance(value, tuple)
            media = [_medium(field.name, one) for one in (value if several else (value,))]
            shown[field.name] = media if several else media[0]
        elif isinstance(value, Camera):
            shown[field.name] = attrs.asdict(value, filter=lambda _, move: move is not None)
        else:
            shown[field.name] = value
    return shown


def _medium(name: str, value: Path | bytes | str) -> dict[str, str]:
    if isinstance(value, bytes):
        raise FieldError(
            name,
            f"{len(value)} bytes",
            "the path of a file that all workers see, or an http(s) URL",
            problem="an engine keeps no media",
        )
    return {"path": str(value)} if isinstance(value, Path) else {"url": value}


def _request_from_json(value: Any, _: object = None) -> GenerationRequest:
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("prompt"), str):
        raise ValueError("a request is an object with a prompt, or a text")  # noqa: TRY004 - as JSON
    unknown = value.keys() - {field.name for field in _FIELDS}
    if unknown:
        raise ValueError(f"a request has no {', '.join(sorted(unknown))}")
    request = object.__new__(GenerationRequest)
    for field in _FIELDS:
        given = value.get(field.name)
        kept = _default_of(field) if given is None else _kept(field, given)
        object.__setattr__(request, field.name, kept)
    return request


def _requested_from_json(converter: cattrs.Converter, value: Any) -> Requested:
    in_a_page = isinstance(value, Mapping) and "prompt" not in value
    return converter.structure(value, Line) if in_a_page else _request_from_json(value)


def _kept(field: attrs.Attribute[Any], given: Any) -> Any:
    if field.name in MEDIA_FIELDS:
        several = isinstance(given, list)
        media = tuple(map(_medium_from_json, given if several else [given]))
        return media if several else media[0]
    if field.name == "camera":
        return Camera(**given)
    return field.converter(given) if callable(field.converter) else given


def _medium_from_json(value: Any) -> Path | str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and "path" in value:
        return Path(value["path"])
    return str(value["url"])


def _default_of(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    return default.factory() if isinstance(default, Factory) else default  # type: ignore[arg-type]


def checked(request: GenerationRequest) -> GenerationRequest:
    """The same request, built anew with all its checks, and its files looked into.

    Raises:
        FieldError: A value is not allowed, or a file is not here.
    """
    anew = attrs.evolve(request)
    check_files(anew)
    return anew


def _read_core(value: Any, kind: Any) -> Any:
    return from_json(json.dumps(value), kind)


def _name_of(cls: type) -> str:
    return cls.__name__.lower()


def _read_tagged(tag: str, union: Any, value: Any, _: object = None) -> Any:
    named = value.get(tag) if isinstance(value, Mapping) else None
    for cls in get_args(union):
        if _name_of(cls) == named:
            # By its own name, so that what is wrong is told of it and not of the whole union.
            return from_plain(value, cls)
    allowed = ", ".join(map(_name_of, get_args(union)))
    raise ValueError(f"{named!r} is not the {tag} of it; allowed are {allowed}")


def _write_tagged(tag: str, write: Any, value: Any) -> Any:
    return {tag: _name_of(type(value)), **write(value)}


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    converter.register_unstructure_hook(GenerationRequest, _request_to_json)
    converter.register_structure_hook(GenerationRequest, _request_from_json)
    converter.register_structure_hook_func(
        partial(eq, Requested), lambda value, _: _requested_from_json(converter, value)
    )
    for cls in _CORE:
        converter.register_unstructure_hook(cls, lambda value: json.loads(to_json(value)))
        converter.register_structure_hook(cls, _read_core)
    converter.register_structure_hook_func(lambda kind: kind == JobState, _read_core)
    for tag, union in _TAGS.items():
        for cls in get_args(union):
            write = make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True)
            converter.register_unstructure_hook(cls, partial(_write_tagged, tag, write))
            converter.register_structure_hook(cls, make_dict_structure_fn(cls, converter))
    for tag, union in (*_TAGS.items(), *_NARROWER.items()):
        converter.register_structure_hook_func(
            partial(eq, union), partial(_read_tagged, tag, union)
        )
    return converter


_converter: Final = _make_converter()
KINDS: Final = frozenset(
    {*_CORE, *_PLAIN, GenerationRequest, *get_args(RepairOutcome), *get_args(Record)}
)
"""The classes that are ours."""
_UNIONS: Final = (JobState, Outcome, RepairOutcome, Record)


def is_ours(kind: object) -> bool:
    """Whether a class, or a union of classes, is ours to read."""
    return kind in _UNIONS or (isinstance(kind, type) and kind in KINDS)


def to_plain(value: object) -> Any:
    """A value of ours as what JSON can hold.

    Raises:
        FieldError: It is a request with bytes in it.
    """
    return _converter.unstructure(value)


def from_plain(value: Any, kind: Any) -> Any:
    """What :func:`to_plain` made; of requests, without their checks.

    Raises:
        ValueError: It is no such value.
    """
    try:
        return _converter.structure(value, kind)
    except cattrs.BaseValidationError as error:
        name = getattr(kind, "__name__", str(kind))
        problems = "; ".join(cattrs.transform_error(error, path=name))
        raise ValueError(f"this is no JSON of a {name}: {problems}") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no JSON of a {kind}: {error}") from error


def read_record(value: Any) -> Leaving | Accepted | None:
    """A record as the engine kept it; None where this version does not understand it."""
    try:
        record: Leaving | Accepted = from_plain(value, Record)
    except ValueError:
        return None
    return record
