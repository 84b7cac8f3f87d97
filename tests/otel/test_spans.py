"""One span a job, one a submit, for every way in which they end."""

from __future__ import annotations

import asyncio
import shelve
from contextlib import suppress

import pytest
from attrs import evolve
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from support.batches import KEY, client_for, prompts, until
from support.events import ACCEPTED, DONE, ENDED, LOST, SENT

from pika_async import (
    Batch,
    Failed,
    GenerationRequest,
    JobEnded,
    PikaError,
    Queued,
    RetryPolicy,
    Running,
    StateChanged,
    SubmissionUncertainError,
    SubmitUncertain,
    Unknown,
    WaitingEnded,
    read_journal,
    run_batch,
)
from pika_async.simulator import Fault, Polls, Simulator

PROMPT = "a red panda nobody else may read of"
PATIENT = RetryPolicy(initial=3600.0, maximum=3600.0)


def states(span) -> list[str]:
    return [
        event.attributes["pika.state"] for event in span.events if event.name == "pika.job.state"
    ]


async def test_a_job_is_one_span_with_its_transitions_and_one_of_its_submit(backend):
    async with Simulator(duration=Polls(3)) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            await client.generate(PROMPT, model="2.2", seed=7)
        (job_id,) = sim.jobs
    submit, job = backend.spans
    assert (submit.name, job.name) == ("pika submit", "generate_content 2.2")
    assert submit.parent.span_id == job.context.span_id
    assert job.kind is SpanKind.CLIENT
    assert (
        job.attributes.items()
        >= {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "pika",
            "gen_ai.request.model": "2.2",
            "gen_ai.request.seed": 7,
            "gen_ai.output.type": "video",
            "gen_ai.response.id": job_id,
            "pika.service": "gateway",
            "server.address": "127.0.0.1",
            "pika.outcome": "succeeded",
            "pika.videos": 1,
            "pika.polls": 3,
        }.items()
    )
    assert states(job) == ["running", "succeeded"]
    assert submit.attributes["gen_ai.response.id"] == job_id
    assert len(submit.attributes["pika.submit.id"]) == 32


def test_progress_alone_is_no_event(backend):
    telemetry = backend.telemetry()
    for event in (SENT, ACCEPTED, CHANGED):
        telemetry(event)
    state = CHANGED.state
    for polls in range(100):
        previous, state = state, Running(progress=polls)
        telemetry(evolve(CHANGED, previous=previous, state=state, polls=polls))
    telemetry(evolve(CHANGED, previous=state, state=Queued(position=1)))
    telemetry(ENDED)
    assert states(backend.job) == ["running", "queued"]


async def cancelled_when(client, condition, **options):
    task = asyncio.create_task(client.generate(PROMPT, **options))
    await until(condition)
    task.cancel()
    await asyncio.wait({task})


async def generated(client, _, __):
    with suppress(PikaError):
        await client.generate(PROMPT)


async def timed_out(client, _, __):
    with suppress(PikaError):
        await client.generate(PROMPT, timeout=0)


async def wait_cancelled(client, sim, _):
    await cancelled_when(client, lambda: sim.polls)


async def cancelled_while_held_back(client, _, told):
    await cancelled_when(client, lambda: len(told) == 2)


async def submit_cancelled(client, sim, _):
    await cancelled_when(client, lambda: sim.submissions)


async def batch_left(client, sim, _):
    async with Batch(client, prompts(1)):
        await until(lambda: sim.polls)


async def job_left(client, _, __):
    await client.submit(PROMPT)


ENDLESS = {"duration": Polls(10**6)}

