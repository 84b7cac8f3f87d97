"""One submit as an activity: what it writes down before it acts, and what it tells afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from socket import gethostname

import anyio
import pytest
from attrs import evolve
from support.engine import posted
from support.held_loop import on_a_leaping_loop
from temporalio.api.failure.v1 import Failure
from temporalio.client import AsyncActivityCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from pika_async import GenerationRequest, PikaClient, RetryPolicy
from pika_async._jobs.again import KEY_KEPT
from pika_async._request.fingerprint import fingerprint
from pika_async._request.record import kept_body
from pika_async.simulator import Fault, Polls, Simulator
from pika_async.temporal._blame import is_down, is_for_all, is_unknown
from pika_async.temporal._codec import to_plain
from pika_async.temporal._contents.discreet import restored
from pika_async.temporal._contents.files import read_page, write_pages
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._converter import PIKA_DATA_CONVERTER
from pika_async.temporal._engine_record import LATEST
from pika_async.temporal._failures import Told, as_failure
from pika_async.temporal._records import Accepted, Leaving, Line, Lost, Order, Said
from pika_async.temporal._store.store import open_store
from pika_async.temporal._submitting import Submitting
from pika_async.temporal._verdict import Cause

REQUEST = GenerationRequest("a red panda")


class Engine:
    """Takes heartbeats as a Temporal client does; ``does`` is done at each, by number from 0."""

    def __init__(self):
        self.records = []
        self.does = {}

    def get_async_activity_handle(self, *, task_token):
        return self

    async def heartbeat(self, record):
        does = self.does.get(len(self.records))
        self.records.append(record)
        if does is not None:
            await does()


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


class Scene:
    def __init__(self, sim, client, clock):
        self.sim, self.clock, self.engine = sim, clock, Engine()
        self.activities = Submitting(client, Shelf(), now=clock)
        self.environment = ActivityEnvironment(client=self.engine)

    async def submit(self, request=REQUEST, *, again=None, run_id=None):
        run_id = run_id or self.environment.info.workflow_run_id
        order = Order(request=request, run_id=run_id, again=again)
        return await self.environment.run(self.activities.submit, order)

    async def failure(self, *args, **kwargs):
        with pytest.raises(ApplicationError) as caught:
            await self.submit(*args, **kwargs)
        assert caught.value.non_retryable
        return caught.value.type, caught.value.details[0]


@asynccontextmanager
async def scene(service="gateway", *faults, request_timeout=30.0, observer=None, **settings):
    clock = Clock()
    async with Simulator(service=service, duration=Polls(1), faults=faults, **settings) as sim:
        async with PikaClient(
            "key",
            base_url=sim.url,
            dialect=sim.dialect,
            request_timeout=request_timeout,
            retry=RetryPolicy(attempts=1, outage_budget=0.0),
            observer=observer,
        ) as client:
            yield Scene(sim, client, clock)


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_it_is_written_down_before_the_post_and_before_anyone_is_told(service):
    async with scene(service) as at:
        sent = []

        async def note():
            sent.append(len(at.sim.submissions))

        at.engine.does = {0: note, 1: note}
        job = await at.submit()
        leaving, accepted = at.engine.records
    assert sent == [0, 1]
    assert isinstance(leaving, Leaving)
    assert leaving.fingerprint == fingerprint(REQUEST)
    assert (leaving.repeatable, leaving.searchable) == (service == "pika", service == "fal")
    assert accepted == job
    assert job == Accepted(
        job_id=job.job_id,
        sent_at=leaving.sent_at,
        hints=job.hints,
        service=service,
        base_url=leaving.intent.base_url,
    )
    assert list(at.sim.jobs) == [job.job_id]


@pytest.mark.parametrize(
    "refusal",
    [
        RPCError("the attempt is over", RPCStatusCode.NOT_FOUND, b""),
        RPCError("no engine", RPCStatusCode.UNAVAILABLE, b""),
        AsyncActivityCancelledError(),
    ],
)
async def test_what_the_engine_does_not_take_is_not_sent(refusal):
    async def refuse():
        raise refusal

    async with scene() as at:
        at.engine.does = {0: refuse}
        kind, said = await at.failure()
        assert (kind, said.sent) == ("pika.not_started", None)
        assert at.sim.submissions == []


async def test_a_job_that_the_engine_does_not_take_is_told_all_the_same():
    async def refuse():
        raise RPCError("no engine", RPCStatusCode.UNAVAILABLE, b"")

    async with scene() as at:
        at.engine.does = {1: refuse}
        job = await at.submit()
        assert [job.job_id] == list(at.sim.jobs)


async def test_a_machine_that_stood_still_after_the_record_sends_nothing():
    async with scene() as at:

        async def stand_still():
            at.clock.seconds += LATEST + 1

        at.engine.does = {0: stand_still}
        kind, said = await at.failure()
        assert (kind, said.sent) == ("pika.not_started", None)
        assert at.sim.submissions == []


@pytest.mark.parametrize(
    ("service", "fault", "kind", "posts"),
    [
        ("gateway", Fault("429-openai", retry_after=7), "pika.not_started", 1),
        ("gateway", Fault("reset-after"), "pika.lost", 1),
        ("gateway", Fault("502-html"), "pika.lost", 1),
        ("gateway", Fault("403-quota-not-enough"), "pika.refused", 1),
        ("pika", Fault("reset-after"), "pika.lost", 1),
        ("fal", Fault("reset-after"), "pika.lost", 1),
    ],
    ids=str,
)
async def test_one_post_an_attempt_and_what_came_of_it(service, fault, kind, posts):
    async with scene(service, fault) as at:
        told, said = await at.failure()
        assert (told, len(at.sim.submissions)) == (kind, posts)
        assert (said.sent is not None) == (kind == "pika.lost")
        assert said.seconds == fault.retry_after
        assert said.meaning


async def test_a_service_that_is_not_reached_is_tried_later():
    async with scene() as at:
        async with at.sim.unreachable():
            assert (await at.failure())[0] == "pika.not_started"


@pytest.fixture
def picture(tmp_path):
    """The path of an image, and a request that has it."""
    path = tmp_path / "start.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    return path, GenerationRequest("a", image=path)


async def test_what_is_not_allowed_is_refused_and_nothing_is_written_down(picture):
    """Whichever worker takes it: the file is no image any more."""
    path, request = picture
    path.write_text("a list of things to do")
    async with scene() as at:
        kind, said = await at.failure(request)
        assert (kind, said.error) == ("pika.refused", "FieldError")
        assert (at.engine.records, at.sim.submissions) == ([], [])


@pytest.mark.parametrize("lacks", ["file", "folder", "permission"])
async def test_a_file_that_this_machine_cannot_read_is_left_to_other_workers(
    lacks, picture, monkeypatch
):
    """It says nothing of the request; who reads it learns which machine lacks what."""
    path, request = picture
    match lacks:
        case "file":
            path.unlink()
        case "folder":
            path.parent.rename(path.parent.with_name("elsewhere"))
        case _:
            opens = type(path).open

            def refuse(self, *args, **kwargs):
                if self == path:
                    raise PermissionError(13, "Permission denied", str(path))
                return opens(self, *args, **kwargs)

            monkeypatch.setattr(type(path), "open", refuse)
    async with scene() as at:
        kind, said = await at.failure(request)
        assert (kind, said.sent) == ("pika.not_started", None)
        assert (at.engine.records, at.sim.submissions) == ([], [])
    assert str(path) in said.meaning
    assert gethostname() in said.meaning
    assert "mount its folder on that machine, or stop the worker there" in said.meaning


@pytest.mark.parametrize("changed", [{"attempt": 2}, {"workflow_run_id": "after a reset"}])
async def test_an_attempt_of_a_workflow_that_was_begun_anew_sends_nothing(changed):
    async with scene() as at:
        run_id = at.environment.info.workflow_run_id
        at.environment.info = dataclasses.replace(at.environment.info, **changed)
        kind, _ = await at.failure(run_id=run_id)
        assert (kind, at.engine.records, at.sim.submissions) == ("pika.reset", [], [])


async def test_where_the_service_knows_keys_the_same_is_sent_again_and_names_the_job():
    async with scene("pika", Fault("reset-after", started=True)) as at:
        _, said = await at.failure()
        job = await at.submit(again=said.sent)
        assert list(at.sim.jobs) == [job.job_id]
        one, other = at.sim.submissions
        assert one.headers["Idempotency-Key"] == other.headers["Idempotency-Key"]
        assert at.engine.records[-2].sent_at == said.sent.sent_at


async def test_a_refusal_of_the_second_does_not_undo_the_first():
    faults = (Fault("reset-after"), Fault("429-retry-after-seconds", retry_after=3))
    async with scene("pika", *faults) as at:
        _, first = await at.failure()
        kind, said = await at.failure(again=first.sent)
        assert (kind, said.sent) == ("pika.lost", first.sent)


async def test_a_key_that_the_service_may_have_forgotten_is_not_sent_again():
    async with scene("pika", Fault("reset-after")) as at:
        _, said = await at.failure()
        old = evolve(said.sent, sent_at=datetime.now(UTC) - KEY_KEPT - timedelta(seconds=1))
        assert (await at.failure(again=old))[0] == "pika.lost"
        assert len(at.sim.submissions) == 1


async def test_a_lost_job_is_found_in_a_history():
    async with scene("fal", Fault("reset-after", started=True)) as at:
        _, said = await at.failure()
        lost = Lost(request=REQUEST, sent=said.sent)
        job = await at.environment.run(at.activities.find, lost)
        assert [job.job_id] == list(at.sim.jobs)


async def test_with_a_seed_of_ones_own_it_cannot_be_told_from_its_equals():
    async with scene("fal", Fault("reset-after", started=True)) as at:
        _, said = await at.failure(GenerationRequest("a red panda", seed=7))
        assert not said.sent.searchable


@pytest.mark.parametrize(
    ("fault", "told"),
    [(Fault("slow-headers", seconds=0.4), "accepted"), (Fault("slow-headers", seconds=60), "lost")],
)
@on_a_leaping_loop
async def test_a_worker_that_is_stopped_reads_the_answer_first(fault, told):
    async with scene("gateway", fault, request_timeout=1.5) as at:
        left = asyncio.Event()

        async def note():
            left.set()

        at.engine.does = {0: note}
        task = asyncio.create_task(at.submit())
        await left.wait()
        await posted(at.sim)
        task.cancel()
        if told == "accepted":
            assert [(await task).job_id] == list(at.sim.jobs)
        else:
            with pytest.raises(ApplicationError) as caught:
                await task
            assert caught.value.type == "pika.lost"


async def test_one_that_is_stopped_before_it_writes_anything_sends_nothing():
    async with scene() as at:
        asked = asyncio.Event()

        async def refuse_late():
            asked.set()
            await anyio.sleep(0.05)
            raise RPCError("the attempt is over", RPCStatusCode.NOT_FOUND, b"")

        at.engine.does = {0: refuse_late}
        task = asyncio.create_task(at.submit())
        await asked.wait()
        task.cancel()
        with pytest.raises(ApplicationError) as caught:
            await task
        assert caught.value.type == "pika.not_started"
        assert at.sim.submissions == []


async def line_of(folder, request):
    """That request as the first line of a campaign."""
    manifest = await write_pages(open_store(folder), [request])
    return Line(store=str(folder), digest=manifest.digest, page=0, place=0, index=0)


OWN = GenerationRequest('a "violet" hippopotamus, фиолетовый', negative_prompt="no grey elephant")


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_of_a_line_of_a_campaign_the_record_holds_no_word_of_its_prompt(service, tmp_path):
    """Who may read the engine may not read the store."""
    async with scene(service) as at:
        line = await line_of(tmp_path, OWN)
        job = await at.submit(line)
        told = json.dumps([to_plain(record) for record in at.engine.records], ensure_ascii=False)
    assert list(at.sim.jobs) == [job.job_id]
    for word in ("hippopotamus", "violet", "elephant", "фиолетовый"):
        assert word not in told


SIGNED = "https://bucket.example/panda.png?X-Amz-Signature=5ecre7&Expires=17"
SECRETIVE = GenerationRequest(
    "a red panda",
    image=SIGNED,
    extra={"callback": {"token": "t0k-é", "account": 90210447}, "keys": ["k3y-own", 0.61803399]},
)
SECRETS = ("5ecre7", "X-Amz", "panda.png", "t0k-", "90210447", "k3y-own", "61803399", "callback")


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_of_a_line_of_a_campaign_the_record_holds_nothing_of_its_links_and_of_extra(
    service, tmp_path
):
    """A signed link is a key for whoever reads it, and what extra holds nobody knows."""
    async with scene(service, Fault("reset-after", started=True)) as at:
        line = await line_of(tmp_path, SECRETIVE)
        _, said = await at.failure(line)
        told = json.dumps([to_plain(record) for record in at.engine.records], ensure_ascii=False)
        assert [word for word in SECRETS if word in told] == []
        assert "5ecre7" in str(at.sim.submissions[0].body)
    (read,) = await read_page(open_store(tmp_path), 0)
    assert kept_body(restored(said.sent.intent, read)) is not None


async def test_a_refusal_that_quotes_a_signed_link_or_extra_is_told_without_them(tmp_path):
    """Also a link that the service has made itself."""
    said = f"cannot load {SIGNED}, nor https://u:pw9@cdn.example/x.mp4?sig=a1b2c3: k3y-own"
    quoting = {"error": {"message": said, "type": "invalid_request_error"}}
    async with scene("gateway", Fault("custom", status=400, body=quoting)) as at:
        _, told = await at.failure(await line_of(tmp_path, SECRETIVE))
    assert "cannot load" in told.meaning
    assert "bucket.example/panda.png?…" in told.meaning
    assert "cdn.example/x.mp4?…" in told.meaning
    assert [w for w in ("5ecre7", "X-Amz", "k3y-own", "a1b2c3", "pw9") if w in told.meaning] == []


async def test_of_a_line_that_is_refused_the_engine_is_told_no_word_of_its_prompt(tmp_path):
    """The service quotes it, and an error that has led to another one is kept with it."""
    quoting = {"error": {"message": f"not allowed: {OWN.prompt}", "type": "invalid_request_error"}}
    async with scene("gateway", Fault("custom", status=400, body=quoting)) as at:
        line = await line_of(tmp_path, OWN)
        with pytest.raises(ApplicationError) as caught:
            await at.submit(line)
    failure = Failure()
    converter = PIKA_DATA_CONVERTER
    converter.failure_converter.to_failure(caught.value, converter.payload_converter, failure)
    assert "not allowed" in str(failure)
    for word in ("hippopotamus", "violet"):
        assert word not in str(failure)


async def test_a_line_that_cannot_be_read_is_not_started(tmp_path):
    """The store is away for a while; the line is tried again when it is back."""
    async with scene() as at:
        line = await line_of(tmp_path / "store", OWN)
        (tmp_path / "store").rename(tmp_path / "away")
        kind, said = await at.failure(line)
        assert (kind, said.sent, at.sim.submissions) == ("pika.not_started", None, [])
        (tmp_path / "away").rename(tmp_path / "store")
        assert (await at.submit(line)).job_id in at.sim.jobs


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
@pytest.mark.parametrize("now", [b"\x89PNG\r\n\x1a\nanother", b"half a copy, or none", b""])
async def test_a_file_that_was_exchanged_since_its_campaign_was_prepared_is_not_sent(
    service, now, tmp_path
):
    """Nor is its prompt refused, whatever is there now: another machine may have the file."""
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    async with scene(service) as at:
        line = await line_of(tmp_path / "store", GenerationRequest("a red panda", image=path))
        path.write_bytes(now)
        kind, said = await at.failure(line)
        assert (kind, said.error, said.sent) == ("pika.not_started", "FieldError", None)
        assert at.sim.submissions == []
        for told in (str(path), gethostname(), "another file than was prepared"):
            assert told in said.meaning
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
        assert (await at.submit(line)).job_id in at.sim.jobs


async def test_a_worker_that_sees_the_pages_of_another_campaign_submits_none_of_them(tmp_path):
    """A folder of that name is on each machine, and they are not the same one."""
    async with scene() as at:
        line = await line_of(tmp_path / "one", OWN)
        other = await line_of(tmp_path / "two", REQUEST)
        kind, said = await at.failure(evolve(line, store=other.store))
        assert (kind, at.sim.submissions) == ("pika.not_started", [])
        assert "pages of another campaign" in said.meaning


async def test_a_line_is_sent_again_under_its_key_with_the_same_body(tmp_path):
    """Its gaps are filled from the page."""
    async with scene("pika", Fault("reset-after", started=True)) as at:
        line = await line_of(tmp_path, OWN)
        kind, said = await at.failure(line)
        assert kind == "pika.lost"
        job = await at.submit(line, again=said.sent)
        assert list(at.sim.jobs) == [job.job_id]
        first, second = at.sim.submissions
    assert first.body == second.body


async def test_a_lost_line_is_found_in_a_history_by_what_was_drawn_for_it(tmp_path):
    """The seed stands in the body that was kept."""
    async with scene("fal", Fault("reset-after", started=True)) as at:
        line = await line_of(tmp_path, OWN)
        _, said = await at.failure(line)
        lost = Lost(request=line, sent=said.sent)
        found = await at.environment.run(at.activities.find, lost)
    assert [found.job_id] == list(at.sim.jobs)


async def test_a_refusal_that_quotes_the_prompt_is_told_without_it(tmp_path):
    """A failure of an activity stands in the history."""
    message = {"error": {"message": f"not allowed: {OWN.prompt}", "code": "bad_prompt"}}
    async with scene("gateway", Fault("custom", status=400, body=message)) as at:
        kind, said = await at.failure(await line_of(tmp_path, OWN))
    assert kind == "pika.refused"
    assert "not allowed" in said.meaning
    assert "hippopotamus" not in said.meaning


async def test_while_the_service_wants_none_a_submit_is_told_so_and_does_not_wait():
    """Whoever only waits is counted as lost after its time."""
    async with scene("gateway", Fault("429-openai", retry_after=30)) as at:
        kind, said = await at.failure()
        assert (kind, said.seconds) == ("pika.not_started", 30)
        kind, said = await at.failure()
        assert kind == "pika.not_started"
        assert said.seconds > 20
        assert len(at.sim.submissions) == 1


def test_a_failure_is_never_repeated_by_the_engine():
    for cause in Cause:
        assert as_failure(cause, Said(error="", meaning="")).non_retryable


class Numbering:
    """An observer that numbers the submits."""

    def __init__(self):
        self.earlier, self.told = [], []

    def __call__(self, event):
        self.told.append(event)

    def submit_origin(self, *, earlier, **_):
        self.earlier.append(earlier)
        return f"mine: {len(self.earlier)}"


class TestOrigins:
    """What the worker's observer calls a submit is in both records, and goes with the job."""

    async def test_it_is_in_both_records_and_in_what_the_workflow_is_told(self):
        async with scene(observer=Numbering()) as at:
            job = await at.submit()
            leaving, accepted = at.engine.records
        assert (leaving.intent.origin, accepted.origin, job.origin) == ("mine: 1",) * 3

    async def test_a_submit_that_is_repeated_with_its_key_is_told_the_first(self):
        observer = Numbering()
        lost = Fault("reset-after", started=True)
        async with scene("pika", lost, observer=observer) as at:
            _, said = await at.failure()
            job = await at.submit(again=said.sent)
        assert (said.sent.intent.origin, job.origin) == ("mine: 1", "mine: 2")
        assert observer.earlier == [None, "mine: 1"]

    async def test_a_job_that_is_found_has_that_of_the_submit_that_was_lost(self):
        lost = Fault("reset-after", started=True)
        async with scene("fal", lost, observer=Numbering()) as at:
            _, said = await at.failure()
            found = await at.environment.run(
                at.activities.find, Lost(request=REQUEST, sent=said.sent)
            )
        assert found.origin == "mine: 1"

    async def test_without_an_observer_the_engine_is_told_nothing_more_than_before(self):
        async with scene() as at:
            await at.submit()
        assert not any("origin" in json.dumps(to_plain(one)) for one in at.engine.records)


