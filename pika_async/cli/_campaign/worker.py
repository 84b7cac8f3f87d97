"""``pika-async campaign worker``: submits, waits and saves for campaigns."""

import asyncio
import errno
import secrets
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, Final

import anyio
import typer
from attrs import define, field

from pika_async import (
    Event,
    JobAccepted,
    JobEnded,
    PikaError,
    SubmissionUncertainError,
    SubmitUncertain,
    _log,
)
from pika_async import _events as events
from pika_async.cli import _options
from pika_async.cli._campaign import options, words
from pika_async.cli._campaign.engine import CampaignTrail, engine_of, temporal
from pika_async.cli._running.clients import check_key
from pika_async.cli._running.exits import InterruptedRunError
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import dialect_of
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for
from pika_async.cli._showing.words import state_words

EXAMPLES: Final = """\
With --simulate the service is inside of this worker and ends with it. A second worker with
--simulate on this machine finds it by its port, and uses it, too. To kill workers and see others go
on, give the simulated service a process of its own; with `--fault reset-after@submit:0.1` it loses
a tenth of the answers to submits, which are uncertain then:

```
pika-async simulate
PIKA_API_KEY=any pika-async campaign worker --base-url http://127.0.0.1:8700
```

Examples:

```
pika-async campaign worker
pika-async campaign worker --server temporal.example:7233 --service fal
pika-async campaign worker --simulate
```
"""
_HERE: Final = "127.0.0.1"
_WORK: Final = ("pika-async", "campaign", "worker")
_AGAIN: Final = (
    *("server", "namespace", "queue", "max_waiting", "max_submits", "simulate", "port"),
    *("quiet", "service", "base_url", "allow_insecure", "as_json"),
)
_SECONDS_BETWEEN_WARNINGS: Final = 30.0
_FAILED_ACTIVITY: Final = "warning: Completing activity as failed"
_SIMULATED_SECONDS: Final = 6.0
# So many letters of it stand in a sentence.
_FINGERPRINT: Final = 12


