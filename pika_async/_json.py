"""States, videos and money as JSON text, and back; ``_json_events`` has the rest."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, overload

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.v import format_exception

from pika_async._money import Money
from pika_async._states import (
    Failed,
    JobState,
    Queued,
    Running,
    Succeeded,
    Transition,
    Unknown,
    Video,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import UnionType

    _Write = Callable[[Any], dict[str, Any]]

_T = TypeVar("_T", Transition, Queued, Running, Succeeded, Failed, Unknown, Video, Money)

_STATES: Final[Mapping[str, type]] = {
    cls.__name__.lower(): cls for cls in (Queued, Running, Succeeded, Failed, Unknown)
}
_KINDS: Final[Mapping[type, str]] = {cls: kind for kind, cls in _STATES.items()}


def to_json(value: Transition | JobState | Video | Money) -> str:
    """JSON text of it; see ``_json_events.to_json``, which everybody else uses."""
    if type(value) not in _KINDS and not isinstance(value, Transition | Video | Money):
        raise TypeError(
            f"value: {type(value).__name__} is not allowed; allowed are a Transition, a state of "
            "a job, a Video, Money, a GenerationRequest and an event"
        )
    return compact(_converter.unstructure(value))


@overload
def from_json(text: str | bytes, kind: type[_T]) -> _T: ...


@overload
def from_json(text: str | bytes, kind: UnionType) -> JobState: ...


def from_json(text: str | bytes, kind: Any) -> Any:
    """What it wrote; see ``_json_events.from_json``."""
    if kind not in READABLE:
        raise TypeError(
            f"kind: {kind!r} is not allowed; allowed are Transition, JobState, its classes, "
            "Video and Money"
        )
    with told(getattr(kind, "__name__", "JobState")):
        value = json.loads(text)
        return _read_state(value, kind) if kind in _KINDS else _converter.structure(value, kind)


def _in_words(problem: BaseException, kind: type | None) -> str:
    ours = isinstance(problem, ValueError) and str(problem)
    return ours or format_exception(problem, kind)


@contextmanager
def told(wanted: str) -> Iterator[None]:
    """Whatever is wrong with JSON as one ValueError that names what it should hold."""
    try:
        yield
    except (cattrs.BaseValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        problems = (
            "; ".join(cattrs.transform_error(error, path=wanted, format_exception=_in_words))
            if isinstance(error, cattrs.BaseValidationError)
            else str(error)
        )
        raise ValueError(f"this is no JSON of a {wanted}: {problems}") from error


_UNIONS: Final = (JobState, JobState | None)
READABLE: Final = {Transition, Video, Money, JobState, *_KINDS}
# Made once: json.dumps makes an encoder each time it is given separators. Nothing that is written
# here holds itself, so nothing is looked at for that.
compact: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def _read_state(value: Any, kind: Any) -> JobState | None:
    if value is None and type(None) in get_args(kind):
        return None
    named = value.get("kind") if isinstance(value, dict) else None
    cls = _STATES.get(named) if isinstance(named, str) else None
    if cls is None or kind not in (cls, *_UNIONS):
        raise ValueError(f"{named!r} is not the kind of it; allowed are {', '.join(_STATES)}")
    state: JobState = _converter.structure(value, cls)
    return state


def read_text(value: Any, _: object = None) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 - cattrs collects it as such
    return value


def _read_number(value: Any, kind: type) -> Any:
    right = (int, float) if kind is float else int
    if isinstance(value, bool) or not isinstance(value, right):
        raise ValueError(f"{value!r} is no number of the right kind")  # noqa: TRY004 - as above
    return value


def _tagged(kind: str, write: _Write) -> _Write:
    return lambda state: {"kind": kind, **write(state)}


def _with_meaning(write: _Write) -> _Write:
    # By default it follows from the code. Whoever reads the text without Python has no defaults.
    return lambda failed: (
        write(failed) if failed.meaning is None else {**write(failed), "meaning": failed.meaning}
    )


def make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True)
    converter.register_structure_hook(str, read_text)
    converter.register_structure_hook(int, _read_number)
    converter.register_structure_hook(float, _read_number)
    for cls in (Video, *_KINDS):
        overrides = {"raw": override(omit=True)}
        write: _Write = make_dict_unstructure_fn(
            cls,
            converter,
            _cattrs_omit_if_default=True,
            **overrides,  # type: ignore[arg-type]
        )
        kind = _KINDS.get(cls)
        if cls is Failed:
            write = _with_meaning(write)
        converter.register_unstructure_hook(cls, write if kind is None else _tagged(kind, write))
        converter.register_structure_hook(
            cls,
            make_dict_structure_fn(cls, converter, **overrides),  # type: ignore[arg-type]
        )
    converter.register_unstructure_hook_func(
        _UNIONS.__contains__, lambda state: None if state is None else converter.unstructure(state)
    )
    converter.register_structure_hook_func(_UNIONS.__contains__, _read_state)
    return converter


_converter: Final = make_converter()
