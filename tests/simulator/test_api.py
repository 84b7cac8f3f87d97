import asyncio
import io
import json
import random
from urllib.parse import quote

import pytest
from yarl import URL

from pika_async.simulator import Polls, Simulator


async def submitted(call, sim, **changes):
    reply = await call.submit(sim.url, **changes)
    assert reply.status == 200
    return list(sim.jobs)[-1]


async def statuses(call, sim, job_id, count):
    return [(await call.poll(sim.url, job_id)).video["status"] for _ in range(count)]


async def test_a_submit_creates_a_job_and_answers_with_its_id(call, body):
    async with Simulator() as sim:
        reply = await call.submit(sim.url)

    (job,) = sim.jobs.values()
    assert job.id == reply.json["id"]
    assert body == job.body
    assert job.key == "key"


async def test_a_job_goes_from_queued_to_finished_by_the_clock(call, clock):
    async with Simulator(duration=100, queue=0.2, now=clock) as sim:
        job_id = await submitted(call, sim)
        seen = []
        for clock.seconds in (1000, 1060, 1100):
            video = (await call.poll(sim.url, job_id)).video
            seen.append((video["status"], video["progress"]))

    assert seen == [("queued", 0), ("pending", 50), ("finished", 100)]


async def test_a_job_is_finished_at_the_poll_that_was_named(call):
    async with Simulator(duration=Polls(3)) as sim:
        job_id = await submitted(call, sim)

        assert await statuses(call, sim, job_id, 3) == ["queued", "pending", "finished"]


async def test_durations_can_be_drawn_from_the_seed(call):
    async def durations(seed):
        async with Simulator(duration=lambda rng: rng.uniform(1, 9), seed=seed) as sim:
            for _ in range(3):
                await submitted(call, sim)
            return [job.duration for job in sim.jobs.values()]

    first, again, other = await durations(1), await durations(1), await durations(2)
    assert first == again != other
    assert len(set(first)) == 3


async def test_equal_seeds_give_equal_ids(call):
    ids = []
    for _ in range(2):
        async with Simulator(seed=5) as sim:
            ids.append(await submitted(call, sim))

    assert ids[0] == ids[1]


@pytest.mark.parametrize("reason", ["prompt not allowed", ""])
async def test_every_job_can_be_told_to_fail_also_for_an_empty_reason(call, reason):
    async with Simulator(duration=0, failure=reason) as sim:
        video = (await call.poll(sim.url, await submitted(call, sim))).video

    assert (video["status"], video["error"]) == ("error", reason)


async def test_failure_can_depend_on_what_was_submitted(call):
    def reason(body):
        return "no cats" if "cat" in body["promptText"] else None

    async with Simulator(duration=0, failure=reason) as sim:
        ends = []
        for prompt in ("a cat", "a dog"):
            job_id = await submitted(call, sim, promptText=prompt)
            ends += await statuses(call, sim, job_id, 1)

    assert ends == ["error", "finished"]


async def test_settings_changed_while_it_runs_hold_for_the_next_job(call):
    async with Simulator(duration=Polls(5)) as sim:
        slow = await submitted(call, sim)
        sim.duration = 0
        sim.videos_per_job = 2
        fast = await submitted(call, sim)

        assert await statuses(call, sim, slow, 1) == ["queued"]
        assert len((await call.poll(sim.url, fast)).json["videos"]) == 2


async def test_variants_can_be_on_with_a_probability(call):
    async with Simulator(variants={"create-bare-id": 0.5}) as sim:
        bare = [len((await call.submit(sim.url)).json) == 1 for _ in range(40)]

    assert 8 < sum(bare) < 32


async def test_the_variants_of_videos_decide_their_number(call):
    numbers = []
    for variants in ([], ["mixed-outcomes"], ["several-videos"]):
        async with Simulator(variants=variants) as sim:
            await submitted(call, sim)
            numbers += [job.videos for job in sim.jobs.values()]

    assert numbers == [1, 2, 3]


async def test_lagging_answers_are_behind_by_up_to_15_seconds(call):
    async with Simulator(variants=["lagging"]) as sim:
        for _ in range(20):
            await submitted(call, sim)
        lags = [job.lag for job in sim.jobs.values()]

    assert 0 < min(lags) < max(lags) <= 15


async def test_odd_ids_are_found_when_they_are_quoted(call):
    async with Simulator(duration=0, variants=["odd-ids"]) as sim:
        job_id = await submitted(call, sim)
        url = URL(f"{sim.url}/pika/feed/{quote(job_id, safe='')}", encoded=True)
        reply = await call.request("GET", url)

    assert job_id == reply.json["id"]


async def test_every_answer_has_an_id_of_its_own(call):
    async with Simulator() as sim:
        replies = [await call.submit(sim.url), await call.poll(sim.url, "x")]

    assert len({reply.headers["X-Oneapi-Request-Id"] for reply in replies}) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"promptText": ""}, "promptText must not be empty"),
        ({"model": 1.5}, "cannot unmarshal number"),
        ({"image": ""}, "image must not be empty"),
        ({"options": {}}, "options.parameters is required"),
    ],
)
async def test_a_bad_body_is_400_and_creates_nothing(call, changes, words):
    async with Simulator() as sim:
        reply = await call.submit(sim.url, **changes)

    assert reply.status == 400
    assert reply.json["code"] == "invalid_request"
    assert words in reply.json["message"]
    assert sim.jobs == {}


async def test_a_body_that_is_no_json_is_recorded_without_a_body(call):
    async with Simulator() as sim:
        reply = await call.request("POST", f"{sim.url}/pika/generate", data=b"{nope")

    assert reply.status == 400
    assert [submission.body for submission in sim.submissions] == [None]


