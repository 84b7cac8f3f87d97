"""Values that are made quickly are the same values."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import attrs
import pytest
from attrs import field, frozen
from attrs.exceptions import FrozenInstanceError
from support.tables import every_row

from pika_async import BatchResult, GenerationRequest, Queued, Succeeded, Video
from pika_async._quick import quick
from pika_async._request.request import of_prompt
from pika_async.dialects import Accepted, Handle

VIDEO = {
    "id": "v",
    "job_id": "j",
    "url": "https://media.example/v.mp4",
    "duration": 5.0,
    "raw": {"id": "v"},
}
DONE = Succeeded(videos=(Video(**VIDEO),), raw={"videos": [1]})
GIVEN: list[tuple[type, tuple[Any, ...], dict[str, Any]]] = [
    (GenerationRequest, ("a red panda",), {}),
    (GenerationRequest, (), {"prompt": "a red panda", "seed": 7, "extra": {"a": 1}}),
    (Video, (), VIDEO),
    (Video, (), {"id": "v", "job_id": "j", "url": ""}),
    (Queued, (), {}),
    (Queued, (), {"position": 3, "raw": {"status": "queued"}}),
    (Succeeded, (), {"videos": (Video(**VIDEO),)}),
    (Handle, ("j",), {}),
    (Handle, ("j", {"status_url": "https://queue.example"}), {}),
    (Accepted, (), {"handle": Handle("j"), "state": Queued(), "raw": {}}),
    (BatchResult, (), {"index": 1, "request": "a red panda", "job_id": "j", "state": DONE}),
]


@every_row(("cls", "by_place", "by_name"), GIVEN)
def test_it_is_the_same_value(
    cls: type[Any], by_place: tuple[Any, ...], by_name: dict[str, Any]
) -> None:
    """Nothing tells it from one that its class has made: not its fields, hash, copies or text."""
    made, usual = quick(cls)(*by_place, **by_name), cls(*by_place, **by_name)

    assert type(made) is cls
    for each in attrs.fields(cls):
        assert getattr(made, each.name) == getattr(usual, each.name)
    assert made == usual
    assert repr(made) == repr(usual)
    assert pickle.loads(pickle.dumps(made)) == usual  # noqa: S301 - our own
    assert copy.copy(made) == attrs.evolve(made) == usual


def test_it_has_the_same_hash() -> None:
    """It is found in a set of those that its class has made."""
    assert hash(of_prompt("a red panda")) == hash(GenerationRequest("a red panda"))


@every_row(("cls", "by_place", "by_name"), GIVEN)
def test_it_is_frozen(cls: type[Any], by_place: tuple[Any, ...], by_name: dict[str, Any]) -> None:
    """Nobody writes into it, or takes a field away."""
    made = quick(cls)(*by_place, **by_name)
    name = attrs.fields(cls)[0].name

    with pytest.raises(FrozenInstanceError):
        setattr(made, name, "another")
    with pytest.raises(FrozenInstanceError):
        delattr(made, name)


def test_what_is_made_by_default_is_made_anew() -> None:
    """Two requests share no dict that somebody could write into."""
    one, other = of_prompt("a red panda"), of_prompt("a red panda")

    assert one.extra == {}
    assert one.extra is not other.extra
    assert one.metadata is not other.metadata


@every_row("cls", [GenerationRequest, Video, Handle, BatchResult])
def test_it_takes_the_same_arguments(cls: type[Any]) -> None:
    """By place or by name, needed or not, as the class does; others are a TypeError."""

    def taken(function: Any) -> list[tuple[str, Any, bool]]:
        parameters = inspect.signature(function).parameters.values()
        return [(one.name, one.kind, one.default is one.empty) for one in parameters]

    assert taken(quick(cls)) == taken(cls)
    with pytest.raises(TypeError):
        quick(cls)(nonsense=1)


def test_a_private_field_is_given_by_its_public_name() -> None:
    """As attrs has it: ``_secret`` is given as ``secret``."""

    @frozen
    class Keeps:
        _secret: int
        shown: list[int] = field(factory=list)

    assert quick(Keeps)(secret=1) == Keeps(secret=1)


@every_row(
    "prompt", ["a red panda", "two\r\nlines\r\n", "\ufeffmarked", " blanks around ", "naïve ☂"]
)
def test_a_prompt_alone_is_the_request_of_it(prompt: str) -> None:
    """It is spelt as every prompt is, whichever way it is made."""
    assert of_prompt(prompt) == GenerationRequest(prompt)


@every_row("prompt", ["", "  ", "\r\n", "\ud800", None, 7])
def test_a_prompt_that_is_not_allowed_is_refused_alike(prompt: Any) -> None:
    """With the same words, before anything is sent."""
    with pytest.raises(ValueError, match="prompt") as usual:
        GenerationRequest(prompt)
    with pytest.raises(ValueError, match="prompt") as quickly:
        of_prompt(prompt)

    assert str(quickly.value) == str(usual.value)
    assert type(quickly.value) is type(usual.value)
