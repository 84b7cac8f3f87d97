"""Where the requests of a batch come from: one at a time, and never a text's letters."""

from __future__ import annotations

import itertools
from collections import deque

import pytest
from support.batches import client_for
from support.tables import every_row

from pika_async import ConfigurationError, GenerationRequest, run_batch
from pika_async._batch.source import allowed, taker
from pika_async.simulator import Polls, Simulator

REQUEST = GenerationRequest("a red panda")


async def taken(requests) -> list:
    take = taker(requests)
    found = []
    while True:
        try:
            found.append(await take())
        except StopAsyncIteration:
            return found


async def in_turn(*prompts):
    for prompt in prompts:
        yield prompt


class Both:
    """An iterable in both ways."""

    def __iter__(self):
        return iter(["the blocking way"])

    def __aiter__(self):
        return in_turn("the async way")


SOURCES = {
    "a list": lambda: ["a", "b"],
    "a tuple": lambda: ("a", "b"),
    "a deque": lambda: deque(["a", "b"]),
    "a generator": lambda: (letter for letter in "ab"),
    "an iterator": lambda: iter(["a", "b"]),
    "keys of a dict": {"a": 1, "b": 2}.keys,
    "an async generator": lambda: in_turn("a", "b"),
}


@pytest.mark.parametrize("source", list(SOURCES.values()), ids=list(SOURCES))
async def test_requests_are_taken_in_their_order(source):
    assert await taken(source()) == ["a", "b"]


@pytest.mark.parametrize("source", [list, tuple, in_turn], ids=lambda source: source.__name__)
async def test_a_source_may_be_empty(source):
    assert await taken(source()) == []


async def test_requests_are_given_as_they_are():
    (one,) = await taken([REQUEST])
    assert one is REQUEST


async def test_what_is_false_is_a_request_like_any_other():
    assert await taken([None, "", 0]) == [None, "", 0]


async def test_nothing_is_taken_before_it_is_asked_for():
    source = itertools.count()
    take = taker(source)
    assert next(source) == 0
    assert await take() == 1
    assert next(source) == 2


async def test_nothing_of_an_async_source_is_taken_before_it_is_asked_for():
    begun = []

    async def source():
        begun.append(True)
        yield "a"

    take = taker(source())
    assert begun == []
    assert await take() == "a"


async def test_the_async_way_comes_first():
    assert await taken(Both()) == ["the async way"]


async def test_what_has_ended_stays_ended():
    take = taker(["a"])
    await take()
    for _ in range(3):
        with pytest.raises(StopAsyncIteration):
            await take()


async def test_what_a_source_raises_is_raised_as_it_is():
    def broken():
        yield "a"
        raise LookupError("row 2")

    take = taker(broken())
    assert await take() == "a"
    with pytest.raises(LookupError, match="row 2"):
        await take()


SINGLE = {
    "str": "a red panda",
    "bytes": b"a red panda",
    "dict": {"prompt": "a red panda"},
    "GenerationRequest": REQUEST,
    "int": 7,
    "NoneType": None,
    "function": in_turn,
}


@every_row("name", list(SINGLE))
def test_one_request_or_none_at_all_is_no_source(name):
    with pytest.raises(
        ValueError, match=rf"requests: {name} is not allowed; allowed is an iterable"
    ):
        taker(SINGLE[name])


def test_a_request_is_allowed_as_it_is():
    assert allowed(REQUEST, lambda _: None) is REQUEST


def test_a_prompt_is_a_request():
    assert allowed("a red panda", lambda _: None) == REQUEST


@every_row("given", ["", "  ", None, 7, b"a", ["a"], "\ud800"], ids=repr)
def test_what_is_no_request_is_an_error_that_says_what_it_costs(given):
    with pytest.raises(ConfigurationError, match="is not allowed") as caught:
        allowed(given, lambda _: None)
    assert str(caught.value).endswith("Nothing was sent.")
    assert isinstance(caught.value.__cause__, ValueError)
    assert ".." not in str(caught.value)


async def test_what_the_service_does_not_have_is_never_sent():
    """A field that would be dropped would be paid for all the same; the other requests go on."""
    asked = [GenerationRequest("a red panda", duration=5), "another"]
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        refused, done = await run_batch(client, asked)

    assert isinstance(refused.error, ConfigurationError)
    assert "duration: 5 is not allowed; the gateway has no such field" in str(refused.error)
    assert refused.request is asked[0]
    assert done.ok
    assert [one.body["promptText"] for one in sim.submissions] == ["another"]
