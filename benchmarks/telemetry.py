"""CPU per job of telemetry: a batch with it over the same batch without it.

    python -m benchmarks.telemetry [--jobs 500] [--rounds 3]

A batch of 500 jobs, all in flight, polled every half second until they are finished at the twelfth
poll: without an observer, with telemetry and the API of OpenTelemetry alone, and with the SDK,
which hands batches of spans and metrics to exporters that drop them. CPU is user + system time of
the client's process, the exporters' threads included, from the first submit to the last result.
What telemetry itself takes for such a job is measured once more by itself, since a percent is less
than the noise of most machines; and beside it, in turns in one process, the calls of the SDK that
it makes for that: two spans, their attributes and events, two times and the number of polls. Below
those no observer comes that tells as much.
It is held against a job whose video is saved, since that is what a job is for, and against one
whose video is left where it is. The video has the size that fal shows for one of Pika
(``file_size``, 4,404,019 bytes, in the schema of fal-ai/pika/v2.2).
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.download import video_at, videos_served
from benchmarks.rig.clients import PROMPT, alternating, batch, our_client
from benchmarks.rig.command import command
from benchmarks.rig.processes import alone, connections_possible, cpu_seconds
from benchmarks.rig.rows import Row, not_installed, ratio
from benchmarks.rig.server import server
from pika_async import FixedPolling, PikaClient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    from pika_async import Event
    from pika_async.otel import Telemetry

QUICK = {"jobs": 200, "rounds": 1, "interval": 0.2}

_POLLS = 12
_REPEATED = 2000
_TURNS = 5
_VIDEO = 4_404_019
_VIDEOS = 50
_OF_A_JOB = "% of a job"
_WITH_ITS_VIDEO = "% of a job and its video"


def without() -> None:
    return None


def with_api() -> Telemetry:
    from pika_async.otel import Telemetry  # noqa: PLC0415 - others are measured without it

    return Telemetry()


def with_sdk() -> Telemetry:
    from pika_async.otel import Telemetry  # noqa: PLC0415 - as above

    traces, metrics = sdk()
    return Telemetry(tracer_provider=traces, meter_provider=metrics)


def sdk() -> tuple[TracerProvider, MeterProvider]:
    """One whose exporters drop all."""
    # As above; each of them is a second of imports.
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415
        ConsoleMetricExporter,
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Dropped(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            del spans
            return SpanExportResult.SUCCESS

    class Nowhere:
        def write(self, text: str) -> None:
            del text

        def flush(self) -> None: ...

    traces = TracerProvider()
    traces.add_span_processor(BatchSpanProcessor(Dropped()))
    nowhere: Any = Nowhere()
    reader = PeriodicExportingMetricReader(ConsoleMetricExporter(out=nowhere))
    return traces, MeterProvider([reader])


OBSERVERS: dict[str, Callable[[], Telemetry | None]] = {
    "no telemetry": without,
    "telemetry, API alone": with_api,
    "telemetry, SDK": with_sdk,
}


async def whole_batch(name: str, url: str, jobs: int, interval: float) -> float:
    """CPU seconds of a batch."""
    observer = OBSERVERS[name]()
    async with PikaClient(
        "key", base_url=url, polling=FixedPolling(interval), observer=observer
    ) as client:
        begun = cpu_seconds()
        await batch(client, jobs, jobs)
        return cpu_seconds() - begun


async def told(url: str) -> list[Event]:
    """The events of one job."""
    events: list[Event] = []
    async with PikaClient(
        "key", base_url=url, polling=FixedPolling(0), observer=events.append
    ) as client:
        await client.generate(PROMPT)
    return events


async def by_itself(name: str, url: str) -> dict[str, float]:
    """CPU seconds a job that telemetry takes, and the same calls of the SDK without it."""
    telemetry = OBSERVERS[name]()
    assert telemetry is not None
    taken = {"itself": observed(telemetry, await told(url))}
    if name == "telemetry, SDK":
        traces, metrics = sdk()
        taken["SDK"] = by_hand(traces, metrics)
    return repeated(taken)


def observed(telemetry: Telemetry, events: Sequence[Event]) -> Callable[[], None]:
    """What telemetry does for the events and polls of one job."""

    def one() -> None:
        for event in events:
            telemetry(event)
        for _ in range(_POLLS):
            context = telemetry.around_poll()
            if context is not None:
                with context:
                    pass

    return one


def by_hand(traces: TracerProvider, metrics: MeterProvider) -> Callable[[], None]:
    """What the SDK is told of the same job, by whoever knows all of it beforehand."""
    from opentelemetry import trace  # noqa: PLC0415 - others are measured without it

    tracer, meter = traces.get_tracer("by hand"), metrics.get_meter("by hand")
    submits = meter.create_histogram("pika.client.submit.duration", unit="s")
    jobs = meter.create_histogram("gen_ai.client.operation.duration", unit="s")
    polls = meter.create_histogram("pika.client.job.polls", unit="{poll}")
    service = {"pika.service": "gateway"}
    accepted = {**service, "pika.outcome": "accepted"}
    succeeded = {
        **service,
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "pika",
    }

    def one() -> None:
        job = tracer.start_span(
            "generate_content",
            kind=trace.SpanKind.CLIENT,
            attributes={
                **succeeded,
                "gen_ai.output.type": "video",
                "server.address": "127.0.0.1",
            },
        )
        submit = tracer.start_span(
            "pika submit",
            context=trace.set_span_in_context(job),
            attributes={**service, "pika.submit.id": "0" * 32},
        )
        submits.record(0.1, accepted)
        submit.set_attributes({"gen_ai.response.id": "1", "pika.outcome": "accepted"})
        submit.end()
        job.add_event(
            "pika.job.state", {"pika.state": "running", "pika.progress": 10, "pika.polls": 1}
        )
        job.add_event("pika.job.state", {"pika.state": "succeeded", "pika.polls": _POLLS})
        jobs.record(12.0, succeeded)
        polls.record(_POLLS, service)
        job.set_attributes(
            {
                "pika.outcome": "succeeded",
                "pika.videos": 1,
                "pika.polls": _POLLS,
                "gen_ai.response.id": "1",
            }
        )
        job.end()

    return one


def repeated(taken: dict[str, Callable[[], None]]) -> dict[str, float]:
    """CPU seconds of each, once: the best of several rounds, in turns."""
    best = dict.fromkeys(taken, float("inf"))
    for _ in range(_TURNS):
        for name, one in taken.items():
            begun = time.process_time()
            for _ in range(_REPEATED):
                one()
            best[name] = min(best[name], time.process_time() - begun)
    return {name: seconds / _REPEATED for name, seconds in best.items()}


async def saving(url: str) -> float:
    """CPU milliseconds to save a video."""
    with tempfile.TemporaryDirectory() as folder:
        async with our_client(url, 1.0) as client:
            await client.download(video_at(url), Path(folder, "first.mp4"))
            begun = cpu_seconds()
            for number in range(_VIDEOS):
                await client.download(video_at(url), Path(folder, f"{number}.mp4"))
            return 1000 * (cpu_seconds() - begun) / _VIDEOS


def measure_saving(rounds: int) -> tuple[float, ...]:
    with videos_served() as origin:
        return tuple(float(alone(saving, f"{origin}/{_VIDEO}")) for _ in range(rounds))


def measure(name: str, jobs: int, interval: float) -> float:
    """CPU milliseconds per job."""
    with server(_POLLS) as url:
        return 1000 * float(alone(whole_batch, name, url, jobs, interval)) / jobs


def run(*, jobs: int = 500, rounds: int = 3, interval: float = 0.5) -> list[Row]:
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        note = not_installed("opentelemetry-sdk")
        return [Row("telemetry", "ms a job", (), "telemetry", note=note)]
    possible = connections_possible(jobs)
    measures = {name: partial(measure, name, possible, interval) for name in OBSERVERS}
    figures = alternating(rounds, measures)
    base, saved = figures["no telemetry"], measure_saving(rounds)
    with_video = [one + video for one, video in zip(base, saved, strict=True)]
    rows = [Row(name, "ms a job", tuple(taken)) for name, taken in figures.items()]
    rows.append(Row("its video saved, 4.4 MB", "ms a job", saved))
    for name in ("telemetry, API alone", "telemetry, SDK"):
        rows.append(ratio(name, figures[name], base, "× no telemetry"))
        with server(_POLLS) as url:
            taken = alone(by_itself, name, url)
        for what, whole in ((_OF_A_JOB, base), (_WITH_ITS_VIDEO, with_video)):
            target = "telemetry" if "SDK" in taken and what == _WITH_ITS_VIDEO else None
            share = tuple(100_000 * taken["itself"] / one for one in whole)
            rows.append(Row(f"{name}, by itself", what, share, target))
        if "SDK" in taken:
            rows += [
                Row(
                    "of which the SDK's own calls",
                    _OF_A_JOB,
                    tuple(100_000 * taken["SDK"] / one for one in base),
                ),
                Row(
                    f"{name}, by itself", "× the SDK's own calls", (taken["itself"] / taken["SDK"],)
                ),
            ]
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
