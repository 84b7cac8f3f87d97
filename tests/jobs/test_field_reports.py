"""What users of other clients reported of job APIs, played to this one on a real socket.

Each test names the report. What hung, paid twice, lost a result or misread a state there must not
do so here.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen
from support.media import CLIP
from support.scripted import client_of, reply, scripted

from pika_async import (
    DecodeError,
    Failed,
    JobFailedError,
    JobTimeoutError,
    ModerationError,
    ServerError,
    SubmissionUncertainError,
    Succeeded,
    Unknown,
)
from pika_async._meaning import Action

SERVICES = ["gateway", "pika", "fal"]


@frozen
class Wording:
    """How one service spells a job whose id is ``media_1``."""

    submit: str
    look: str
    result: str

    def accepted(self) -> bytes:
        return reply({"id": "media_1", "request_id": "media_1", "status": "queued"})

    def says(self, word: str, link: str = "", **more: Any) -> bytes:
        video = {"id": "media_1", "status": word, "resultUrl": link, **more}
        output = {"media_type": "video", "video": {"url": link}} if link else None
        if self.look.startswith("/pika/feed"):
            return reply({"id": "media_1", "videos": [video]})
        return reply({"id": "media_1", "status": word, "output": output, **more})


WORDINGS = {
    "gateway": Wording("/pika/generate", "/pika/feed/media_1", "/none"),
    "pika": Wording("/text-to-video", "/jobs/media_1", "/jobs/media_1/content"),
    "fal": Wording("/text-to-video", "/media_1/status", "/requests/media_1"),
}
FILE = reply(CLIP, Content_Type="video/mp4")


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "word",
    [
        pytest.param("aborted", id="replicate-python#460"),
        pytest.param("expired", id="ArcReel#651"),
    ],
)
async def test_a_word_for_an_end_that_is_new_ends_the_waiting(name, word):
    """A client that knew succeeded, failed and canceled polled on for ever after "aborted", and
    one that knew completed and failed until its deadline after "expired".

    https://github.com/replicate/replicate-python/pull/460
    https://github.com/ArcReel/ArcReel/issues/651
    """
    spelt = WORDINGS[name]
    async with scripted() as service, client_of(service, name) as client:
        service.answer(spelt.submit, spelt.accepted())
        service.answer(spelt.look, spelt.says(word))
        job = await client.submit("a cat")
        with pytest.raises(JobFailedError) as caught:
            await job.result()
    assert (caught.value.state.code, caught.value.job_id) == (word, "media_1")
    assert service.count(spelt.look) == 1


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("word", ["succeeded", "SUCCESS", "finished"])
async def test_a_video_that_is_there_is_had_under_another_words_for_it(name, word, tmp_path):
    """Gateways passed on "succeeded" of the vendor: the video was there and billed, and the client
    reported a time-out after ten minutes.

    https://github.com/ArcReel/ArcReel/pull/1889
    """
    spelt = WORDINGS[name]
    async with scripted() as service, client_of(service, name) as client:
        link = f"{service.url}/media/v.mp4"
        service.answer(spelt.submit, spelt.accepted())
        service.answer(spelt.look, spelt.says(word, link))
        service.answer(spelt.result, reply({"video": {"url": link}, "url": link}))
        service.answer("/media/v.mp4", FILE)
        done = await client.generate("a cat")
        saved = await client.download(done.video, tmp_path / "v.mp4")
    assert saved.read_bytes() == CLIP
    assert service.count(spelt.look) == 1


@pytest.mark.parametrize("word", ["FAILED", "CANCELLED", "COMPLETED"])
async def test_the_reason_of_a_failure_is_asked_for_whatever_word_it_came_with(word):
    """A client ended at the word alone and never asked for the result, which said why.

    https://github.com/kyh/vibedgames/pull/182
    """
    spelt = WORDINGS["fal"]
    async with scripted() as service, client_of(service, "fal") as client:
        service.answer(spelt.submit, spelt.accepted())
        service.answer(spelt.look, spelt.says(word))
        refusal = {"loc": ["body"], "msg": "not allowed", "type": "content_policy_violation"}
        service.answer(spelt.result, reply({"detail": [refusal]}, 422))
        with pytest.raises(ModerationError, match="not allowed"):
            await client.generate("a cat")


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "word",
    [
        pytest.param("unknown", id="new-api#5045"),
        pytest.param("STOPPING", id="awslabs-mcp#4493"),
        pytest.param("starting", id="kmp-contest-starter-kit#39"),
    ],
)
async def test_a_word_that_may_mean_anything_is_waited_out(name, word):
    """A gateway behind a gateway said "unknown" of tasks that had just begun, and they were given
    up; a service said "STOPPING" before its results were there; a client took a job that was
    "starting", with no output yet, for a failed one.

    https://github.com/QuantumNous/new-api/issues/5045
    https://github.com/awslabs/mcp/pull/4493
    https://github.com/KotlinFoundation/kmp-contest-starter-kit/pull/39
    """
    spelt = WORDINGS[name]
    link = "https://cdn.example/v.mp4"
    async with scripted() as service, client_of(service, name) as client:
        service.answer(spelt.submit, spelt.accepted())
        last = "finished" if name == "gateway" else "completed"
        service.answer(spelt.look, *[spelt.says(word)] * 3, spelt.says(last, link))
        service.answer(spelt.result, reply({"video": {"url": link}}))
        job = await client.submit("a cat")
        seen = [step.state async for step in job.transitions()]
    assert Unknown(status=word) in seen
    assert isinstance(seen[-1], Succeeded)


async def test_a_file_that_is_asked_for_too_early_is_waited_for():
    """A client that took NOT_START for an end asked for the file, and a 400 ended it.

    https://github.com/ArcReel/ArcReel/pull/410
    """
    spelt = WORDINGS["pika"]
    early = reply({"message": "Task is not completed yet, current status: NOT_START"}, 400)
    async with scripted() as service, client_of(service, "pika") as client:
        service.answer(spelt.submit, spelt.accepted())
        service.answer(spelt.look, spelt.says("NOT_START"), spelt.says("completed"))
        service.answer(spelt.result, early, early, reply({"url": "https://cdn.example/v.mp4"}))
        done = await client.generate("a cat")
    assert done.video.url == "https://cdn.example/v.mp4"


@pytest.mark.parametrize("name", SERVICES)
async def test_an_answer_that_says_when_to_look_again_is_heeded(name):
    """Clients polled at their own pace although a 202, or the first answer alone, named another.

    https://github.com/Azure/azure-sdk-for-net/issues/3447
    https://github.com/Azure/go-autorest/issues/58
    """
    spelt = WORDINGS[name]
    running = "IN_PROGRESS" if name == "fal" else "running"
    async with (
        scripted() as service,
        client_of(service, name, jitter=0.0, retry_after_maximum=0.2) as client,
    ):
        accepted = spelt.accepted().replace(b"\r\n", b"\r\nRetry-After: 1\r\n", 1)
        slow = spelt.says(running).replace(b"\r\n", b"\r\nRetry-After: 1\r\n", 1)
        service.answer(spelt.submit, accepted)
        service.answer(spelt.look, slow)
        job = await client.submit("a cat")
        with pytest.raises(JobTimeoutError):
            await job.result(timeout=0.5)
    # At 0.2 s and 0.4 s, and at the deadline; without, some fifty.
    assert service.count(spelt.look) <= 3


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(reply(b"<html>502 Bad Gateway</html>", 502), id="valyu-py#126"),
        pytest.param(reply(b""), id="valyu-py#126-empty"),
        pytest.param(reply({"error": "slow down"}, 429), id="node-banana#116"),
        pytest.param(reply(b"", 408), id="node-banana#116-408"),
        pytest.param(None, id="reset"),
    ],
)
async def test_one_look_that_goes_wrong_does_not_give_up_a_job(name, wrong):
    """A fifth to a third of the jobs that ended well were told to have failed: one poll had brought
    a page or nothing. Elsewhere a 429 or a 408 ended the waiting.

    https://github.com/valyuAI/valyu-py/pull/126
    https://github.com/shrimbly/node-banana/pull/116
    """
    spelt = WORDINGS[name]
    link = "https://cdn.example/v.mp4"
    async with scripted() as service, client_of(service, name) as client:
        service.answer(spelt.submit, spelt.accepted())
        last = "finished" if name == "gateway" else "completed"
        service.answer(spelt.look, wrong, wrong, spelt.says(last, link))
        service.answer(spelt.result, reply({"video": {"url": link}}))
        assert (await client.generate("a cat")).video.url == link


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("look", "kind"),
    [
        pytest.param(reply({"error": "it broke"}, 500), ServerError, id="azure-sdk-for-go#22884"),
        pytest.param(reply({"hello": "world"}), DecodeError, id="overcast#93"),
    ],
)
async def test_a_look_that_goes_wrong_for_ever_ends_with_what_it_said(name, look, kind):
    """A poller counted a 500 among the states that are passed through, and polled for ever; another
    spun on answers without a status until somebody else's time was over.

    https://github.com/Azure/azure-sdk-for-go/issues/22884
    https://github.com/kdr/overcast/pull/93
    """
    spelt = WORDINGS[name]
    async with scripted() as service, client_of(service, name, outage_budget=0.2) as client:
        service.answer(spelt.submit, spelt.accepted())
        service.answer(spelt.look, look)
        job = await client.submit("a cat")
        with pytest.raises(kind) as caught:
            await job.result()
    assert caught.value.job_id == "media_1"


@pytest.mark.parametrize("name", SERVICES)
async def test_a_job_that_ended_without_a_link_is_given_up_soon_and_says_why(name):
    """Safety filters end a job with success and without a file: clients spun until their deadline,
    or retried an outcome that never changes, and none told the reason.

    https://github.com/vercel/ai/pull/18929
    https://github.com/lidge-jun/opencodex/pull/582
    https://github.com/QuantumNous/new-api/pull/6838
    """
    spelt = WORDINGS[name]
    async with scripted() as service, client_of(service, name, appearance=0.2) as client:
        service.answer(spelt.submit, spelt.accepted())
        word = "finished" if name == "gateway" else "completed"
        service.answer(spelt.look, spelt.says(word, error="blocked by moderation"))
        service.answer(
            spelt.result,
            reply({"video": None, "error": "blocked by moderation"}, 200 if name == "fal" else 409),
        )
        job = await client.submit("a cat")
        with pytest.raises(JobFailedError, match="blocked by moderation") as caught:
            await job.result()
    # It is kept as one to look at again, and is no reason to buy it again.
    assert isinstance(caught.value.state, Failed)
    assert [video.url for video in caught.value.state.videos] == [""]


@pytest.mark.parametrize("name", SERVICES)
async def test_a_submit_whose_answer_was_lost_is_never_paid_twice(name):
    """A disconnect after the request had arrived was tried again, four times over: four videos were
    made and billed, and the user got none.

    https://github.com/Comfy-Org/ComfyUI/pull/16204
    """
    spelt = WORDINGS[name]
    async with scripted() as service, client_of(service, name) as client:
        service.answer(spelt.submit, None, spelt.accepted())
        service.answer("", reply({"items": []}))
        if name == "pika":
            # The same submit, by its key.
            assert (await client.submit("a cat")).id == "media_1"
        else:
            with pytest.raises(SubmissionUncertainError):
                await client.submit("a cat")
    assert service.count(spelt.submit) == (2 if name == "pika" else 1)


async def test_whoever_runs_out_of_time_is_told_how_to_come_back_and_not_to_start_anew():
    """A time-out said "try again shortly", which paid for a second video.

    https://github.com/tinyhumansai/openhuman/pull/5411
    """
    spelt = WORDINGS["gateway"]
    async with scripted() as service, client_of(service) as client:
        service.answer(spelt.submit, spelt.accepted())
        service.answer(spelt.look, spelt.says("pending"))
        with pytest.raises(JobTimeoutError, match="media_1") as caught:
            await client.generate("a cat", timeout=0.1)
    assert caught.value.advice.action is Action.WAIT_FOR_JOB


@pytest.mark.parametrize("name", SERVICES)
async def test_a_link_that_is_a_path_alone_leads_to_the_service(name, tmp_path):
    """A gateway that keeps its videos itself told "/images/….mp4", which nobody could load.

    https://github.com/chenyme/grok2api/issues/40
    """
    spelt = WORDINGS[name]
    link = "/images/v.mp4"
    async with scripted() as service, client_of(service, name) as client:
        service.answer(spelt.submit, spelt.accepted())
        word = "finished" if name == "gateway" else "completed"
        service.answer(spelt.look, spelt.says(word, link))
        service.answer(
            spelt.result, reply({"video": {"url": link}}, 409 if name == "pika" else 200)
        )
        service.answer("/images/v.mp4", FILE)
        done = await client.generate("a cat")
        saved = await client.download(done.video, tmp_path / "v.mp4")
    assert done.video.url == f"{service.url}{link}"
    assert saved.read_bytes() == CLIP