# How it goes; then the outcome of the submit and of the job, the error, and what is not exported
# before the telemetry is closed.
OUTCOMES = {
    "succeeded": ({}, {}, generated, "accepted", "succeeded", None),
    "failed": (
        {"failure": "server on fire"},
        {},
        generated,
        "accepted",
        "failed",
        "JobFailedError",
    ),
    "moderated": (
        {"failure": "prompt not allowed"},
        {},
        generated,
        "accepted",
        "failed",
        "ModerationError",
    ),
    "refused": (
        {"faults": [Fault("400-openai")]},
        {},
        generated,
        "refused",
        "refused",
        "InvalidRequestError",
    ),
    "key refused": (
        {"faults": [Fault("401-new-api-error")]},
        {},
        generated,
        "refused",
        "refused",
        "AuthenticationError",
    ),
    "uncertain": (
        {"faults": [Fault("reset-after")]},
        {},
        generated,
        "uncertain",
        "uncertain",
        "SubmissionUncertainError",
    ),
    "held back": ({"faults": [Fault("429-empty")]}, {}, generated, "accepted", "succeeded", None),
    "withdrawn": (
        {"faults": [Fault("429-empty")]},
        {"retry": PATIENT},
        cancelled_while_held_back,
        "withdrawn",
        "withdrawn",
        None,
    ),
    "unclaimed": (
        {"faults": [Fault("slow-headers", seconds=0.1)]},
        {},
        submit_cancelled,
        "accepted",
        "left",
        None,
    ),
    "timed out": (ENDLESS, {}, timed_out, "accepted", "left", "JobTimeoutError"),
    "no more polls": (
        {"faults": [Fault("401-new-api-error", on="poll", times=99)]},
        {},
        generated,
        "accepted",
        "left",
        "AuthenticationError",
    ),
    "wait cancelled": (ENDLESS, {}, wait_cancelled, "accepted", "left", None),
    "batch left": (ENDLESS, {}, batch_left, "accepted", "left", None),
    "never waited for": (ENDLESS, {}, job_left, "accepted", "left", None),
}


@pytest.mark.parametrize("how", OUTCOMES)
async def test_whatever_becomes_of_it_there_are_two_spans_that_say_so(backend, how):
    settings, options, happens, of_submit, of_job, error = OUTCOMES[how]
    told = []
    with backend.telemetry(observer=told.append) as telemetry:
        async with Simulator(**({"duration": Polls(1)} | settings)) as sim:
            async with client_for(sim, observer=telemetry, **options) as client:
                await happens(client, sim, told)
    submit, job = backend.spans
    assert submit.attributes["pika.outcome"] == of_submit
    assert job.attributes["pika.outcome"] == of_job
    assert job.attributes.get("error.type") == error
    assert (job.status.status_code is StatusCode.ERROR) == (error is not None)
    assert [point.value for point in backend.points("pika.client.jobs.in_flight")] in ([], [0])


def test_a_failure_has_the_word_of_the_service_and_the_one_of_all_services(backend):
    """Whoever counts what was moderated asks for one word, wherever the job was made."""
    state = Failed(reason="no", code="content_moderation", meaning="moderation")
    telemetry = backend.telemetry()
    for event in (SENT, ACCEPTED, evolve(ENDED, state=state)):
        telemetry(event)
    said = backend.job.attributes
    assert said["pika.failure.code"] == "content_moderation"
    assert said["pika.failure.meaning"] == "moderation"