def worker(
    context: typer.Context,
    *,
    server: options.Server = None,
    namespace: options.Namespace = None,
    queue: options.Queue = options.QUEUE,
    max_waiting: Annotated[
        int,
        typer.Option(
            "--max-waiting", metavar="N", min=1, help="How many jobs this worker waits for at most."
        ),
    ] = 2000,
    max_submits: Annotated[
        int,
        typer.Option(
            "--max-submits",
            metavar="N",
            min=1,
            help="How many submits it has under way at most.",
        ),
    ] = 16,
    simulate: _options.Simulate = False,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            min=1,
            max=65535,
            help="With --simulate: where the simulated service is, or is to be.",
        ),
    ] = 8700,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Work for campaigns until Ctrl-C or SIGTERM: run as many as you like, on any machines.

    It needs the key of the service; nothing else does. When it is stopped it submits nothing more,
    and waits for the answers to submits that have left; its jobs are left to other workers, or to
    the next one. It may also be killed: nothing is paid twice, and nothing is lost.
    """
    way = _options.connection(context, service, base_url, allow_insecure=allow_insecure)
    trail = CampaignTrail(
        **way, campaign="", server=server, namespace=namespace, simulated=simulate
    )
    show = stage_for(trail, as_json=as_json, quiet=quiet)
    with reported(show, trail, debug=debug):
        dialect_of(trail.service)
        if not simulate:
            check_key(trail.service, instead=", or add --simulate to try it without paying")
        settings: dict[str, Any] = {
            "queue": queue,
            "max_waiting": max_waiting,
            "max_submits": max_submits,
        }
        telling = Telling(show, quiet=quiet, trail=trail, queue=queue)
        work = partial(_work, settings, port, telling, show, trail)
        try:
            with _log.brief("temporalio", telling.of_engine):
                run(work, trail)
        except InterruptedRunError:
            show(Note("ended; the submits under way were waited for. To go on with their jobs:"))
            show(Note(f"  {shlex.join([*_WORK, *_options.given(context, _AGAIN)])}"))


@define
class Telling:
    """A line for each job that is accepted, and for each that has ended."""

    show: Stage
    quiet: bool
    trail: CampaignTrail
    queue: str = options.QUEUE
    _lost: set[str] = field(factory=set)
    _warned: dict[str, float] = field(factory=dict)

    def of_engine(self, line: str) -> None:
        """Tell what the library of the engine warns of, the same at most twice a minute.

        Its line about an activity that failed names the activity; the job and the reason are in
        what has failed.
        """
        text = line.rpartition("}): ")[2] if line.startswith(_FAILED_ACTIVITY) else line
        if not any(fingerprint in text for fingerprint in self._lost):
            # Else it was told by its event.
            self._warn(text)

    def _warn(self, text: str) -> None:
        now, kind = time.monotonic(), words.alike(text)
        if now - self._warned.get(kind, float("-inf")) >= _SECONDS_BETWEEN_WARNINGS:
            self._warned[kind] = now
            self.show(Note(f"warning: {text.removeprefix('warning: ')}"))

    def _lose(self, error: SubmissionUncertainError) -> None:
        """Tell of each: it may cost money, and a person decides about it."""
        self._lost.add(error.fingerprint[:_FINGERPRINT])
        prompt = temporal().prompt_under_way()
        if prompt is None:
            self._warn(f"a submit is uncertain: {error.headline}")
            return
        number = str(prompt.index + 1)
        self.show(
            Note(f"warning: prompt {number} of the campaign {prompt.campaign}: {error.headline}")
        )
        self.show(Note(f"  {self._means}"))
        queue = () if self.queue == options.QUEUE else ("--queue", self.queue)
        for way in ("--adopt JOB_ID", "--resubmit", "--drop"):
            words = ("resolve", prompt.campaign, number, *way.split(), *queue)
            self.show(Note(f"  {self.trail.line_of(*words)}"))

    @property
    def _means(self) -> str:
        dialect = dialect_of(self.trail.service)
        if hasattr(dialect, "find"):
            return _LOOKED_FOR
        return _SENT_AGAIN if dialect.repeatable else _NOBODY_KNOWS

    def __call__(self, event: Event) -> None:
        """Tell, if it is to be told."""
        match event:
            case SubmitUncertain():
                self._lose(event.error)
            case events.SubmitRefused():
                self._warn(f"a submit was refused: {event.error.headline}")
            case events.SubmitHeldBack() if not event.in_line:
                self._warn(f"submits are held back: {event.error.headline}")
            case JobAccepted() if not self.quiet:
                self.show(Note(f"job {event.job_id}{_of()}: accepted"))
            case JobEnded() if not self.quiet:
                self.show(Note(f"job {event.job_id}{_of()}: {state_words(event.state)}"))
            case _:
                pass


def _of() -> str:
    """Whose job it is, if it is of a campaign."""
    prompt = temporal().prompt_under_way()
    return "" if prompt is None else f" (prompt {prompt.index + 1} of {prompt.campaign})"


_NOBODY_KNOWS: Final = (
    "A job may have been started, and may be billed; no second one is asked for. Look at the "
    "account's usage around that time. Once its page has ended, say what it is:"
)
_SENT_AGAIN: Final = (
    "It is sent again with its key, which starts no second job: nothing needs to be done. Where "
    "nobody answers for an hour, it is uncertain. Then, once its page has ended, say what it is:"
)
_LOOKED_FOR: Final = (
    "Its job is looked for at the service now: where it is found, nothing needs to be done. Else "
    "it is uncertain. Then, once its page has ended, say what it is:"
)


async def _work(  # noqa: PLR0917 - given by partial
    settings: dict[str, Any],
    port: int,
    telling: Telling,
    show: Stage,
    trail: CampaignTrail,
    scope: anyio.CancelScope,
) -> None:
    async with engine_of(trail) as engine, _service(trail, port, show) as where:
        stop = asyncio.Event()
        working = asyncio.create_task(
            temporal().run_worker(engine, stop=stop, observer=telling, **settings, **where)
        )
        place = f"{engine.service_client.config.target_host}, namespace {engine.namespace}"
        show(Note(f"working for campaigns at {place}, queue {settings['queue']}; Ctrl-C ends it"))
        try:
            with scope:
                await asyncio.wait({working})
        finally:
            if not working.done():
                show(Note("submits nothing more; waits for the submits under way"))
            stop.set()
            # Ends within the time that a submit may take; its errors are this command's.
            await working


@asynccontextmanager
async def _service(trail: CampaignTrail, port: int, show: Stage) -> AsyncIterator[dict[str, Any]]:
    """What a worker is to know of the service; a simulated one lives as long as this."""
    if not trail.simulated:
        yield {
            "base_url": trail.base_url,
            "dialect": dialect_of(trail.service),
            "allow_insecure": trail.allow_insecure,
        }
        return
    from pika_async import AdaptivePolling  # noqa: PLC0415 - help is shown without
    from pika_async.simulator import Simulator  # noqa: PLC0415 - as above

    simulator = Simulator(
        service=trail.service,
        port=port,
        duration=_SIMULATED_SECONDS,
        seed=secrets.randbits(32),
        record=False,
    )
    url = f"http://{_HERE}:{port}"
    where = {
        "api_key": "simulated",
        "base_url": url,
        "dialect": dialect_of(trail.service),
        "polling": AdaptivePolling(expected=_SIMULATED_SECONDS),
    }
    try:
        await simulator.__aenter__()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise PikaError(
                f"--port: a simulated service cannot listen on {port}: {error.strerror or error}."
            ) from error
        show(Note(f"simulated: what listens on port {port} is taken for the simulated service"))
        yield where
        return
    try:
        show(Note(f"simulated: nothing is paid; the service at {url} ends with this worker"))
        yield where
    finally:
        await simulator.__aexit__(None, None, None)