@pytest.mark.parametrize(
    ("variant", "cause", "error"),
    [
        ("refused-402", Cause.REFUSED, "QuotaExceededError"),
        ("refused-200", Cause.REFUSED, "QuotaExceededError"),
        ("refused-429", Cause.NOT_STARTED, "RateLimitError"),
        ("refused-503", Cause.REFUSED, "ServerError"),
        ("refused-plan", Cause.REFUSED, "PermissionDeniedError"),
    ],
)
async def test_a_job_that_is_refused_for_the_sake_of_the_account_is_no_end_of_the_request(
    variant, cause, error
):
    """It cost nothing: one that is empty, or may not, pauses a campaign; others are tried again."""
    async with scene("pika", variants=[variant]) as at:
        kind, said = await at.failure()
    assert (kind, said.error, said.answered, said.sent) == (f"pika.{cause}", error, True, None)
    told = re.fullmatch(r"The job was not begun: .*\w\. Nothing is charged\.", said.meaning)
    assert told, said.meaning


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        *(("gateway", name) for name in ("401-new-api-error", "401-quota-used-up")),
        *(("gateway", name) for name in ("403-forbidden", "403-fail-to-fetch-task")),
        *(("gateway", name) for name in ("402-quota-not-enough", "403-quota-not-enough")),
        *(("pika", name) for name in ("401-unknown-key", "403-inactive-key", "402-balance")),
        *(("fal", name) for name in ("401-detail", "403-detail", "403-admin-lock", "403-locked")),
        *((name, "403-challenge") for name in ("gateway", "pika", "fal")),
        *((name, "401-empty") for name in ("gateway", "pika", "fal")),
    ],
)
async def test_what_is_refused_for_the_sake_of_the_key_is_wrong_for_all(service, fault):
    """At each service it pauses a campaign, which fails no prompt for it."""
    async with scene(service, Fault(fault)) as at:
        kind, said = await at.failure()
        assert (kind, len(at.sim.jobs)) == (f"pika.{Cause.REFUSED}", 0)
    assert is_for_all(Told(cause=Cause.REFUSED, record=None, said=said))


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        *(("gateway", name) for name in ("400-invalid-request", "422-detail")),
        *(("pika", "422-message"), ("fal", "422-array")),
        *(("gateway", name) for name in ("200-success-false", "200-error", "200-code")),
    ],
)
async def test_what_is_refused_for_the_sake_of_the_request_is_not(service, fault):
    async with scene(service, Fault(fault)) as at:
        kind, said = await at.failure()
    assert kind == f"pika.{Cause.REFUSED}"
    told = Told(cause=Cause.REFUSED, record=None, said=said)
    assert not is_for_all(told)
    assert not is_down(told)
    assert not is_unknown(told)


@pytest.mark.parametrize(
    ("service", "fault"),
    [
        *((name, "404-html") for name in ("gateway", "pika", "fal")),
        *((name, "404-empty") for name in ("gateway", "pika", "fal")),
        *(("gateway", "404-wrong-path"), ("pika", "404-message"), ("fal", "404-detail")),
    ],
)
async def test_what_the_service_does_not_know_says_nothing_of_the_prompt(service, fault):
    """Many in a row pause a campaign: its workers have a wrong base URL."""
    async with scene(service, Fault(fault)) as at:
        kind, said = await at.failure()
        assert (kind, len(at.sim.jobs)) == (f"pika.{Cause.REFUSED}", 0)
    assert is_unknown(Told(cause=Cause.REFUSED, record=None, said=said))