async def test_what_it_means_for_the_money_is_said_with_the_error(backend):
    faults = [Fault("reset-after"), Fault("400-openai")]
    async with Simulator(faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            for _ in faults:
                with pytest.raises(PikaError):
                    await client.generate(PROMPT)
    said = [span.attributes["pika.money"] for span in backend.named("pika submit")]
    assert said == ["may_be_charged", "not_charged"]
    assert backend.named("pika submit")[1].attributes["http.response.status_code"] == 400


class TestFingerprints:
    """A span leads to the journal's row, where there is one, and to what an error names."""

    async def test_the_span_of_a_job_has_the_one_of_its_journal(self, backend, tmp_path):
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                await run_batch(client, [PROMPT], journal=tmp_path / "j")
        (entry,) = read_journal(tmp_path / "j")
        assert backend.job.attributes["pika.request.fingerprint"] == entry.fingerprint
        assert backend.job.attributes["server.address"] == "127.0.0.1"

    async def test_an_uncertain_submit_has_the_one_of_its_error(self, backend):
        async with Simulator(faults=[Fault("reset-after")]) as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                with pytest.raises(SubmissionUncertainError) as caught:
                    await client.submit(PROMPT)
        told = backend.job.attributes["pika.request.fingerprint"]
        assert told == caught.value.fingerprint

    async def test_none_is_taken_for_the_sake_of_a_span(self, backend):
        """Of a large image that would block the event loop."""
        async with Simulator(duration=Polls(1)) as sim:
            async with client_for(sim, observer=backend.telemetry()) as client:
                await client.generate(PROMPT)
        assert "pika.request.fingerprint" not in backend.job.attributes


async def test_the_submit_is_exported_while_its_job_runs(backend):
    async with Simulator(**ENDLESS) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            await client.submit(PROMPT)
            assert backend.submit.attributes["pika.outcome"] == "accepted"
            assert len(backend.spans) == 1


async def test_each_time_that_a_submit_is_sent_is_an_event_of_its_one_span(backend):
    faults = [Fault("429-empty", times=2)]
    async with Simulator(duration=Polls(1), faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            await client.generate(PROMPT)
    assert [event.name for event in backend.submit.events] == [
        "pika.submit.held_back",
        "pika.submit.sent_again",
    ] * 2


async def test_jobs_are_below_the_span_of_whoever_asks_for_them(backend):
    tracer = backend.traces.get_tracer("a web server")
    async with Simulator(duration=Polls(1)) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            with tracer.start_as_current_span("POST /videos") as above:
                await client.generate(PROMPT)
            assert trace.get_current_span() is trace.INVALID_SPAN
    assert backend.job.parent.span_id == above.get_span_context().span_id


class TestSecrets:
    async def test_neither_key_nor_prompt_nor_what_a_service_says_is_told(self, backend):
        told = f"not allowed: {PROMPT}, by {KEY}"
        for settings in ({"failure": told}, {"faults": [Fault("400-openai")]}, {}):
            async with Simulator(**({"duration": Polls(1)} | settings)) as sim:
                async with client_for(sim, observer=backend.telemetry()) as client:
                    request = GenerationRequest(PROMPT, metadata={"owner": "nobody's business"})
                    with suppress(PikaError):
                        await client.generate(request)
        assert len(backend.spans) == 6
        text = backend.everything()
        assert not any(secret in text for secret in (PROMPT, KEY, "not allowed", "business"))
        assert "/media/" not in text

    @pytest.mark.parametrize(
        ("said", "shown"), [("true", True), ("SPAN_ONLY", True), ("false", False), ("", False)]
    )
    async def test_prompts_are_told_where_the_environment_asks_for_them(
        self, backend, monkeypatch, said, shown
    ):
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", said)
        backend.telemetry()(SENT)
        telemetry = backend.telemetry()
        telemetry(SENT)
        telemetry.close()
        assert (SENT.request.prompt in backend.everything()) == shown

    def test_the_argument_wins_over_the_environment(self, backend, monkeypatch):
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
        with backend.telemetry(capture_prompts=False) as telemetry:
            telemetry(SENT)
        assert SENT.request.prompt not in backend.everything()


class TestComingBack:
    """Whoever comes back to a job links to whoever submitted it."""

    async def test_from_another_process(self, backend, tmp_path):
        async with Simulator(duration=Polls(3)) as sim:
            with shelve.open(str(tmp_path / "links")) as store:  # noqa: S301 - our own
                observer = backend.telemetry(links=store)
                async with client_for(sim, observer=observer) as client:
                    job = await client.submit(PROMPT, model="2.2")
                    assert observer.traceparent(job.id) == store[job.id]
            submit = backend.submit
            with shelve.open(str(tmp_path / "links")) as store:  # noqa: S301 - our own
                async with client_for(sim, observer=backend.telemetry(links=store)) as client:
                    await client.job(job.id).result()
                assert not dict(store)
        (link,) = backend.job.links
        assert (link.context.trace_id, link.context.span_id) == (
            submit.context.trace_id,
            submit.context.span_id,
        )
        assert (
            backend.job.attributes.items()
            >= {
                "pika.resumed": True,
                "server.address": "127.0.0.1",
                "gen_ai.response.id": job.id,
                "pika.outcome": "succeeded",
            }.items()
        )

    async def test_a_batch_that_is_run_again_with_its_journal(self, backend, tmp_path):
        links: dict[str, str] = {}
        request = GenerationRequest(PROMPT, model="2.2")
        async with Simulator(duration=Polls(50)) as sim:
            telemetry = backend.telemetry(links=links)
            async with client_for(sim, observer=telemetry) as client:
                async with Batch(client, [request], journal=tmp_path / "j"):
                    await until(lambda: sim.polls)
            telemetry = backend.telemetry(links=links)
            async with client_for(sim, observer=telemetry) as client:
                async with Batch(client, [request], journal=tmp_path / "j") as batch:
                    (result,) = [result async for result in batch]
        assert result.resumed
        left, resumed = backend.named("generate_content 2.2")
        assert (left.attributes["pika.outcome"], left.links) == ("left", ())
        assert resumed.links[0].context.span_id == backend.submit.context.span_id

    def test_in_the_same_process(self, backend):
        telemetry = backend.telemetry()
        for event in (SENT, ACCEPTED, WaitingEnded(job_id="job-1"), CHANGED, ENDED):
            telemetry(event)
        left, resumed = backend.named("generate_content")
        assert (left.attributes["pika.outcome"], left.links) == ("left", ())
        assert resumed.links[0].context.span_id == backend.submit.context.span_id
        assert resumed.attributes["pika.outcome"] == "succeeded"

    def test_a_submit_that_is_sent_again_with_its_name_links_to_the_first(self, backend):
        links: dict[str, str] = {}
        telemetry = backend.telemetry(links=links)
        telemetry(SENT)
        telemetry(SubmitUncertain(submit_id="s-1", error=LOST))
        telemetry = backend.telemetry(links=links)
        telemetry(SENT)
        telemetry(ACCEPTED)
        first, second = backend.named("pika submit")
        assert second.links[0].context.span_id == first.context.span_id
        assert list(links) == ["job-1"]

    def test_one_that_is_sent_again_in_the_same_process_needs_no_store_for_that(self, backend):
        telemetry = backend.telemetry()
        telemetry(SENT)
        telemetry(SubmitUncertain(submit_id="s-1", error=LOST))
        for event in (SENT, ACCEPTED, ENDED):
            telemetry(event)
        first, second = backend.named("pika submit")
        assert second.links[0].context.span_id == first.context.span_id
        assert not telemetry._links._known

    @pytest.mark.parametrize(
        "kept",
        [
            "",
            "00-0-0-01",
            f"00-{'0' * 32}-{'1' * 16}-01",
            f"ff-{'1' * 32}-{'1' * 16}-01",
            f"00-{'G' * 32}-{'1' * 16}-01",
            b"bytes",
            None,
        ],
    )
    def test_what_is_no_trace_context_is_no_link(self, backend, kept):
        telemetry = backend.telemetry(links={"job-1": kept})
        telemetry(CHANGED)
        telemetry(ENDED)
        assert backend.job.links == ()

    def test_a_store_that_fails_costs_the_links_and_nothing_else(self, backend):
        class Full(dict):
            def __setitem__(self, name, value):
                raise OSError("no space left")

        telemetry = backend.telemetry(links=Full())
        for event in (SENT, ACCEPTED):
            with pytest.raises(OSError, match="no space"):
                telemetry(event)
        telemetry(ENDED)
        assert [span.attributes["pika.outcome"] for span in backend.spans] == [
            "accepted",
            "succeeded",
        ]


CHANGED = StateChanged(
    job_id="job-1", previous=Queued(), state=Running(progress=5), elapsed=3.0, polls=2
)


class TestOddOrders:
    def test_a_job_that_had_ended_when_it_was_accepted(self, backend):
        fell = Failed(reason="fell")
        telemetry = backend.telemetry()
        telemetry(SENT)
        telemetry(ACCEPTED)
        telemetry(StateChanged(job_id="job-1", previous=None, state=fell, elapsed=0.0, polls=0))
        telemetry(JobEnded(job_id="job-1", state=fell, elapsed=0.0, polls=0))
        assert backend.submit.attributes["pika.outcome"] == "accepted"
        assert backend.job.attributes["pika.outcome"] == "failed"
        assert telemetry.traceparent("job-1") is None

    def test_an_end_that_is_told_again_is_one_span(self, backend):
        telemetry = backend.telemetry()
        fell = Failed(reason="fell")
        for event in (SENT, ACCEPTED, JobEnded(job_id="job-1", state=fell, elapsed=1, polls=1)):
            telemetry(event)
        telemetry(StateChanged(job_id="job-1", previous=fell, state=DONE, elapsed=2.0, polls=2))
        telemetry(ENDED)
        assert backend.job.attributes["pika.outcome"] == "failed"

    def test_a_submit_that_is_told_as_unclaimed_after_all(self, backend):
        telemetry = backend.telemetry()
        for event in (SENT, ACCEPTED, ACCEPTED, ENDED):
            telemetry(event)
        assert [event.name for event in backend.job.events] == ["pika.job.unclaimed"]

    def test_two_submits_that_name_one_job(self, backend):
        telemetry = backend.telemetry()
        for event in (
            SENT,
            evolve(SENT, submit_id="s-2"),
            ACCEPTED,
            evolve(ACCEPTED, submit_id="s-2"),
            ENDED,
        ):
            telemetry(event)
        outcomes = [span.attributes["pika.outcome"] for span in backend.named("generate_content")]
        assert outcomes == ["left", "succeeded"]


class TestBounds:
    def test_jobs_whose_end_is_never_told_do_not_pile_up(self, backend, monkeypatch):
        monkeypatch.setattr("pika_async.otel._telemetry._MOST_OPEN", 3)
        monkeypatch.setattr("pika_async.otel._links._KEPT", 3)
        telemetry = backend.telemetry()
        for number in range(9):
            telemetry(evolve(SENT, submit_id=f"s-{number}"))
            telemetry(evolve(ACCEPTED, submit_id=f"s-{number}", job_id=f"job-{number}"))
        assert len(telemetry._jobs) == 3
        assert len(telemetry._links._known) <= 3
        left = backend.named("generate_content")
        assert [span.attributes["gen_ai.response.id"] for span in left] == [
            f"job-{number}" for number in range(6)
        ]
        assert [point.value for point in backend.points("pika.client.jobs.in_flight")] == [3]

    def test_nothing_is_kept_of_what_has_ended(self, backend):
        telemetry = backend.telemetry()
        for event in (SENT, ACCEPTED, CHANGED, ENDED):
            telemetry(event)
        assert not telemetry._jobs
        assert not telemetry._submits
        assert not telemetry._links._known


class TestOddValues:
    def test_what_has_no_utf_8_is_replaced(self, backend):
        # One such text is refused by the exporter with all spans that go with it.
        odd = "j\ud83d"
        telemetry = backend.telemetry()
        telemetry(SENT)
        telemetry(evolve(ACCEPTED, job_id=odd))
        telemetry(evolve(CHANGED, job_id=odd, state=Unknown(status=odd)))
        telemetry(evolve(ENDED, job_id=odd, state=Failed(reason=odd, code=odd)))
        backend.everything().encode()
        said = backend.job.attributes
        assert (said["gen_ai.response.id"], said["pika.failure.code"]) == ("j?", "j?")

    def test_a_seed_that_the_protocol_has_no_room_for_is_left_out(self, backend):
        with backend.telemetry() as telemetry:
            for name, seed in (("s-1", 2**63 - 1), ("s-2", 2**63)):
                request = GenerationRequest("x", seed=seed)
                telemetry(evolve(SENT, request=request, submit_id=name))
        spans = backend.named("generate_content")
        seeds = [span.attributes.get("gen_ai.request.seed") for span in spans]
        assert seeds == [2**63 - 1, None]


def test_another_observer_is_told_the_same_also_where_telemetry_fails(backend):
    told = []
    telemetry = backend.telemetry(observer=told.append)
    telemetry(SENT)
    telemetry._jobs = None
    with pytest.raises(AttributeError):
        telemetry(ENDED)
    assert told == [SENT, ENDED]
