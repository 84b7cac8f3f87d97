"""fal's queue on real sockets: results, addresses, files and lost jobs. Waits take no time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.batches import client_for
from support.held_loop import on_a_leaping_loop
from support.wire import KEY, Wired, wired

from pika_async import (
    FixedPolling,
    GenerationRequest,
    JobFailedError,
    ModerationError,
    Money,
    NotFoundError,
    PermissionDeniedError,
    PikaClient,
    PikaError,
    RetryPolicy,
    SubmissionUncertainError,
    Succeeded,
    run_batch,
)
from pika_async._wire.departure import Departure
from pika_async.dialects import Fal, Handle, Lost
from pika_async.simulator import Fault, Polls, Simulator
from pika_async.simulator._catalogue import faults_of
from pika_async.simulator._services.fal.service import Fal as FalService

REQUEST = GenerationRequest("a red panda surfing")
FAL = Fal()
PNG = b"\x89PNG\r\n\x1a\n" + bytes(600)

# What a result is answered with, and the job has failed; every other fault is looked at again.
FINAL = {
    "400-bad-request",
    "422-array",
    "422-text",
    "422-content-policy",
    "500-error-type",
    "503-runner",
    "504-runner",
}
AT_RESULT = {
    name: row
    for name, row in faults_of(FalService).items()
    if "result" in row.places and name != "custom"
}


def simulator(**settings: Any) -> Simulator:
    return Simulator(service="fal", **{"duration": Polls(2), **settings})


async def finished(wire: Wired, request: GenerationRequest = REQUEST) -> Succeeded:
    return await (await wire.submit(request)).result()


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("name", sorted(AT_RESULT.keys() - FINAL))
@on_a_leaping_loop
async def test_a_result_that_goes_wrong_is_asked_for_again(name: str, times: int) -> None:
    faults = [Fault(name, on="result", times=times)]
    async with (
        simulator(faults=faults) as sim,
        wired(sim) as before,
        # Seconds of a clock that leaps over silence, and stands still else.
        wired(sim, request_timeout=1.0) as wire,
    ):
        job_id = (await before.submit(REQUEST)).id
        assert (await wire.job(job_id).result()).video.url
        assert len(sim.submissions) == 1


@pytest.mark.parametrize("name", sorted(FINAL))
async def test_a_result_that_says_why_it_failed_is_the_end(name: str) -> None:
    async with simulator(faults=[Fault(name, on="result")]) as sim, wired(sim) as wire:
        with pytest.raises(JobFailedError) as caught:
            await finished(wire)
        assert isinstance(caught.value, ModerationError) == (name == "422-content-policy")
        assert (len(sim.submissions), len(sim.polls)) == (1, 2)


@pytest.mark.parametrize("name", ["result-404", "result-405", "result-413", "502-html"])
async def test_a_result_that_is_nowhere_leaves_the_job_paid_for_and_not_failed(name) -> None:
    faults = [Fault(name, on="result", times=None)]
    retry = RetryPolicy(outage_budget=0)
    async with simulator(faults=faults) as sim, wired(sim, retry=retry) as wire:
        job = await wire.submit(REQUEST)
        with pytest.raises(PikaError) as caught:
            await job.result()
        assert not isinstance(caught.value, JobFailedError)
        assert caught.value.job_id == job.id
        sim.faults.clear()
        assert (await wire.job(job.id).result()).video


@pytest.mark.parametrize(
    "variants",
    [
        ("submit-bare",),
        ("urls-missing",),
        ("urls-full-path",),
        ("urls-with-tail",),
        ("urls-elsewhere",),
        ("status-202",),
        ("back-in-queue",),
        ("unknown-status",),
        ("result-early",),
        ("video-null-first",),
        ("result-nulls",),
        ("result-images",),
        ("big-headers",),
        ("odd-ids",),
        ("number-ids",),
        ("several-videos",),
        ("lagging",),
        ("urls-full-path", "result-early", "status-202", "big-headers"),
        ("urls-elsewhere", "odd-ids", "video-null-first"),
    ],
    ids="+".join,
)
async def test_a_job_completes_in_every_spelling_that_is_known(variants: tuple[str, ...]) -> None:
    async with simulator(duration=Polls(5), variants=variants) as sim, wired(sim) as wire:
        job = await wire.submit(REQUEST)
        done = await job.result()
        assert done.video.url.startswith(sim.media_url)
        # Its id alone leads to it, from anywhere.
        assert (await wire.job(job.id).refresh()) == done
        assert len(sim.submissions) == 1
        assert sim.strays == []


@pytest.mark.parametrize("variants", [(), ("error-untold",)])
@pytest.mark.parametrize(
    ("form", "kind"),
    [
        (None, JobFailedError),
        ("failed-text", JobFailedError),
        ("failed-policy", ModerationError),
        ("failed-infrastructure", JobFailedError),
    ],
)
async def test_a_job_that_failed_says_why_in_every_form(form, kind, variants) -> None:
    variants = [*variants, *([form] if form else [])]
    async with simulator(failure="the hat is too big", variants=variants) as sim:
        async with wired(sim) as wire:
            with pytest.raises(JobFailedError, match="the hat is too big") as caught:
                await finished(wire)
    assert type(caught.value) is kind


async def test_a_body_is_looked_at_when_the_job_runs_and_refused_as_a_failure() -> None:
    request = GenerationRequest("x", extra={"duration": 7})
    async with simulator() as sim, wired(sim) as wire:
        with pytest.raises(JobFailedError, match="duration: Input should be one of"):
            await finished(wire, request)
        assert len(sim.jobs) == 1


async def test_every_kind_of_request_is_a_body_that_its_endpoint_takes() -> None:
    image, video = "https://host.example/a.png", "https://host.example/a.mp4"
    requests = [
        GenerationRequest("x", aspect_ratio="16:9", resolution="1080p", duration=10),
        GenerationRequest("x", model="2.5", resolution="480p"),
        GenerationRequest("x", image=image, model="2-turbo"),
        GenerationRequest("x", ingredients=[image, image], ingredients_mode="precise"),
        GenerationRequest("x", keyframes=[image, image, image], keyframe_seconds=[3, 4]),
        GenerationRequest("x", image=image, pikaffect="Melt"),
        GenerationRequest("x", image=image, video=video),
        GenerationRequest("x", video=video, region="the hat"),
        GenerationRequest("x", model="fal-ai/pika/v2.2/text-to-video", extra={"duration": 5}),
    ]
    async with simulator(duration=Polls(1)) as sim, wired(sim) as wire:
        for request in requests:
            assert (await finished(wire, request)).video.url
        assert len(sim.jobs) == len(requests)


@pytest.mark.parametrize("name", ["500-names-job", "503-names-job", "200-names-job"])
async def test_a_failed_answer_that_names_the_job_is_settled_by_one_look(name: str) -> None:
    async with simulator(faults=[Fault(name)]) as sim, wired(sim) as wire:
        job = await wire.submit(REQUEST)
        assert [job.id] == list(sim.jobs)
        assert (len(sim.submissions), len(sim.polls)) == (1, 1)
        assert (await job.result()).video


@pytest.mark.parametrize("name", ["500-names-job", "503-names-job", "200-names-job"])
async def test_where_that_look_fails_the_uncertain_submit_knows_the_id(name: str) -> None:
    faults = [Fault(name), Fault("502-html", on="poll")]
    async with simulator(faults=faults) as sim, wired(sim) as wire:
        with pytest.raises(SubmissionUncertainError) as caught:
            await wire.submit(REQUEST)
        assert [caught.value.job_id] == list(sim.jobs)
        assert len(sim.submissions) == 1
        assert (await wire.job(str(caught.value.job_id)).result()).video


async def test_a_program_needs_nothing_but_the_environment(monkeypatch, tmp_path) -> None:
    async with simulator() as sim:
        monkeypatch.setenv("PIKA_SERVICE", "fal")
        monkeypatch.setenv("FAL_QUEUE_RUN_HOST", sim.url)
        monkeypatch.setenv("FAL_KEY_ID", "id")
        monkeypatch.setenv("FAL_KEY_SECRET", KEY)
        async with PikaClient(polling=FixedPolling(0)) as client:
            done = await client.generate(GenerationRequest("a panda", image=PNG))
            await client.download(done.video, tmp_path / "panda.mp4")
        (submission,) = sim.submissions
        assert submission.headers["Authorization"] == f"Key id:{KEY}"


async def test_a_batch_makes_one_job_a_prompt_whatever_goes_wrong_on_the_way(tmp_path) -> None:
    faults = [
        Fault("429-detail", times=5, probability=0.3),
        Fault("403-locked", on="poll", times=None, probability=0.1),
        Fault("result-405", on="result", times=None, probability=0.2),
        Fault("502-html", on="result", times=None, probability=0.2),
        Fault("cut", times=None, probability=0.2),
    ]
    variants = {"urls-full-path": 0.5, "back-in-queue": 0.5, "result-early": 0.5}
    async with simulator(duration=Polls(4), faults=faults, variants=variants) as sim:
        async with client_for(sim) as client:
            results = await run_batch(
                client,
                [f"prompt {number}" for number in range(30)],
                journal=tmp_path / "batch.journal",
                output_dir=tmp_path,
            )
            again = await run_batch(
                client,
                [f"prompt {number}" for number in range(30)],
                journal=tmp_path / "batch.journal",
                output_dir=tmp_path,
            )
        assert all(result.ok for result in [*results, *again])
        assert len(sim.jobs) == 30


async def test_a_lost_job_of_any_endpoint_is_found_and_come_back_to_where_it_was_made(tmp_path):
    request = GenerationRequest("x", model="owner/other/v1/text")
    runs = []
    async with simulator(faults=[Fault("reset-after")]) as sim:
        for timeout in (1200, 0, 1200):
            async with client_for(sim) as client:
                (result,) = await run_batch(
                    client, [request], journal=tmp_path / "j", timeout=timeout
                )
            runs.append("ok" if result.ok else type(result.error).__name__)
        assert runs == ["SubmissionUncertainError", "JobTimeoutError", "ok"]
        assert len(sim.jobs) == 1


async def test_a_job_of_any_endpoint_is_waited_for_where_it_was_made() -> None:
    request = GenerationRequest("x", model="workflows/me/mine/run", extra={"steps": 5})
    async with simulator() as sim, wired(sim) as wire:
        assert (await finished(wire, request)).video.url
        assert sim.submissions[0].body == {"prompt": "x", "steps": 5}


async def test_equal_prompts_have_seeds_of_their_own() -> None:
    async with simulator() as sim, wired(sim) as wire:
        for _ in range(3):
            await wire.submit(REQUEST)
        seeds = {submission.body["seed"] for submission in sim.submissions}
        assert len(seeds) == 3


class TestDrawnSeeds:
    """fal tells no seed of most videos, and the one that was sent is a known fact."""

    async def test_the_seed_that_was_drawn_is_that_of_the_video(self) -> None:
        async with simulator() as sim, wired(sim) as wire:
            video = (await finished(wire)).video
            assert video.seed == sim.submissions[0].body["seed"]

    async def test_a_run_that_resumes_the_job_knows_it_too(self, tmp_path) -> None:
        journal = tmp_path / "run.journal"
        async with simulator(duration=Polls(10**6)) as sim, client_for(sim) as client:
            await run_batch(client, ["x"], journal=journal, timeout=0)
            for job in sim.jobs.values():
                job.duration = Polls(1)
            (result,) = await run_batch(client, ["x"], journal=journal)
            assert result.unwrap().video.seed == sim.submissions[0].body["seed"]
            assert len(sim.submissions) == 1

    async def test_a_lost_job_that_is_found_in_the_history_has_it_too(self) -> None:
        faults = [Fault("reset-after", times=1)]
        async with simulator(faults=faults) as sim, client_for(sim) as client:
            with pytest.raises(SubmissionUncertainError) as caught:
                await client.submit("x")
            job = await client.find(caught.value)
            assert job is not None
            assert (await job.result()).video.seed == sim.submissions[0].body["seed"]

    async def test_of_a_job_that_is_known_by_its_id_alone_there_is_none(self) -> None:
        async with simulator() as sim:
            async with client_for(sim) as client:
                job_id = (await client.submit("x")).id
            async with client_for(sim) as client:
                assert (await client.job(job_id).result()).video.seed is None


class TestUploads:
    async def test_bytes_go_up_whole_and_without_the_key_and_their_address_is_sent(self) -> None:
        async with simulator() as sim, wired(sim) as wire:
            await finished(wire, GenerationRequest("x", image=PNG))
            service = sim.service_at_work
            assert isinstance(service, FalService)
            assert list(service.platform.files.values()) == [PNG]
            (submission,) = sim.submissions
            assert submission.body["image_url"].startswith(f"{sim.media_url}/files/")

    # The first request is for an address at the service, the second brings the file there.
    @pytest.mark.parametrize(
        ("name", "after"), [("upload-503", 0), ("upload-503", 1), ("upload-403", 1)]
    )
    async def test_a_file_that_does_not_go_up_is_brought_again(self, name, after) -> None:
        faults = [Fault(name, after=after, times=2)]
        async with simulator(faults=faults) as sim, wired(sim) as wire:
            await finished(wire, GenerationRequest("x", image=PNG))
            assert len(sim.submissions) == 1

    async def test_a_file_that_never_goes_up_leaves_no_submit_uncertain(self) -> None:
        faults = [Fault("upload-503", times=None)]
        async with simulator(faults=faults) as sim, wired(sim) as wire:
            with pytest.raises(PikaError, match="Nothing was started"):
                await wire.submit(GenerationRequest("x", image=PNG))
            assert sim.submissions == []


async def test_media_are_fetched_without_the_key(tmp_path) -> None:
    variants = ["links-refuse-keys", "links-expire"]
    async with simulator(variants=variants) as sim, client_for(sim) as client:
        done = await client.generate("a red panda surfing")
        path = await client.download(done.video, tmp_path / "panda.mp4")
        assert path.stat().st_size > 1000
        assert all("Authorization" not in download.headers for download in sim.downloads)


class TestCancel:
    async def cancelled(self, wire: Wired, job_id: str) -> bool:
        return await wire.api.converse(FAL.cancel(wire.api.endpoint, Handle(job_id)))

    @pytest.mark.parametrize("variants", [(), ("cancel-202",)])
    async def test_a_queued_job_is_asked_to_stop_and_then_it_has_failed(self, variants) -> None:
        async with (
            simulator(duration=1000, queue=0.5, variants=variants) as sim,
            wired(sim) as wire,
        ):
            job = await wire.submit(REQUEST)
            assert await self.cancelled(wire, job.id)
            with pytest.raises(JobFailedError, match="cancelled"):
                await job.result()
            assert len(sim.jobs) == 1

    async def test_a_running_job_may_end_well_all_the_same(self) -> None:
        async with simulator() as sim, wired(sim) as wire:
            job = await wire.submit(REQUEST)
            assert await self.cancelled(wire, job.id)
            assert (await job.result()).video

    async def test_a_job_that_has_ended_is_not_asked(self) -> None:
        async with simulator() as sim, wired(sim) as wire:
            job = await wire.submit(REQUEST)
            await job.result()
            assert not await self.cancelled(wire, job.id)

    async def test_a_job_that_there_is_not_is_not_found(self) -> None:
        async with simulator() as sim, wired(sim) as wire:
            with pytest.raises(NotFoundError):
                await self.cancelled(wire, "no-such-job")


class TestFind:
    async def lost(self, wire: Wired, request: GenerationRequest = REQUEST) -> Lost:
        """A submit whose answer was lost, as whoever looks for it knows it."""
        prepared = await wire.api.encode_submit(request, "key-of-the-submit")
        sent_at = datetime.now(UTC)
        with pytest.raises(PikaError):
            await wire.api.submit(prepared, Departure())
        return Lost(request=prepared, sent_at=sent_at)

    async def found(self, wire: Wired, lost: Lost) -> list[str]:
        handles = await wire.api.converse(FAL.find(wire.api.endpoint, lost))
        return [handle.job_id for handle in handles]

    async def test_a_lost_job_is_found_among_its_equals(self) -> None:
        faults = [Fault("closed-after", after=2)]
        async with simulator(faults=faults) as sim, wired(sim) as wire:
            await wire.submit(REQUEST)
            await wire.submit(REQUEST)
            lost = await self.lost(wire)
            await wire.submit(REQUEST)
            assert await self.found(wire, lost) == [list(sim.jobs)[2]]

    async def test_it_is_found_behind_pages_of_others(self) -> None:
        async with simulator(faults=[Fault("closed-after", after=205)]) as sim, wired(sim) as wire:
            for number in range(205):
                await wire.submit(GenerationRequest(f"another {number}"))
            lost = await self.lost(wire)
            assert await self.found(wire, lost) == [list(sim.jobs)[-1]]

    async def test_a_submit_that_started_nothing_is_not_found(self) -> None:
        async with simulator(faults=[Fault("closed-before")]) as sim, wired(sim) as wire:
            assert await self.found(wire, await self.lost(wire)) == []

    @pytest.mark.parametrize(
        ("variants", "looks"),
        [
            (["history-late"], [0, 0, 1]),
            (["history-twice"], [2]),
            (["history-without-payload"], [0]),
        ],
    )
    async def test_a_history_that_is_late_unsure_or_silent_proves_nothing(
        self, variants, looks
    ) -> None:
        async with simulator(faults=[Fault("closed-after")], variants=variants) as sim:
            async with wired(sim) as wire:
                lost = await self.lost(wire)
                assert [len(await self.found(wire, lost)) for _ in looks] == looks

    async def test_a_job_is_not_in_the_history_while_it_is_queued(self) -> None:
        now = [0.0]
        async with simulator(
            duration=100, queue=0.5, now=lambda: now[0], faults=[Fault("closed-after")]
        ) as sim:
            async with wired(sim) as wire:
                lost = await self.lost(wire)
                assert await self.found(wire, lost) == []
                now[0] = 60.0
                assert await self.found(wire, lost) == list(sim.jobs)

    async def test_a_key_that_may_not_read_the_history_is_told_so(self) -> None:
        faults = [Fault("closed-after"), Fault("platform-403")]
        async with simulator(faults=faults) as sim, wired(sim) as wire:
            with pytest.raises(PermissionDeniedError):
                await self.found(wire, await self.lost(wire))


async def test_prices_and_the_balance_are_told() -> None:
    async with simulator() as sim, wired(sim) as wire:
        there = wire.api.endpoint
        assert await wire.api.converse(FAL.quote(there, REQUEST)) == Money(200_000)
        assert await wire.api.converse(FAL.balance(there)) == Money(24_500_000)
        sim.faults.append(Fault("platform-403"))
        assert await wire.api.converse(FAL.balance(there)) is None


async def test_the_key_is_in_nothing_that_is_told() -> None:
    async with simulator(api_key="another") as sim, wired(sim) as wire:
        with pytest.raises(PikaError) as caught:
            await wire.submit(REQUEST)
        assert KEY not in f"{caught.value}{caught.value!r}"
