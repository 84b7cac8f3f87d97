"""A service that says when to look again is asked no sooner, also where nothing has failed."""

from __future__ import annotations

from contextlib import suppress

from multidict import CIMultiDict
from support.jobs import DONE, LINKLESS, Service, running, submitted
from support.tables import every_row
from support.virtual_time import in_virtual_time, now

from pika_async import (
    ExponentialPolling,
    FixedPolling,
    JobTimeoutError,
    RetryPolicy,
    TransportError,
)
from pika_async._http import HTTPResponse
from pika_async._wire.heard import pause_of


def looks(service, *, timeout=1200.0, **policies):
    """When the looks were taken that a job needed to its end, in seconds after its submit."""

    @in_virtual_time
    async def wait():
        begun = now()
        service.polled_at = Moments(begun)
        await submitted(service, **policies).result(timeout=timeout)

    with suppress(JobTimeoutError):
        wait()
    return service.polled_at


class Moments(list):
    """Moments, noted as seconds after another one."""

    def __init__(self, begun):
        self._begun = begun

    def append(self, moment):
        super().append(moment - self._begun)


def test_the_next_look_comes_no_sooner_than_the_service_asks():
    """A service that says 7 s costs neither itself nor anybody else looks that tell nothing."""
    service = Service(running(1), running(2), DONE, pause=7.0)
    assert looks(service, polling=FixedPolling(1.0)) == [1.0, 8.0, 15.0]


def test_a_policy_that_looks_later_does_so():
    """What the service asks for is the least and not the most."""
    service = Service(running(1), DONE, pause=7.0)
    assert looks(service, polling=FixedPolling(30.0)) == [30.0, 60.0]


def test_it_holds_for_one_answer_alone():
    """An answer without a word of it is followed by the policy's own delay."""

    class Once(Service):
        async def look(self, handle, limit, heard):
            state = await super().look(handle, limit, heard)
            self.pause = None
            return state

    once = Once(running(1), running(2), DONE, pause=7.0)
    assert looks(once, polling=FixedPolling(1.0)) == [1.0, 8.0, 9.0]


@every_row(
    ("asked", "most", "waited"),
    [(3600.0, 120.0, 120.0), (30.0, 20.0, 20.0), (30.0, 0.0, 1.0), (0.0, 120.0, 1.0)],
)
def test_no_service_holds_a_job_back_for_longer_than_the_policy_allows(asked, most, waited):
    """A header of a proxy must not hide a video for an hour; 0 takes no notice of it."""
    retry = RetryPolicy(jitter=0.0, retry_after_maximum=most)
    service = Service(running(1), DONE, pause=asked)
    assert looks(service, polling=FixedPolling(1.0), retry=retry) == [1.0, 1.0 + waited]


def test_jobs_that_are_held_back_together_do_not_come_back_together():
    """Up to half of the jitter later, and never sooner."""
    service = Service(running(1), DONE, pause=8.0)
    retry = RetryPolicy(jitter=0.25)
    assert looks(service, polling=FixedPolling(1.0), retry=retry, randoms=[0.5] * 9) == [1.0, 9.5]


def test_the_last_look_is_taken_at_the_deadline_all_the_same():
    """Who gives up at 5 s has seen how the job stood at 5 s."""
    service = Service(running(1), pause=60.0)
    assert looks(service, polling=FixedPolling(1.0), timeout=5.0) == [1.0, 5.0]


def test_a_link_that_is_late_is_not_given_up_for_it():
    """The last look for a link comes at the end of its minute, whatever was asked."""
    service = Service(LINKLESS, DONE, pause=100.0)
    assert looks(service, polling=FixedPolling(1.0)) == [1.0, 61.0]


def test_a_look_that_fails_is_followed_by_its_own_pause():
    """What the answer before had asked for is over."""
    service = Service(running(1), TransportError("reset"), DONE, pause=7.0)
    retry = RetryPolicy(jitter=0.0, initial=0.5)
    assert looks(service, polling=ExponentialPolling(jitter=0.0), retry=retry)[1:] == [8.0, 8.5]


@every_row(
    ("headers", "pause"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"Retry-After": "soon"}, None),
        (
            {
                "Retry-After": "Sat, 28 Nov 2026 10:00:09 GMT",
                "Date": "Sat, 28 Nov 2026 10:00:00 GMT",
            },
            9.0,
        ),
    ],
)
def test_it_is_read_as_after_a_failure(headers, pause):
    """Seconds, or a date by the clock of the service."""
    assert pause_of(HTTPResponse(status=202, headers=CIMultiDict(headers), body=b"")) == pause