async def test_an_image_may_be_many_megabytes(call, body):
    body["image"] = "data:image/png;base64," + "A" * 12_000_000
    async with Simulator() as sim:
        upload = io.BytesIO(json.dumps(body).encode())
        reply = await call.request("POST", f"{sim.url}/pika/generate", data=upload)

    assert reply.status == 200
    assert body == sim.submissions[0].body


@pytest.mark.parametrize("prefix", ["", "/team/a"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/pika/generate/"),
        ("GET", "/pika/generate"),
        ("GET", "/pika/feed/"),
        ("DELETE", "/pika/feed/x"),
        ("POST", "/v1/pika/generate"),
    ],
)
async def test_another_path_is_an_invalid_url(call, prefix, method, path):
    async with Simulator(prefix=prefix) as sim:
        reply = await call.request(method, sim.url + path)

    assert reply.status == 404
    assert f"Invalid URL ({method} {prefix}{path})" in reply.json["error"]["message"]
    assert reply.json["error"]["type"] == "invalid_request_error"


async def test_a_prefix_belongs_to_the_path(call):
    async with Simulator(prefix="gw") as sim:
        assert sim.url.endswith("/gw")
        await submitted(call, sim)
        origin = sim.url.removesuffix("/gw")
        assert (await call.submit(origin)).status == 404


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer", "Basic abc", "key"])
async def test_without_a_bearer_key_it_is_401(call, header):
    async with Simulator() as sim:
        headers = {} if header is None else {"Authorization": header}
        nobody = call.with_key(None)
        replies = [
            await nobody.request("POST", f"{sim.url}/pika/generate", json={}, headers=headers),
            await nobody.request("GET", f"{sim.url}/pika/feed/x", headers=headers),
        ]

    for reply in replies:
        assert reply.status == 401
        assert reply.json["error"]["type"] == "new_api_error"
        assert "code" not in reply.json["error"]


async def test_any_key_is_good_unless_one_is_named(call):
    async with Simulator() as sim:
        await submitted(call.with_key("whatever"), sim)
        sim.api_key = "right"
        assert (await call.with_key("wrong").submit(sim.url)).status == 401
        await submitted(call.with_key("right"), sim)


async def test_the_job_of_another_key_does_not_exist(call):
    async with Simulator() as sim:
        job_id = await submitted(call, sim)
        reply = await call.with_key("other").poll(sim.url, job_id)

    assert (reply.status, reply.json["code"]) == (400, "task_not_exist")


@pytest.mark.parametrize(
    ("how", "status", "empty"), [("400", 400, False), ("404", 404, False), ("empty", 200, True)]
)
async def test_an_unknown_job_is_answered_as_told(call, how, status, empty):
    async with Simulator(unknown_job=how) as sim:
        reply = await call.poll(sim.url, "nope")

    assert (status, empty) == (reply.status, reply.body == b"")


async def test_submits_beyond_the_limit_are_429_until_time_passes(call, clock):
    async with Simulator(submits_per_second=2, now=clock) as sim:
        first = [(await call.submit(sim.url)).status for _ in range(3)]
        clock.seconds += 0.5
        later = await call.submit(sim.url)

    assert first == [200, 200, 429]
    assert later.status == 200
    assert len(sim.jobs) == 3


@pytest.mark.parametrize(("told", "header"), [(False, None), (True, "5")])
async def test_a_refused_submit_may_say_when_to_come_back(call, clock, told, header):
    async with Simulator(submits_per_second=0.2, limit_retry_after=told, now=clock) as sim:
        await call.submit(sim.url)
        reply = await call.submit(sim.url)

    assert reply.json["error"]["type"] == "rate_limit_error"
    assert header == reply.headers.get("Retry-After")


async def test_submissions_say_what_arrived_and_what_left(call, clock, body):
    async with Simulator(now=clock) as sim:
        await call.submit(sim.url)
        await call.submit(sim.url, model=2)

    good, bad = sim.submissions
    assert (1000.0, body, None, 200) == (good.at, good.body, good.fault, good.status)
    assert [good.job_id] == list(sim.jobs)
    assert good.headers["authorization"] == "Bearer key"
    assert (bad.job_id, bad.status) == (None, 400)


async def test_polls_say_what_arrived_and_what_left(call, clock):
    async with Simulator(now=clock) as sim:
        job_id = await submitted(call, sim)
        clock.seconds = 1007.0
        await call.poll(sim.url, job_id)
        await call.poll(sim.url, "nope")

    good, bad = sim.polls
    assert (1007.0, job_id, None, 200) == (good.at, good.job_id, good.fault, good.status)
    assert (bad.job_id, bad.status) == ("nope", 400)
    assert good.headers["Authorization"] == "Bearer key"


async def test_records_can_be_left_out(call):
    async with Simulator(duration=0, record=False) as sim:
        job_id = await submitted(call, sim)
        url = (await call.poll(sim.url, job_id)).video["resultUrl"]
        await call.fetch(url)
        await call.fetch(sim.media_url + "/nothing")

    assert (sim.submissions, sim.polls, sim.downloads, sim.strays) == ([], [], [], [])
    assert len(sim.jobs) == 1


async def test_a_client_that_leaves_in_the_middle_of_an_upload_is_no_error(call, caplog):
    async with Simulator() as sim:
        host, port = sim.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /pika/generate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await submitted(call, sim)

    assert caplog.records == []
    assert len(sim.submissions) == 1


def test_the_generators_do_not_touch_the_global_one():
    random.seed(1)
    before = random.getstate()

    Simulator(seed=3)

    assert before == random.getstate()
