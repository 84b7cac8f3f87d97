"""A look that is answered as the one before is not taken apart again."""

import json
import math

import pytest

from pika_async import DecodeError, Queued, Running, ServerError
from pika_async._http import Endpoint, HTTPResponse
from pika_async._wire.api import API
from pika_async._wire.heard import Heard
from pika_async.dialects import Fal, Gateway, Handle

JOB = Handle("7")
ENDPOINT = Endpoint(base_url="https://api.example", api_key="sk-secret-0123456789")


class Reads:
    """A dialect that counts the answers which it is given to read."""

    def __init__(self, dialect):
        self.read = 0
        self._dialect = dialect
        self.hosts = dialect.hosts
        self.name = dialect.name

    def poll(self, endpoint, handle):
        conversation = self._dialect.poll(endpoint, handle)
        request = next(conversation)
        while True:
            answer = yield request
            self.read += 1
            try:
                request = conversation.send(answer)
            except StopIteration as meant:
                return meant.value


class Answers:
    """A transport whose answers are given beforehand."""

    def __init__(self, *answers):
        self._answers = iter(answers)

    async def send(self, request, *, timeout=None):
        return next(self._answers)


def answered(body, *, status=200, date="Sat, 28 Nov 2026 10:00:00 GMT", kind="application/json"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": kind, "Date": date}
    return HTTPResponse(status=status, headers=headers, body=content)


def feed(**video):
    return {"id": "7", "promptText": "a cat", "videos": [{"id": "7", **video}]}


async def looks(dialect, *answers):
    """What each look brought, and how many answers were read."""
    reads, heard = Reads(dialect), Heard()
    api = API(endpoint=ENDPOINT, dialect=reads, transport=Answers(*answers), now=lambda: 0.0)
    brought = []
    for _ in answers:
        try:
            brought.append(await api.look(JOB, math.inf, heard))
        except (DecodeError, ServerError) as error:
            brought.append(type(error))
    return brought, reads.read


async def test_the_same_answer_means_the_same_and_is_read_once():
    pending = feed(status="pending")
    first, second, third = (
        answered(pending, date=f"Sat, 28 Nov 2026 10:00:0{n} GMT") for n in range(3)
    )
    brought, read = await looks(Gateway(), first, second, third)
    assert brought == [Running(), Running(), Running()]
    assert brought[0] is brought[2]
    assert read == 1


async def test_another_answer_is_read():
    states = [feed(status="queued"), feed(status="pending"), feed(status="pending", progress=7)]
    brought, read = await looks(Gateway(), *map(answered, states))
    assert brought == [Queued(), Running(), Running(progress=7)]
    assert read == 3


@pytest.mark.parametrize(
    "other",
    [
        answered(feed(status="pending"), status=503),
        answered(b"<html>pending</html>", kind="text/html"),
    ],
    ids=["a failure with the same body", "a page"],
)
async def test_an_answer_that_fails_does_so_each_time_and_is_never_taken_for_a_state(other):
    good = answered(feed(status="pending"))
    brought, read = await looks(Gateway(), good, other, other, good)
    assert brought[0] == brought[3] == Running()
    assert brought[1] == brought[2]
    assert isinstance(brought[1], type)
    assert read == 3


async def test_a_job_of_which_nothing_is_told_is_not_the_state_before():
    empty = answered(b"")
    brought, _ = await looks(Gateway(), answered(feed(status="pending")), empty, empty)
    assert brought == [Running(), None, None]


async def test_what_takes_two_answers_is_read_each_time():
    done = answered({"status": "COMPLETED", "request_id": "7"})
    video = answered({"video": {"url": "https://media.example/v.mp4"}})
    reads, heard = Reads(Fal()), Heard()
    at_fal = Endpoint(base_url=Fal().hosts["api"], api_key=ENDPOINT.api_key, hosts=Fal().hosts)
    transport = Answers(done, video, done, video)
    api = API(endpoint=at_fal, dialect=reads, transport=transport, now=lambda: 0.0)
    for _ in range(2):
        state = await api.look(JOB, math.inf, heard)
        assert state.video.url == "https://media.example/v.mp4"
    assert reads.read == 4
