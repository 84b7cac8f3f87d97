"""Values as JSON text, and back: for browsers, databases, queues and logs."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from operator import eq
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_origin, overload

from pika_async import _api_errors, _errors, _json
from pika_async._errors import JobFailedError, PikaError
from pika_async._events import Event
from pika_async._meaning import Action, Started
from pika_async._request.as_json import request_as_dict, request_from_dict
from pika_async._request.record import Intent
from pika_async._request.request import GenerationRequest
from pika_async._states import Failed, JobState, Succeeded, Transition, Video

if TYPE_CHECKING:
    from types import UnionType

    import cattrs

    from pika_async._money import Money

_T = TypeVar("_T")

_EVENTS: Final[Mapping[str, type]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in get_args(Event)
}
_KINDS: Final[Mapping[type, str]] = {kind: name for name, kind in _EVENTS.items()}
_ERRORS: Final[Mapping[str, type[PikaError]]] = {
    name: kind
    for module in (_errors, _api_errors)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, PikaError)
}
_FACTS: Final[Mapping[str, Any]] = {
    "action": Action | None,
    "base_url": str | None,
    "body": str,
    "code": str | None,
    "fingerprint": str,
    "is_api_answer": bool,
    "job_id": str | None,
    "journalled": bool,
    "request": GenerationRequest,
    "request_id": str | None,
    "retry_after": float | None,
    "sent": Intent | None,
    "sent_at": datetime,
    "service": str,
    "setting": str | None,
    "started": Started,
    "state": JobState | None,
    "status": int,
}
"""What the constructors of errors take by keyword, and of which type."""

_LONGEST_CHAIN: Final = 20
"""Causes of causes that are written down; a circle of them has no end."""


def to_json(value: Transition | JobState | Video | Money | GenerationRequest | Event) -> str:
    """JSON text of ``value``, one of this package, on one line; :func:`from_json` reads it.

    Field names are those of the classes; a state and an event have their class in ``kind``, in
    lower case:

        {"job_id":"d06e…","previous":{"kind":"queued"},"state":{"kind":"running","progress":40},
         "elapsed":12.5,"polls":4}
        {"kind":"job_accepted","submit_id":"5f…","job_id":"d06e…","request":{"prompt":"a cat"},…}

    What is None by default is left out, and so is ``raw``: what a service sends along, it sends to
    its customer and not to the customer's visitors. Seeds may exceed what JavaScript keeps exactly.

    - **A request** is written whole. A medium is ``{"path": …}``, ``{"url": …}`` (data URLs too)
      or, for bytes, ``{"base64": …}``.
    - **An error** inside an event is written as its facts: its class in ``kind``, ``message``,
      ``started``, ``job_id`` and what else it carries, and its ``cause``. ``text`` and ``money``
      stand beside them for whoever does not read it with Python.

    Requests and errors are for your own programs and logs: they hold prompts, and excerpts of what
    the service answered. No event holds the API key.

    Raises:
        TypeError: It is none of these.
    """
    if type(value) in _KINDS:
        return _json.compact({"kind": _KINDS[type(value)], **_converter.unstructure(value)})
    if isinstance(value, GenerationRequest):
        return _json.compact(request_as_dict(value))
    return _json.to_json(value)  # type: ignore[arg-type]


@overload
def from_json(text: str | bytes, type: type[_T]) -> _T: ...


@overload
def from_json(text: str | bytes, type: UnionType) -> Any: ...


def from_json(text: str | bytes, type: Any) -> Any:  # noqa: A002
    """What :func:`to_json` wrote, equal to what it was but for ``raw``, which is empty.

    Fields that this version does not know are overlooked, but not those of a request: without them
    it would ask for another video.

    - **A request** has the fingerprint that it had. A path is the same path, and no file is looked
      at: ``submit`` does that, before anything is sent.
    - **An error** inside an event comes back as an error of its class, with the same facts, and so
      the same text, ``money`` and ``advice``. (Errors are compared by identity, so an event with
      one is not equal to what it was.) A class of your own comes back as the class of this
      package that it was made from, one of a later version as ``PikaError``. A cause that is no
      error of this package comes back as an ``Exception`` with its class and its text.

    Args:
        text: The JSON text.
        type: What it holds: ``Transition``, ``Video``, ``Money``, ``GenerationRequest``; one class
            of states, or ``JobState``; one class of events, or ``Event``.

    Raises:
        ValueError: It is no JSON, or not of what it should hold.
        TypeError: ``type`` is none of these.
    """
    kind = type
    if kind in _json.READABLE:
        return _json.from_json(text, kind)
    if kind is not GenerationRequest and kind != Event and kind not in _KINDS:
        raise TypeError(
            f"type: {kind!r} is not allowed; allowed are Transition, JobState, its classes, "
            "Video, Money, GenerationRequest, Event and its classes"
        )
    with _json.told(getattr(kind, "__name__", "Event")):
        value = json.loads(text)
        return _read_event(value, kind) if kind in _KINDS else _converter.structure(value, kind)


def _read_event(value: Any, kind: Any) -> Any:
    named = value.get("kind") if isinstance(value, dict) else None
    cls = _EVENTS.get(named) if isinstance(named, str) else None
    if cls is None or kind not in (cls, Event):
        raise ValueError(f"{named!r} is not the kind of it; allowed are {', '.join(_EVENTS)}")
    return _converter.structure(value, cls)


def _parameters(kind: type[PikaError]) -> Mapping[str, bool]:
    """What its constructor takes by keyword, and whether it must be given."""
    parameters = inspect.signature(kind.__init__).parameters.values()
    return {
        one.name: one.default is one.empty for one in parameters if one.kind is one.KEYWORD_ONLY
    }


def _write_error(error: BaseException, depth: int = 0) -> dict[str, Any]:
    if not isinstance(error, PikaError):
        return {"kind": type(error).__name__, "text": str(error)}
    # A class of the user's own is known by the one that it was made from.
    kind = next(one for one in type(error).__mro__ if _ERRORS.get(one.__name__) is one)
    facts = {}
    for fact in {**_parameters(kind), "started": False}:
        value = getattr(error, "_action" if fact == "action" else fact)
        if value is not None:
            facts[fact] = _converter.unstructure(value, _FACTS[fact])
    if error.tries > 1:
        facts["tries"] = error.tries
    if error.__cause__ is not None and depth < _LONGEST_CHAIN:
        facts["cause"] = _write_error(error.__cause__, depth + 1)
    message = str(error.args[0]) if error.args else ""
    derived = {"money": error.money.value, "text": str(error)}
    return {"kind": kind.__name__, "message": message, **facts, **derived}


def _read_error(value: Any, wanted: type[BaseException]) -> BaseException:
    name = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise ValueError("an error is an object with its kind")  # noqa: TRY004 - cattrs collects
    # What a later version adds has a message all the same; what is not of this package has none.
    kind = _ERRORS.get(name, PikaError if "message" in value else None)
    error = _foreign(name, value) if kind is None else _own(kind, value)
    if not isinstance(error, wanted):
        raise ValueError(f"{name!r} is not allowed; allowed is {wanted.__name__}")  # noqa: TRY004
    return error


def _foreign(name: str, value: Mapping[str, Any]) -> Exception:
    text = str(value.get("text", ""))
    return Exception(text if name == "Exception" else f"{name}: {text}")


def _own(kind: type[PikaError], value: Mapping[str, Any]) -> PikaError:
    read = _converter.structure
    types = {**_FACTS, "state": Failed | None} if issubclass(kind, JobFailedError) else _FACTS
    facts = {
        fact: read(value.get(fact), types[fact])
        for fact, needed in _parameters(kind).items()
        if needed or fact in value
    }
    error = kind(read(value.get("message"), str), **facts)
    # Facts that are learnt later are not of the constructor.
    error.started = read(value.get("started", error.started), Started)
    error.job_id = read(value.get("job_id"), str | None)  # type: ignore[arg-type]
    error.tries = read(value.get("tries", 1), int)
    if "cause" in value:
        error.__cause__ = _read_error(value["cause"], BaseException)
    return error


def _is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _is_by_index(kind: Any) -> bool:
    return get_origin(kind) is Mapping and get_args(kind)[0] is int


def _read_by_index(value: Any, kind: Any) -> dict[int, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is no object")  # noqa: TRY004 - cattrs collects it as such
    # JSON has no names but texts.
    return {int(key): _converter.structure(one, get_args(kind)[1]) for key, one in value.items()}


def _read_moment(value: Any, _: object) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment


def _read_flag(value: Any, _: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 - as above
    return value


def _make_converter() -> cattrs.Converter:
    converter = _json.make_converter()
    converter.register_structure_hook(bool, _read_flag)
    converter.register_structure_hook(datetime, _read_moment)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_structure_hook(Path, lambda value, _: Path(_json.read_text(value)))
    converter.register_unstructure_hook_func(
        lambda kind: isinstance(kind, type) and issubclass(kind, Path), str
    )
    converter.register_structure_hook(GenerationRequest, lambda value, _: request_from_dict(value))
    converter.register_unstructure_hook(GenerationRequest, request_as_dict)
    converter.register_structure_hook_func(_is_error, _read_error)
    converter.register_unstructure_hook_func(_is_error, _write_error)
    converter.register_structure_hook_func(_is_by_index, _read_by_index)
    # How a job ended is a state that is told like any other.
    for some in (Succeeded | Failed, Failed | None):
        converter.register_structure_hook_func(partial(eq, some), _read_some)
        converter.register_unstructure_hook_func(partial(eq, some), converter.unstructure)
    converter.register_structure_hook_func(partial(eq, Event), _read_event)
    return converter


def _read_some(value: Any, kind: Any) -> Any:
    state = _converter.structure(value, JobState | None)  # type: ignore[arg-type]
    if not isinstance(state, kind):
        raise ValueError(f"{state} is not allowed here")  # noqa: TRY004 - as above
    return state


_converter: Final = _make_converter()
