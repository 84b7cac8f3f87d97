"""The link of one download: renewed where it is refused, and waited for where it is not there yet.

A link may lead nowhere for a while after its job has ended, since files are copied to where they
are handed out; and it may expire again and again while one file comes through it. Whether a refusal
is for good cannot be told from one answer, only from the time that it lasts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

from pika_async._api_errors import DecodeError, RateLimitError, ServerError
from pika_async._backoff import RetryPolicy
from pika_async._download.answers import LinkRefusedError, NotYetError, UnusableAnswerError
from pika_async._errors import PikaError, TransportError
from pika_async._states import Video

Renew = Callable[[], Awaitable[Video | None]]
"""Looks at the job, and returns the video with the link that it has now; None where it has none."""

# Seconds. Media hosts were seen to need twenty after the end of a job; one that says that a file is
# on its way is believed for as long as an outage is tolerated.
_REFUSED_FOR: Final = 60.0
# A policy without pauses is for tries that cost nothing; this one asks others.
_SHORTEST_PAUSE: Final = 0.5

# A look at the job that failed in one of these ways may succeed at the next.
_PASSING: Final = (TransportError, ServerError, RateLimitError, DecodeError)


@define
class Link:
    """Where the file is asked for, and how long that has been in vain."""

    url: str
    """Empty as long as the service has not named one."""
    _renew: Renew | None
    _retry: RetryPolicy
    _sleep: Callable[[float], Awaitable[None]]
    _random: Callable[[], float]
    _refusals: int = field(default=0, init=False)
    _waited: float = field(default=0.0, init=False)
    _problem: str = field(default="", init=False)

    def there(self) -> str:
        """Where to ask now.

        Raises:
            LinkRefusedError: The service has not named a link yet.
        """
        if not self.url:
            raise LinkRefusedError("there is none")
        return self.url

    def led_on(self) -> None:
        """Bytes of the video have come through it: what was in vain before does not count."""
        self._refusals, self._waited = 0, 0.0

    async def wait(self, why: NotYetError | LinkRefusedError) -> None:
        """Wait, and renew the link if it was refused; the first time without waiting.

        Raises:
            UnusableAnswerError: It has been in vain for too long, or cannot be renewed.
        """
        self._refusals += 1
        refused = isinstance(why, LinkRefusedError)
        if refused and self._renew is None:
            raise UnusableAnswerError(f"the link does not work ({why}) and cannot be renewed here")
        if not refused or self._refusals > 1 or why.retry_after:
            patience = _REFUSED_FOR if refused else max(_REFUSED_FOR, self._retry.outage_budget)
            if self._waited >= patience:
                raise UnusableAnswerError(self._in_vain(why)) from why
            delay = self._retry.delay(max(self._refusals - 1, 1), why, self._random())
            delay = max(delay, _SHORTEST_PAUSE)
            self._waited += delay
            await self._sleep(delay)
        if isinstance(why, LinkRefusedError) and self._renew is not None:
            await self._look_again(self._renew, why)

    async def _look_again(self, renew: Renew, why: LinkRefusedError) -> None:
        try:
            fresh = await renew()
        except _PASSING as error:
            self._problem = self._not_renewed(why, error)
        except PikaError as error:
            raise UnusableAnswerError(self._not_renewed(why, error)) from error
        else:
            if fresh is None or not fresh.url:
                self._problem = (
                    f"the link does not work ({why}) and the service names no new one"
                    if self.url
                    else "it has no link, and the service names none"
                )
            else:
                self._problem = ""
                self.url = checked_url(fresh.url)

    def _not_renewed(self, why: LinkRefusedError, error: PikaError) -> str:
        if not self.url:
            return f"it has no link, and the job could not be asked for one: {error.what}"
        return f"the link does not work ({why}) and could not be renewed: {error.what}"

    def _in_vain(self, why: NotYetError | LinkRefusedError) -> str:
        if isinstance(why, NotYetError):
            return f"the link leads to no file yet, after {self._waited:.0f} s: {why}"
        return self._problem or f"the renewed link does not work: {why}"


def link_of(video: Video, renew: Renew | None) -> str:
    """The link of ``video``; empty where it has none yet and ``renew`` may find one.

    Raises:
        UnusableAnswerError: It is no http(s) link.
    """
    return checked_url(video.url) if video.url or renew is None else ""


def checked_url(url: str) -> str:
    """``url``, if it is an http(s) link.

    Raises:
        UnusableAnswerError: It is not.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnusableAnswerError(f"{url!r} is no http(s) link")
    return url
