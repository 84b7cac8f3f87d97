"""Whoever comes back to a job links to its submit, by what was kept with that and nothing else."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager

import anyio
import pytest
from support.batches import client_for, until

from pika_async import (
    Batch,
    FixedPolling,
    GenerationRequest,
    JournalError,
    PikaClient,
    RetryPolicy,
    SubmissionUncertainError,
    read_journal,
    run_batch,
)
from pika_async._request.record import Intent
from pika_async.simulator import Fault, Polls, Simulator

PROMPT = "a red panda nobody else may read of"


class Row:
    """What a user writes down of a submit."""

    text: str | None = None

    async def prepared(self, again):
        self.text = again

    async def leaving(self):
        pass

    async def accepted(self, job_id):
        pass

    def wanted(self):
        return True

    def stayed(self):
        pass


def ids(span) -> str:
    """The beginning of a ``traceparent``; its flags follow."""
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}"


def linked(span) -> list[str]:
    return [ids(link) for link in span.links]


def kept(journal) -> list[str | None]:
    origins = [attempt.origin for entry in read_journal(journal) for attempt in entry.attempts]
    return [origin and origin[:52] for origin in origins]


async def left_in_flight(sim, telemetry, journal):
    async with client_for(sim, observer=telemetry) as client:
        async with Batch(client, [PROMPT], journal=journal):
            await until(lambda: sim.polls)


class TestOverAJournal:
    async def test_the_journal_keeps_the_context_of_the_submit(self, backend, tmp_path):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                await run_batch(client, [PROMPT], journal=tmp_path / "j")
        assert kept(tmp_path / "j") == [ids(backend.submit)]

    async def test_a_batch_that_is_run_again_links_to_the_submit(self, backend, tmp_path):
        async with Simulator(duration=Polls(50)) as sim:
            await left_in_flight(sim, backend.telemetry(), tmp_path / "j")
            # What this one knows of the first it can have from the journal alone.
            async with client_for(sim, observer=backend.telemetry()) as client:
                (result,) = await run_batch(client, [PROMPT], journal=tmp_path / "j")
        left, resumed = backend.named("generate_content")
        assert result.resumed
        assert (linked(left), linked(resumed)) == ([], [ids(backend.submit)])
        assert resumed.attributes["pika.resumed"]
        assert resumed.context.trace_id != backend.submit.context.trace_id

    async def test_a_job_of_a_journal_that_is_come_back_to_by_hand_links_too(
        self, backend, tmp_path
    ):
        async with Simulator(duration=Polls(50)) as sim:
            await left_in_flight(sim, backend.telemetry(), tmp_path / "j")
            (entry,) = read_journal(tmp_path / "j")
            async with client_for(sim, observer=backend.telemetry()) as client:
                await client.job(entry.attempt.job_id, origin=entry.attempt.origin).result()
        assert linked(backend.named("generate_content")[1]) == [ids(backend.submit)]

    @pytest.mark.parametrize(("service", "submits"), [("pika", 2), ("fal", 1)])
    async def test_a_submit_that_is_written_down_by_hand_links_to_its_first_process(
        self, backend, service, submits
    ):
        """Sent again with its key, and looked up: what the record kept leads to the first span."""
        row = Row()
        faults = [Fault("reset-after")]
        async with Simulator(service=service, duration=Polls(1), faults=faults) as sim:
            # One that does not send it again by itself, as after a kill.
            once = RetryPolicy(attempts=1, outage_budget=0.0)
            async with client_for(sim, observer=backend.telemetry(), retry=once) as client:
                with pytest.raises(SubmissionUncertainError):
                    await client.submit(PROMPT, record=row)
            async with client_for(sim, observer=backend.telemetry()) as client:
                try:
                    job = await client.submit(PROMPT, record=row, again=row.text)
                except SubmissionUncertainError as lost:
                    job = await client.find(lost)
                await job.result()
        first, *again = backend.named("pika submit")
        (resumed,) = again or backend.named("generate_content")[1:]
        assert linked(resumed) == [ids(first)]
        assert 1 + len(again) == submits

    async def test_what_ended_long_ago_opens_no_span(self, backend, tmp_path):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                for _ in range(2):
                    await run_batch(client, [PROMPT], journal=tmp_path / "j")
        assert len(backend.spans) == 2

    async def test_the_submit_of_a_process_that_was_killed_is_linked_to(self, backend, tmp_path):
        """The first process exports the span of its submit, and dies while the job runs."""
        exported = tmp_path / "spans"
        async with Simulator(duration=Polls(50)) as sim:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", FIRST, sim.url, str(tmp_path / "j"), str(exported))
            )
            with anyio.fail_after(60):
                await until(lambda: sim.polls)
            child.send_signal(signal.SIGKILL)
            assert await child.wait() == -signal.SIGKILL
            async with client_for(sim, observer=backend.telemetry()) as client:
                (result,) = await run_batch(client, [PROMPT], journal=tmp_path / "j")
            assert len(sim.submissions) == 1
        assert result.resumed
        (submit,) = [json.loads(line) for line in exported.read_text().splitlines()]
        assert submit["name"] == "pika submit"
        assert linked(backend.job) == [submit["traceparent"][:52]] == kept(tmp_path / "j")


FIRST = """
import asyncio, json, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from pika_async import FixedPolling, PikaClient, run_batch
from pika_async.otel import Telemetry
from pika_async.otel._links import as_text

