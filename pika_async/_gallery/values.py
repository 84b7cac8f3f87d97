"""What a report shows of a journal, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from pika_async._journal.history import Run
from pika_async._money import Money
from pika_async._sheet import Standing
from pika_async._states import Failed, Succeeded, Video
from pika_async._wire.endpoint import is_loopback

__all__ = ["Attempt", "Clip", "Entry", "Problem", "Run", "Standing"]


@frozen(kw_only=True)
class Problem:
    """What went wrong, in words."""

    kind: str
    text: str
    """What happened, with what the service answered."""
    meaning: str
    """What it means for the money and what to do next; may be empty."""
    status: int | None = None
    code: str | None = None
    request_id: str | None = None


@frozen(kw_only=True)
class Attempt:
    """One submit of a request, and what came of it. Times are seconds since 1970."""

    standing: Standing
    sending: bool = False
    """The submit has left, and no answer has been noted."""
    job_id: str | None
    sent_at: float | None
    accepted_at: float | None
    running_at: float | None
    """When the job was first seen being generated."""
    ended_at: float | None
    end: Succeeded | Failed | None
    problem: Problem | None
    given_up: bool = False
    """Another attempt has taken its place."""
    service: str | None = None
    """What it was submitted to; None where nothing was sent."""
    base_url: str | None = None
    run: int | None = None
    """The run that submitted it, as far as its time tells."""
    quoted: Money | None = None
    """What it was taken to cost before it was sent."""
    charged: Money | None = None
    """What the service says it cost."""
    watched: bool = True
    """No new run began between the submit and the end, so that nobody may have been looking."""

    @property
    def queued_seconds(self) -> float | None:
        """From the submit until it was first seen being generated."""
        return _between(self.accepted_at, self.running_at)

    @property
    def generated_seconds(self) -> float | None:
        """From when it was first seen being generated to the end."""
        return _between(self.running_at, self.ended_at)

    @property
    def whole_seconds(self) -> float | None:
        """From the submit to the end."""
        return _between(self.accepted_at, self.ended_at)

    @property
    def outcome(self) -> Standing:
        """What became of the submit itself, also where another is to follow it."""
        if self.standing is not Standing.WAITING or not self.is_submit:
            return self.standing
        return Standing.UNCERTAIN if self.end is None else Standing.FAILED

    @property
    def is_submit(self) -> bool:
        """Whether something was sent that may have started a job."""
        if self.standing is Standing.UNCERTAIN:
            return True
        known = (self.service, self.sent_at, self.accepted_at, self.job_id)
        return any(one is not None for one in known)

    @property
    def cost(self) -> Money | None:
        """What it cost, or what it was taken to cost where that is not known."""
        return self.quoted if self.charged is None else self.charged

    @property
    def host(self) -> str | None:
        """The service's host, with its port if it has one of its own."""
        return None if self.base_url is None else urlsplit(self.base_url).netloc or self.base_url

    @property
    def is_local(self) -> bool:
        """Whether it went to a service on this machine, as the simulator is one."""
        return self.base_url is not None and on_this_machine(self.base_url)

    @property
    def reason(self) -> str | None:
        """Why the job failed, in the service's words, or why the request was refused."""
        if self.standing is not Standing.FAILED:
            return None
        if isinstance(self.end, Failed):
            return self.end.reason
        return None if self.problem is None else self.problem.text

    @property
    def code(self) -> str | None:
        """What kind of failure it is, in the service's word or ours, where that is known."""
        return (self.end.code or self.end.meaning) if isinstance(self.end, Failed) else None

    @property
    def meaning(self) -> str | None:
        """The same in the word that is one at every service, where there is one for it."""
        return self.end.meaning if isinstance(self.end, Failed) else None


def on_this_machine(url: str) -> bool:
    """Whether a link leads to the machine that it is followed on."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _between(start: float | None, end: float | None) -> float | None:
    # A clock that was set back in between would make it negative.
    if start is None or end is None or end < start:
        return None
    return end - start


@frozen(kw_only=True)
class Clip:
    """One video, and where it is."""

    video: Video
    file: str | None = None
    """The name of the file it was saved as."""
    file_link: str | None = None
    """A relative link to that file, where it is still there."""


@frozen(kw_only=True)
class Entry:
    """One request of a batch."""

    id: int
    number: int = 0
    """Its place in the run that met it first, from 0, by which its files are named."""
    index: int
    """Its place in the last run that met it, from 0."""
    run: int
    in_last_run: bool
    fingerprint: str
    prompt: str
    options: Mapping[str, Any] = field(factory=dict)
    """What was asked for beside the prompt."""
    metadata: Mapping[str, str] = field(factory=dict)
    """The caller's own texts, which were never sent."""
    attempt: Attempt
    earlier: tuple[Attempt, ...] = ()
    """Submits given up for a new one, the oldest first."""
    clips: tuple[Clip, ...] = ()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All of them, the one that counts last."""
        return (*self.earlier, self.attempt)
