"""CPU per job of telemetry: a batch with it over the same batch without it.

    python -m benchmarks.telemetry [--jobs 500] [--rounds 3]

A batch of 500 jobs, all in flight, polled every half second until they are finished at the twelfth
poll: without an observer, with telemetry and the API of OpenTelemetry alone, and with the SDK,
which hands batches of spans and metrics to exporters that drop them. CPU is user + system time of
the client's process, the exporters' threads included, from the first submit to the last result.
What telemetry itself takes for such a job is measured once more by itself, since a percent is less
than the noise of most machines; and beside it the same calls of the SDK, made by hand: two spans,
their attributes and events, two times that are recorded. Below that no observer can come.
"""

from __future__ import annotations

import time
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks.rig.clients import PROMPT, alternating, batch
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


async def by_itself(name: str, url: str) -> float:
    """CPU seconds that telemetry takes for the events and polls of one job."""
    told: list[Event] = []
    async with PikaClient(
        "key", base_url=url, polling=FixedPolling(0), observer=told.append
    ) as client:
        await client.generate(PROMPT)
    telemetry = OBSERVERS[name]()
    assert telemetry is not None

    def one() -> None:
        for event in told:
            telemetry(event)
        for _ in range(_POLLS):
            context = telemetry.around_poll()
            if context is not None:
                with context:
                    pass

    return repeated(one)


async def by_hand() -> float:
    """CPU seconds that the SDK takes for what it is told of one job."""
    from opentelemetry import trace  # noqa: PLC0415 - others are measured without it

    spans, times = sdk()
    tracer = spans.get_tracer("by hand")
    meter = times.get_meter("by hand")
    submits, jobs = (meter.create_histogram(name, unit="s") for name in ("submits", "jobs"))
    service = {"pika.service": "gateway"}
    kind = {"gen_ai.operation.name": "generate_content", "gen_ai.provider.name": "pika"}

    def one() -> None:
        asked = {**kind, **service, "gen_ai.output.type": "video"}
        job = tracer.start_span("job", kind=trace.SpanKind.CLIENT, attributes=asked)
        within = trace.set_span_in_context(job)
        named = {**service, "pika.submit.id": "0" * 32}
        submit = tracer.start_span("submit", context=within, attributes=named)
        submits.record(0.1, {**service, "pika.outcome": "accepted"})
        submit.set_attributes({"gen_ai.response.id": "1", "pika.outcome": "accepted"})
        submit.end()
        for state, polls in (("running", 1), ("succeeded", _POLLS)):
            job.add_event("pika.job.state", {"pika.state": state, "pika.polls": polls})
        jobs.record(12.0, {**kind, **service})
        job.set_attributes(
            {
                "pika.outcome": "succeeded",
                "pika.videos": 1,
                "pika.polls": _POLLS,
                "gen_ai.response.id": "1",
            }
        )
        job.end()

    return repeated(one)


def repeated(one: Callable[[], None]) -> float:
    """CPU seconds of one time, the best of several rounds."""
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(_REPEATED):
            one()
        best = min(best, time.process_time() - begun)
    return best / _REPEATED


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
    base = figures["no telemetry"]
    rows = [Row(name, "ms a job", tuple(taken)) for name, taken in figures.items()]
    for name in ("telemetry, API alone", "telemetry, SDK"):
        rows.append(ratio(name, figures[name], base, "× no telemetry"))
        with server(_POLLS) as url:
            itself = 1000 * float(alone(by_itself, name, url))
        share = tuple(100 * itself / one for one in base)
        target = "telemetry" if name.endswith("SDK") else None
        rows.append(Row(f"{name}, by itself", "% of a job", share, target))
    least = 1000 * float(alone(by_hand))
    share = tuple(100 * least / one for one in base)
    return [*rows, Row("the same calls of the SDK, by hand", "% of a job", share)]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
