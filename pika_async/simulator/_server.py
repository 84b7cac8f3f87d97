"""The simulator: opening and closing, in the running loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Self

from attrs import define, field

from pika_async.simulator._api import Api
from pika_async.simulator._cdn import Cdn
from pika_async.simulator._listener import Listener
from pika_async.simulator._state import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from types import TracebackType

    from pika_async.dialects import Dialect


@define
class _Running:
    """What exists between opening and closing."""

    loop: asyncio.AbstractEventLoop
    api: Listener
    media: Listener
    closing: asyncio.Event


@define(kw_only=True, eq=False, repr=False)
class Simulator(State):
    """A service that sells videos, on this machine and for nothing.

    `async with Simulator() as sim` runs it in the current event loop; `with Simulator() as sim` in
    a thread of its own, for synchronous programs and fixtures. Point a client at `sim.url`. Nearly
    all arguments are attributes too, which may be changed while it runs.

    Args:
        service: The service that it behaves like: a name among `SERVICES`.
        duration: Seconds from submit to the end. `Polls(3)`: the third poll of a job finds it
            ended, whatever the clock says. A function: called for each job with the seeded
            generator, returns seconds.
        queue: Share of the duration that is spent queued, 0 to 1.
        failure: A reason: every job fails with it, and one with "moderation" in it as the service
            tells of that. A function of the submitted body: returns the reason, or None for
            success.
        faults: What goes wrong, as `Fault` objects; may be appended to while it runs. The first
            that strikes wins.
        variants: Names of `VARIANTS`, always on; or names and probabilities, drawn for each job.
        videos_per_job: How many videos a job makes.
        api_key: The only key that is accepted; None: any key but an empty one.
        unknown_job: How a poll of a job that does not exist, or is another key's, is answered:
            "400", "404" or "empty".
        submits_per_second: Beyond this rate submits get a 429; None: no limit. The token bucket
            holds one second's worth, and at least one.
        limit_retry_after: Whether those 429 say in Retry-After when to come back, in whole seconds.
        media_bytes: Size of the served video, padded so that it still plays; None: as it is.
        record: Whether submissions, polls and downloads are kept; False for load tests.
        host: The address to listen on.
        port: The port of the API; 0: any that is free.
        media_port: The port of the media; 0: any that is free.
        prefix: A path in front of the API's paths.
        seed: Equal seeds draw equal ids, durations, variants and faults for equal requests.
        now: The clock of the jobs, in seconds. Silences of faults last real seconds.

    Attributes:
        submissions: Every POST that arrived, faulty or not: `.at .body .headers .job_id .fault
            .status`.
        polls: Every poll: `.at .job_id .headers .fault .status`.
        downloads: Every request for a video or an image, with `.range` and `.path`.
        strays: Every request that reached the other origin to which a redirect fault points.
        jobs: By id, in order of creation, also those that no client was told of.

    Raises:
        ValueError: A setting is out of range, or no fault or variant has that name.
        OSError: On opening, when the port is taken.
        RuntimeError: When it is opened twice.
    """

    _running: _Running | None = field(default=None, init=False)
    _used: bool = field(default=False, init=False)
    _thread: contextlib.ExitStack = field(factory=contextlib.ExitStack, init=False)

    def __repr__(self) -> str:
        where = "not running" if self._running is None else self.url
        return f"<Simulator {where}, {len(self.jobs)} jobs>"

    @property
    def url(self) -> str:
        """The base URL of the API, with the prefix and without a slash at the end."""
        return self._now_running().api.url + self.prefix

    @property
    def dialect(self) -> Dialect:
        """The dialect of its service, for `PikaClient("key", base_url=sim.url, dialect=…)`."""
        # Here and not above: the simulator serves other clients, too, and needs none to run.
        from pika_async.dialects import service_named  # noqa: PLC0415

        return service_named(self.service)

    @property
    def media_url(self) -> str:
        """The base URL of /video.mp4, /poster.jpg and /thumbnail.jpg, which is another origin."""
        return self._now_running().media.url

    @contextlib.asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """While inside, connections to the API's port are closed and new ones refused."""
        running = self._now_running()
        await _in_loop(running.loop, running.api.refuse())
        try:
            yield
        finally:
            if self._running is running:
                await _in_loop(running.loop, running.api.accept())

    async def __aenter__(self) -> Self:
        self._use()
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    def __enter__(self) -> Self:
        self._use()
        opened: Future[Callable[[], object]] = Future()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._live(opened)), name="pika simulator", daemon=True
        )
        thread.start()
        leave = opened.result()
        self._thread.callback(thread.join)
        self._thread.callback(leave)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.close()

    async def _live(self, opened: Future[Callable[[], object]]) -> None:
        leaving = asyncio.Event()
        try:
            await self._open()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that opens
            opened.set_exception(error)
            return
        opened.set_result(partial(self._now_running().loop.call_soon_threadsafe, leaving.set))
        await leaving.wait()
        await self._close()

    def _use(self) -> None:
        if self._used:
            raise RuntimeError(
                "This Simulator has been opened before, and keeps the records of one run: "
                "make a new one."
            )
        self._used = True

    def _now_running(self) -> _Running:
        if self._running is None:
            raise RuntimeError(
                "The Simulator is not running: use it inside `async with Simulator(...) as sim`."
            )
        return self._running

    async def _open(self) -> None:
        closing = asyncio.Event()
        async with contextlib.AsyncExitStack() as undo:
            answers = Api(self, closing)
            media = Listener(Cdn(self, answers, closing).handle, self.host, self.media_port)
            undo.push_async_callback(media.close)
            api = Listener(answers.handle, self.host, self.port)
            undo.push_async_callback(api.close)
            self.serve_media_at(media.url)
            await media.accept()
            await api.accept()
            undo.pop_all()
        self._running = _Running(asyncio.get_running_loop(), api, media, closing)

    async def _close(self) -> None:
        running, self._running = self._now_running(), None
        running.closing.set()
        await running.api.close()
        await running.media.close()


async def _in_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None]) -> None:
    """Await `work` in the loop that the simulator runs in, whichever loop this is."""
    if loop is asyncio.get_running_loop():
        await work
    else:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
