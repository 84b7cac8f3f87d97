"""Where the pieces of a client are put together, and where time and chance become real."""

from __future__ import annotations

import asyncio
import os
import random
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from pika_async._checks import checked_is, checked_plain_function
from pika_async._download.downloader import Downloader
from pika_async._events import AroundPolls
from pika_async._http import Endpoint
from pika_async._jobs.jobs import Jobs
from pika_async._jobs.videos import Videos
from pika_async._log import Teller
from pika_async._settled import rest
from pika_async._timing import Timing
from pika_async._wire.api import API
from pika_async._wire.descriptors import connections
from pika_async._wire.endpoint import endpoint
from pika_async._wire.transport import Transport
from pika_async.dialects import Dialect

if TYPE_CHECKING:
    import aiohttp

    from pika_async._backoff import RetryPolicy
    from pika_async._events import Observer
    from pika_async._polling.policies import PollPolicy


@frozen(kw_only=True)
class Pieces:
    """What a client works with."""

    endpoint: Endpoint
    dialect: Dialect
    transport: Transport
    jobs: Jobs
    videos: Videos
    tell: Teller


def _check_kinds(
    dialect: object, polling: object, retry: object, session: object, observer: object
) -> None:
    # Whatever else they are is found out here, and not by a job that is paid for.
    which = "a dialect, such as pika_async.dialects.Pika()"
    checked_is("dialect", dialect, which, "name", "hosts", "key_variables", "encode_submit")
    checked_is("polling", polling, "a PollPolicy, such as FixedPolling(2)", "delay")
    checked_is("retry", retry, "a RetryPolicy", "appearance")
    if session is not None:
        checked_is("session", session, "an aiohttp.ClientSession", "request", "closed")
    if observer is not None:
        checked_plain_function("observer", observer, takes="an event")


def assembled(
    *,
    api_key: str | None,
    base_url: str | None,
    dialect: Dialect,
    session: aiohttp.ClientSession | None,
    polling: PollPolicy,
    retry: RetryPolicy,
    request_timeout: float,
    max_in_flight: int | None,
    allow_insecure: bool,
    trust_env: bool,
    observer: Observer | None,
) -> Pieces:
    """The pieces of a client; its arguments are those of ``PikaClient``.

    Raises:
        ConfigurationError: No key, an unusable URL, or a key over plain http to another machine.
        FieldError: One of them is something else than its name says.
    """
    _check_kinds(dialect, polling, retry, session, observer)
    place = endpoint(
        api_key=api_key,
        base_url=base_url,
        environment=os.environ,
        dialect=dialect,
        allow_insecure=allow_insecure,
    )
    most = connections()
    transport = Transport(
        session=session,
        request_timeout=request_timeout,
        trust_env=trust_env,
        most_polls=most.for_polls,
    )
    tell = Teller(observer)
    timing = Timing(
        now=time.monotonic,
        sleep=asyncio.sleep,  # noqa: TID251 - here it is bound
        rest=rest,
        random=random.random,
        utc=partial(datetime.now, UTC),
    )
    jobs = Jobs(
        API(
            endpoint=place,
            dialect=dialect,
            transport=transport,
            now=timing.now,
            around_poll=observer.around_poll if isinstance(observer, AroundPolls) else None,
            most_aside=most.aside,
        ),
        polling=polling,
        retry=retry,
        timing=timing,
        tell=tell,
        request_timeout=request_timeout,
        max_in_flight=max_in_flight,
        most_submits=most.for_submits,
        most_uploads=most.aside,
    )
    downloader = Downloader(
        stream=partial(transport.stream, silence=request_timeout),
        retry=retry,
        sleep=timing.sleep,
        random=timing.random,
        tell=tell,
    )
    return Pieces(
        endpoint=place,
        dialect=dialect,
        transport=transport,
        jobs=jobs,
        videos=Videos(downloader, jobs.origins),
        tell=tell,
    )
