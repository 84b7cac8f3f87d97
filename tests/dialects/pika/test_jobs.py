"""Whole jobs at Pika's own API, on real sockets: one client, the simulator, and its books."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from support.batches import KEY, client_for, prompts
from support.held_loop import on_a_leaping_loop
from support.wire import wired

from pika_async import (
    APIError,
    Batch,
    Failed,
    FixedPolling,
    GenerationRequest,
    InvalidRequestError,
    JobFailedError,
    ModerationError,
    Money,
    PikaClient,
    RateLimitError,
    RetryPolicy,
    Running,
    ServerError,
    SubmissionUncertainError,
    SubmitUncertain,
    Succeeded,
    Unknown,
    run_batch,
)
from pika_async.dialects import Handle, Pika
from pika_async.simulator import Fault, Polls, Simulator
from pika_async.simulator._services.pika.answers import REFUSALS, VARIANTS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(1000)
MEANINGS = {
    "insufficient_balance": "quota",
    "cycle_limit_exceeded": "quota",
    "rate_limited": "rate_limited",
    "provider_unavailable": "unavailable",
    "membership_required": "forbidden",
}
COMPLETES = sorted(set(VARIANTS) - set(REFUSALS))


def simulator(**settings) -> Simulator:
    return Simulator(service="pika", **({"duration": Polls(2)} | settings))


def requests_of_every_kind() -> list[GenerationRequest]:
    return [
        GenerationRequest("text", duration=5, resolution="720p", seed=1),
        GenerationRequest("image", image=PNG, duration=10),
        GenerationRequest("frames", keyframes=[PNG, PNG + b"2", PNG], keyframe_seconds=3),
        GenerationRequest("addition", video=MP4, image=PNG),
        GenerationRequest("words", video=MP4),
        GenerationRequest("swap", video=MP4, region="the hat"),
        GenerationRequest("mask", video=MP4, mask=PNG, negative_prompt="rain"),
        GenerationRequest("effect", image=PNG, pikaffect="Melt"),
        GenerationRequest("Wizard Cat", video=MP4, pikaffect="Wizard Cat"),
        GenerationRequest(
            "other vendor", model="kling/kling-3/text-to-video", extra={"cfg_scale": 0.5}
        ),
    ]


class TestAJob:
    async def test_every_kind_of_request_passes_the_strict_service_and_comes_back(self, tmp_path):
        requests = requests_of_every_kind()
        async with simulator() as sim, client_for(sim) as client:
            results = await run_batch(client, requests, output_dir=tmp_path)
        assert [result.error for result in results] == [None] * len(requests)
        assert len(list(tmp_path.glob("*.mp4"))) == len(requests)
        assert len(sim.jobs) == len(requests)
        # The same bytes go up once a client.
        assert len(sim.service_at_work.uploads.stored) == 3

    @pytest.mark.parametrize("variant", COMPLETES)
    @pytest.mark.parametrize("duration", [Polls(1), Polls(3)])
    async def test_it_completes_whatever_its_documents_look_like(self, tmp_path, variant, duration):
        async with (
            simulator(duration=duration, variants=[variant]) as sim,
            wired(sim) as wire,
            client_for(sim) as client,
        ):
            done = await (await wire.submit(GenerationRequest("a cat"))).result()
            saved = await client.download(done.video, tmp_path / "a.mp4")
        assert saved.stat().st_size > 1000
        assert len(sim.jobs) == 1

    @pytest.mark.parametrize(
        "variant", ["several-videos", "mixed-outcomes", "links-expire", "odd-ids", "number-ids"]
    )
    async def test_it_completes_under_the_variants_that_every_service_has(self, tmp_path, variant):
        async with simulator(variants=[variant]) as sim, client_for(sim) as client:
            (result,) = await run_batch(client, ["a cat"], output_dir=tmp_path)
        assert result.unwrap().videos
        assert result.job_id in sim.jobs

    async def test_a_link_that_is_late_is_asked_for_apart_and_costs_few_polls(self):
        async with (
            simulator(duration=Polls(1), variants=["output-late"]) as sim,
            wired(sim) as wire,
        ):
            job = await wire.submit(GenerationRequest("a cat"))
            seen = [step.state async for step in job.transitions()]
        assert seen[-2] == Running(progress=100)
        assert isinstance(seen[-1], Succeeded)
        assert len(sim.polls) == 2

    async def test_a_new_status_is_kept_and_polled_on(self):
        async with (
            simulator(duration=Polls(3), variants=["unknown-status"]) as sim,
            wired(sim) as wire,
        ):
            job = await wire.submit(GenerationRequest("a cat"))
            seen = [step.state async for step in job.transitions()]
        assert Unknown(status="post_processing") in seen
        assert isinstance(seen[-1], Succeeded)

    @pytest.mark.parametrize("variants", [[], ["error-as-text"]])
    async def test_one_that_fails_says_why(self, variants):
        reason = "content_moderation: not allowed"
        async with simulator(failure=reason, variants=variants) as sim, wired(sim) as wire:
            job = await wire.submit(GenerationRequest("a cat"))
            kind = JobFailedError if variants else ModerationError
            with pytest.raises(kind, match="not allowed"):
                await job.result()

    @pytest.mark.parametrize("kind", ["image", "audio"])
    async def test_a_model_that_makes_no_video_gives_the_link_to_what_was_paid_for(self, kind):
        request = GenerationRequest("a cat", model=f"vendor/model/text-to-{kind}")
        async with simulator() as sim, wired(sim) as wire:
            done = await (await wire.submit(request)).result()
        assert done.video.url.startswith(sim.media_origin)

    async def test_its_id_alone_leads_back_to_it_from_anywhere(self):
        async with simulator() as sim:
            async with client_for(sim) as client:
                job_id = (await client.submit("a cat")).id
            async with client_for(sim) as another:
                assert (await another.job(job_id).result()).video

    async def test_the_key_never_reaches_the_host_of_the_files(self, tmp_path):
        async with simulator() as sim, client_for(sim) as client:
            await run_batch(client, [GenerationRequest("a cat", image=PNG)], output_dir=tmp_path)
        uploaded = sim.service_at_work.uploads.arrived
        assert len(uploaded) == 1
        assert sim.downloads
        for record in (*uploaded, *sim.downloads):
            assert KEY not in str(dict(record.headers))
            assert record.headers["User-Agent"].startswith("pika-async/")


class TestRedirects:
    @pytest.mark.parametrize("place", ["submit", "poll"])
    async def test_one_never_takes_the_key_to_another_origin(self, place):
        faults = [Fault("redirect-other-origin", on=place, times=None)]
        retry = RetryPolicy(outage_budget=0)
        async with simulator(faults=faults) as sim, wired(sim, retry=retry) as wire:
            with pytest.raises(APIError) as caught:
                await (await wire.submit(GenerationRequest("a cat"))).result()
        assert caught.value.status == 307
        assert sim.strays == []

    async def test_one_of_an_upload_is_not_followed_and_a_new_address_is_asked_for(self):
        async with simulator(faults=[Fault("307-upload")]) as sim, client_for(sim) as client:
            await client.submit(GenerationRequest("a cat", image=PNG))
        assert sim.strays == []
        assert len(sim.service_at_work.uploads.tickets) == 2


class TestAJobThatFailsAtItsSubmit:
    @pytest.mark.parametrize("variant", REFUSALS)
    async def test_it_is_one_failed_job_that_cost_nothing_and_no_second_one(self, variant):
        status, code, message = REFUSALS[variant]
        async with simulator(variants=[variant]) as sim, wired(sim) as wire:
            job = await wire.submit(GenerationRequest("a cat"))
            assert job.state == Failed(
                reason=message,
                code=code,
                meaning=MEANINGS.get(code),
                charge=Money(0),
            )
            with pytest.raises(JobFailedError):
                await job.result()
        assert [sent.status for sent in sim.submissions] == [status]
        assert list(sim.jobs) == [job.id]
        assert sim.polls == []
        assert sim.service_at_work.spent_micro_usd == 0

    @pytest.mark.parametrize("variant", REFUSALS)
    async def test_it_is_the_same_where_its_answer_was_lost(self, variant):
        async with (
            simulator(variants=[variant], faults=[Fault("closed-after")]) as sim,
            wired(sim) as wire,
        ):
            job = await wire.submit(GenerationRequest("a cat"))
        assert isinstance(job.state, Failed)
        assert (len(sim.submissions), list(sim.jobs)) == (2, [job.id])

    async def test_one_that_is_for_later_holds_back_the_submits_behind_it(self):
        """As a 429 and a 503 without a document do; one that failed otherwise holds nobody back."""
        for variant, held in (("refused-429", True), ("refused-503", True), ("refused-402", False)):
            async with simulator(variants=[variant]) as sim, wired(sim) as wire:
                for _ in range(2):
                    await wire.submit(GenerationRequest("a cat"))
            assert len(sim.submissions) == 2
            assert (sum(wire.clock.naps) >= RetryPolicy().initial) == held

    async def test_an_account_that_runs_dry_in_the_middle_pays_for_what_it_could(self):
        async with simulator() as sim, client_for(sim) as client:
            sim.service_at_work.balance_micro_usd = 3 * 200_000 + 1
            requests = [GenerationRequest(text, resolution="720p") for text in prompts(8)]
            results = await run_batch(client, requests, max_in_flight=1)
            paid = [result for result in results if result.ok]
            assert [result.state.charge for result in paid] == [Money(200_000)] * 3
            assert all(result.error is not None for result in results[3:])
        assert sim.service_at_work.spent_micro_usd == 600_000
        assert sim.service_at_work.balance_micro_usd == 1


class TestARepeatedKey:
    @pytest.mark.parametrize(
        ("settings", "state"),
        [
            ({"duration": 3600.0}, Running),
            ({"duration": 0.0}, Succeeded),
            ({"duration": 0.0, "failure": "provider_error: broke"}, Failed),
        ],
        ids=["running", "completed", "failed"],
    )
    async def test_it_names_the_first_job_in_whatever_state_that_is_by_now(self, settings, state):
        settings = {"queue": 0.0, "faults": [Fault("reset-after", times=3)], **settings}
        async with simulator(**settings) as sim, wired(sim) as wire:
            job = await wire.submit(GenerationRequest("a cat"))
        assert isinstance(job.state, state)
        assert list(sim.jobs) == [job.id]
        assert [sent.job_id for sent in sim.submissions] == [job.id] * 4

    async def test_one_that_is_done_without_a_link_is_polled_for_it(self):
        faults = [Fault("reset-after")]
        async with (
            simulator(duration=0.0, variants=["output-late"], faults=faults) as sim,
            wired(sim) as wire,
        ):
            job = await wire.submit(GenerationRequest("a cat"))
            assert job.state == Running(progress=100)
            assert (await job.result()).video.url
        assert len(sim.jobs) == 1

    @pytest.mark.parametrize("name", ["409-still-running", "409-not-begun"])
    async def test_while_the_first_call_still_runs_the_same_is_asked_until_it_is_named(self, name):
        faults = [Fault("reset-after"), Fault(name, times=12)]
        async with simulator(faults=faults) as sim, wired(sim) as wire:
            job = await wire.submit(GenerationRequest("a cat"))
            assert wire.told(SubmitUncertain) == []
        assert list(sim.jobs) == [job.id]
        assert len({sent.headers["Idempotency-Key"] for sent in sim.submissions}) == 1
        assert len(sim.submissions) == 14

    async def test_every_submit_has_a_key_of_its_own_of_a_length_that_is_allowed(self):
        async with simulator() as sim, client_for(sim) as client:
            for _ in range(3):
                await client.submit("a cat")
        keys = {sent.headers["Idempotency-Key"] for sent in sim.submissions}
        assert len(keys) == len(sim.jobs) == 3
        assert all(1 <= len(key) <= 200 for key in keys)

    async def test_a_storm_of_faults_leaves_every_prompt_with_one_job(self):
        names = ["reset-before", "reset-after", "502-html", "504-html", "truncated", "500-message"]
        faults = [Fault(name, times=None, probability=0.15) for name in names]
        async with simulator(faults=faults, seed=3) as sim, client_for(sim) as client:
            results = await run_batch(client, prompts(60))
        assert all(result.ok for result in results)
        assert {result.job_id for result in results} == set(sim.jobs)
        assert len(sim.submissions) > 100

    async def test_a_batch_that_was_left_between_post_and_answer_names_the_same_job_later(
        self, tmp_path
    ):
        image = tmp_path / "a.png"
        image.write_bytes(PNG)
        requests = [GenerationRequest("a cat", image=image)]
        journal = tmp_path / "journal"
        impatient = RetryPolicy(initial=0.0, maximum=0.0, outage_budget=0.0)
        async with simulator(faults=[Fault("closed-after")]) as sim:
            async with client_for(sim, retry=impatient) as client:
                (first,) = await run_batch(client, requests, journal=journal)
            assert isinstance(first.error, SubmissionUncertainError)
            async with client_for(sim) as client:
                (again,) = await run_batch(client, requests, journal=journal)
        assert [again.job_id] == list(sim.jobs)
        assert len(sim.service_at_work.uploads.stored) == 1
        before, after = sim.submissions
        assert before.headers["Idempotency-Key"] == after.headers["Idempotency-Key"]
        assert before.body == after.body

    async def test_a_long_prompt_is_kept_whole_so_that_its_file_need_not_go_up_again(
        self, tmp_path
    ):
        image = tmp_path / "a.png"
        image.write_bytes(PNG)
        requests = [GenerationRequest("a red panda surfs, " * 1_000, image=image)]
        journal = tmp_path / "journal"
        impatient = RetryPolicy(initial=0.0, maximum=0.0, outage_budget=0.0)
        async with simulator(faults=[Fault("closed-after")]) as sim:
            async with client_for(sim, retry=impatient) as client:
                await run_batch(client, requests, journal=journal)
            async with client_for(sim) as client:
                (again,) = await run_batch(client, requests, journal=journal)
        assert [again.job_id] == list(sim.jobs)
        assert len(sim.service_at_work.uploads.stored) == 1

    async def test_a_failed_job_is_bought_again_with_a_new_key_alone(self, tmp_path):
        journal = tmp_path / "journal"
        async with simulator(failure="provider_error: broke") as sim, client_for(sim) as client:
            await run_batch(client, ["a cat"], journal=journal)
            sim.failure = None
            (same,) = await run_batch(client, ["a cat"], journal=journal)
            assert len(sim.submissions) == 1
            assert not same.ok
            (anew,) = await run_batch(client, ["a cat"], journal=journal, retry_failed=True)
        assert anew.ok
        assert len({sent.headers["Idempotency-Key"] for sent in sim.submissions}) == 2


class TestTheLimit:
    @on_a_leaping_loop
    async def test_beyond_twenty_in_flight_submits_wait_and_none_is_given_up(self):
        async with simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            sim.service_at_work.most_in_flight = 20
            results = await run_batch(client, prompts(50), max_in_flight=50)
        assert all(result.ok for result in results)
        assert len(sim.jobs) == 50
        assert {sent.status for sent in sim.submissions} == {200, 429}

    async def test_uploads_that_count_among_them_stand_in_line_as_submits_do(self):
        # More often than a request is tried that nothing holds up.
        faults = [Fault("429-ticket", times=20)]
        async with simulator(faults=faults) as sim, wired(sim) as wire:
            await wire.submit(GenerationRequest("a cat", image=PNG))
            assert sum(wire.clock.naps) < 60
        assert len(sim.submissions) == 1

    async def test_uploads_stand_in_line_for_the_outage_budget_and_no_longer(self):
        faults = [Fault("429-ticket", times=None)]
        retry = RetryPolicy(jitter=0.0, outage_budget=60)
        async with simulator(faults=faults) as sim, wired(sim, retry=retry) as wire:
            with pytest.raises(RateLimitError, match="Nothing was started"):
                await wire.submit(GenerationRequest("a cat", image=PNG))
            assert 60 <= sum(wire.clock.naps) <= 120
        assert sim.submissions == []


class TestUploads:
    async def one(self, sim, **options):
        async with client_for(sim, **options) as client:
            return await client.submit(GenerationRequest("a cat", image=PNG))

    async def test_the_bytes_arrive_whole_and_their_address_stands_in_the_body(self):
        async with simulator() as sim:
            await self.one(sim)
            ((path, content),) = sim.service_at_work.uploads.stored.items()
            assert sim.submissions[0].body["image"] == sim.media_url + path
        assert content == PNG

    @pytest.mark.parametrize(
        "name",
        [
            "403-upload-expired",
            "500-upload",
            "reset-upload",
            "503-ticket",
            "429-ticket",
            "200-ticket-empty",
        ],
    )
    async def test_one_that_breaks_is_begun_anew_with_a_new_address(self, name):
        async with simulator(faults=[Fault(name, times=2)]) as sim, wired(sim) as wire:
            await wire.submit(GenerationRequest("a cat", image=PNG))
        uploads = sim.service_at_work.uploads
        assert list(uploads.stored.values()) == [PNG]
        assert len(sim.submissions) == 1
        # The HTTP library itself puts once more what was reset on a connection that it had kept.
        assert len(uploads.tickets) in ((2, 3) if "upload" in name else (1,))

    @pytest.mark.parametrize("name", ["413-ticket", "415-ticket", "413-upload"])
    async def test_a_file_that_is_not_taken_is_refused_and_nothing_is_submitted(self, name):
        async with simulator(faults=[Fault(name, times=None)]) as sim:
            with pytest.raises(InvalidRequestError, match="make the file smaller|convert it"):
                await self.one(sim)
        assert sim.submissions == []
        assert len(sim.service_at_work.uploads.tickets) <= 1

    @pytest.mark.parametrize(
        ("name", "cls"), [("503-ticket", ServerError), ("429-ticket", RateLimitError)]
    )
    async def test_one_that_keeps_breaking_is_an_error_that_says_nothing_was_started(
        self, name, cls
    ):
        async with simulator(faults=[Fault(name, times=None)]) as sim, wired(sim) as wire:
            with pytest.raises(cls, match="Nothing was started"):
                await wire.submit(GenerationRequest("a cat", image=PNG))
        assert sim.submissions == []

    async def test_an_address_that_has_expired_is_refused_and_a_new_one_is_asked_for(self):
        # When the address was asked for; the bytes come five minutes later.
        moments = iter([0.0, 0.0])
        async with simulator(now=lambda: next(moments, 302.0)) as sim:
            await self.one(sim)
        assert len(sim.service_at_work.uploads.tickets) == 2

    async def test_a_large_file_arrives_whole(self):
        large = MP4 + bytes(3_000_000)
        async with simulator() as sim, client_for(sim) as client:
            await client.submit(GenerationRequest("a cat", video=large))
        assert list(sim.service_at_work.uploads.stored.values()) == [large]


class TestMoney:
    async def test_the_quote_is_what_is_charged(self):
        dialect = Pika()
        async with simulator() as sim, wired(sim) as wire:
            for request in (
                GenerationRequest("a", resolution="720p"),
                GenerationRequest("a"),
                GenerationRequest("a", image="https://x.example/a.png", duration=10),
            ):
                price = await wire.api.converse(dialect.quote(wire.api.endpoint, request))
                done = await (await wire.submit(request)).result()
                assert done.charge == price
        assert sim.service_at_work.quotes[0] == "pika/pika-2.5/text-to-video"

    async def test_of_a_model_without_a_price_there_is_no_quote(self):
        request = GenerationRequest("a", model="kling/kling-3/text-to-video")
        async with simulator() as sim, wired(sim) as wire:
            quote = Pika().quote(wire.api.endpoint, request)
            assert await wire.api.converse(quote) is None

    async def test_the_balance_falls_by_what_was_charged(self):
        async with simulator() as sim, wired(sim) as wire:
            sim.service_at_work.balance_micro_usd = 1_000_000
            await (await wire.submit(GenerationRequest("a", resolution="720p"))).result()
            left = await wire.api.converse(Pika().balance(wire.api.endpoint))
        assert left == Money(800_000)

    async def test_a_charge_that_is_settled_late_is_had_by_a_later_look(self):
        async with (
            simulator(duration=Polls(1), variants=["billing-late"]) as sim,
            wired(sim) as wire,
        ):
            job = await wire.submit(GenerationRequest("a", resolution="720p"))
            assert (await job.result()).charge is None
            asked = [
                await wire.api.converse(Pika().charge(wire.api.endpoint, Handle(job.id)))
                for _ in range(2)
            ]
        assert asked == [None, Money(200_000)]


async def test_a_program_changes_its_service_by_one_variable(monkeypatch):
    monkeypatch.setenv("PIKA_SERVICE", "pika")
    monkeypatch.setenv("PIKA_API_KEY", KEY)
    async with simulator() as sim:
        monkeypatch.setenv("PIKA_BASE_URL", sim.url)
        async with PikaClient(polling=FixedPolling(0)) as client:
            assert (await client.generate("a cat")).video.url
    assert len(sim.jobs) == 1


async def test_a_batch_that_is_cancelled_reads_the_answer_and_resumes_with_the_same_job(tmp_path):
    journal = tmp_path / "journal"
    async with simulator(faults=[Fault("slow-headers", seconds=0.2)]) as sim:
        async with client_for(sim) as client:

            async def leave():
                async with Batch(client, ["a cat"], journal=journal) as batch:
                    async for _ in batch:
                        pass

            task = asyncio.create_task(leave())
            with anyio.fail_after(10):
                while not sim.submissions:
                    await anyio.lowlevel.checkpoint()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with client_for(sim) as client:
            (result,) = await run_batch(client, ["a cat"], journal=journal)
    assert [result.job_id] == list(sim.jobs)