url, journal, path = sys.argv[1:]

class Written(SpanExporter):
    def export(self, spans):
        with open(path, "a") as file:
            for span in spans:
                told = {"name": span.name, "traceparent": as_text(span.context)}
                file.write(json.dumps(told) + "\\n")
        return SpanExportResult.SUCCESS

async def main():
    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(Written()))
    observer = Telemetry(tracer_provider=traces)
    polling = FixedPolling(0.1)
    async with PikaClient(
        "sk-secret-0123456789", base_url=url, polling=polling, observer=observer
    ) as client:
        await run_batch(client, ["a red panda nobody else may read of"], journal=journal)

asyncio.run(main())
"""


class TestASubmitThatIsSentAgain:
    """With its key, at a service that knows keys, or looked for where there is a history."""

    @asynccontextmanager
    async def lost(self, backend, journal, service):
        """A simulator whose first submit has lost its answer."""
        faults = [Fault("reset-after", started=True)]
        async with Simulator(service=service, duration=Polls(1), faults=faults) as sim:
            once = self.client(sim, backend, outage_budget=0.0)
            async with once as client:
                (result,) = await run_batch(client, [PROMPT], journal=journal)
            assert isinstance(result.error, SubmissionUncertainError)
            yield sim

    def client(self, sim, backend, **retry):
        return PikaClient(
            "key",
            base_url=sim.url,
            dialect=sim.dialect,
            polling=FixedPolling(0),
            retry=RetryPolicy(attempts=1, **retry),
            observer=backend.telemetry(),
        )

    async def test_with_its_key_it_links_to_the_first_and_its_job_to_the_second(
        self, backend, tmp_path
    ):
        journal = tmp_path / "j"
        async with self.lost(backend, journal, "pika") as sim:
            first = kept(journal)
            async with self.client(sim, backend) as client:
                (result,) = await run_batch(client, [PROMPT], journal=journal)
            assert (result.ok, len(sim.jobs)) == (True, 1)
        lost, again = backend.named("pika submit")
        assert first == linked(again) == [ids(lost)]
        assert kept(journal) == [ids(again)]

    async def test_a_job_that_is_found_links_to_the_submit_that_was_lost(self, backend, tmp_path):
        journal = tmp_path / "j"
        async with self.lost(backend, journal, "fal") as sim:
            async with self.client(sim, backend) as client:
                (result,) = await run_batch(client, [PROMPT], journal=journal)
            assert (result.ok, len(sim.submissions)) == (True, 1)
        assert linked(backend.named("generate_content")[1]) == [ids(backend.submit)]

    async def test_the_error_of_a_submit_that_nobody_wrote_down_leads_to_it_too(self, backend):
        faults = [Fault("reset-after", started=True)]
        async with Simulator(service="fal", duration=Polls(1), faults=faults) as sim:
            async with self.client(sim, backend) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(PROMPT)
            async with self.client(sim, backend) as client:
                job = await client.find(caught.value)
                await job.result()
        assert caught.value.sent.origin.startswith(ids(backend.submit))
        assert linked(backend.named("generate_content")[1]) == [ids(backend.submit)]


class TestWhatNeverLeaves:
    async def test_a_submit_that_could_not_be_written_down_ends_as_withdrawn(
        self, backend, tmp_path, monkeypatch
    ):
        def full(*_):
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr("pika_async._journal.attempts.begin_attempt", full)
        async with Simulator() as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                (result,) = await run_batch(client, [PROMPT], journal=tmp_path / "j")
            assert sim.submissions == []
        assert isinstance(result.error.__cause__, JournalError)
        assert [span.attributes["pika.outcome"] for span in backend.spans] == ["withdrawn"] * 2
        # It has never left, so there is no time that it took.
        assert backend.points("pika.client.submit.duration") == []

    async def test_what_the_journal_refuses_before_is_no_span(self, backend, tmp_path):
        faults = [Fault("401-new-api-error")]
        async with Simulator(faults=faults) as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                await run_batch(client, [PROMPT] * 5, journal=tmp_path / "j", max_in_flight=1)
            assert len(sim.submissions) == 1
        assert len(backend.named("pika submit")) == 1

    async def test_a_body_that_can_no_longer_be_made_as_it_was_leaves_no_span_open(self, backend):
        """Nothing is asked of the observer, since nobody would tell it the end."""
        earlier = Intent(
            service="pika", base_url="x", submit_id="s", digest="0" * 64, body="{}", origin="o"
        )

        telemetry = backend.telemetry()
        async with Simulator(service="pika") as sim:
            async with PikaClient(
                "key", base_url=sim.url, dialect=sim.dialect, observer=telemetry
            ) as client:
                with pytest.raises(SubmissionUncertainError):
                    await client._jobs.submit(
                        GenerationRequest(PROMPT), recorder=object(), again=earlier
                    )
            assert sim.submissions == []
        assert not telemetry._submits


class Odd:
    """An observer that calls all submits the same."""

    def __init__(self, origin):
        self.origin, self.told = origin, []

    def __call__(self, event):
        self.told.append(event)

    def submit_origin(self, **_):
        if isinstance(self.origin, Exception):
            raise self.origin
        return self.origin


class TestAnyObserver:
    """The core keeps a text, whoever wants it kept."""

    async def test_it_gets_its_text_back_with_the_first_change(self, tmp_path):
        async with Simulator(duration=Polls(50)) as sim:
            await left_in_flight(sim, Odd("mine: 7"), tmp_path / "j")
            odd = Odd("another")
            async with client_for(sim, observer=odd) as client:
                await run_batch(client, [PROMPT], journal=tmp_path / "j")
        assert {event.origin for event in odd.told if hasattr(event, "origin")} == {"mine: 7"}

    @pytest.mark.parametrize(
        "origin",
        [7, b"bytes", "ü", "\ud83d", "x" * 201, OSError("away")],
        ids=["number", "bytes", "not ASCII", "half a pair", "long", "error"],
    )
    async def test_what_cannot_be_kept_costs_no_job(self, tmp_path, origin, caplog):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim, observer=Odd(origin)) as client:
                (result,) = await run_batch(client, [PROMPT], journal=tmp_path / "j")
        assert result.ok
        assert kept(tmp_path / "j") == [None]
        (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "named no origin" in told.getMessage()

    @pytest.mark.parametrize("observer", [None, Odd(None), lambda _: None])
    async def test_without_one_nothing_is_kept(self, tmp_path, observer):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim, observer=observer) as client:
                await run_batch(client, [PROMPT], journal=tmp_path / "j")
        assert kept(tmp_path / "j") == [None]
