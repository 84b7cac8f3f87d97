"""fal's queue as a raw client sees it at the simulator, wire by wire."""

from __future__ import annotations

from typing import Any

import pytest
from support.faults import fal
from support.tables import every_row

from pika_async.simulator import Fault, Polls, Simulator

APP = "/fal-ai/pika"
TEXT = f"{APP}/v2.2/text-to-video"


@pytest.fixture
def call(call):
    return call.at(fal.TABLE)


def simulator(*variants: str, **settings: Any) -> Simulator:
    settings = {"duration": Polls(3), "variants": variants} | settings
    return Simulator(service="fal", **settings)


async def made(call, sim: Simulator, endpoint: str = TEXT, **body: Any) -> Any:
    reply = await call.request("POST", sim.url + endpoint, json={"prompt": "x", **body})
    assert reply.status == 200
    return reply.json


async def test_a_submit_is_answered_with_its_id_and_addresses_at_owner_and_app(call) -> None:
    async with simulator() as sim:
        reply = await call.submit(sim.url)
        (job_id,) = sim.jobs
        url = f"{sim.url}{APP}"
    assert reply.json == {
        "request_id": job_id,
        "status": "IN_QUEUE",
        "queue_position": 0,
        "response_url": f"{url}/requests/{job_id}",
        "status_url": f"{url}/requests/{job_id}/status",
        "cancel_url": f"{url}/requests/{job_id}/cancel",
    }
    assert reply.headers["x-fal-request-id"] == job_id


async def test_a_job_goes_from_the_queue_to_its_result(call) -> None:
    async with simulator() as sim:
        job = await made(call, sim)
        early = await call.request("GET", job["response_url"])
        seen = [(await call.request("GET", job["status_url"])).json for _ in range(3)]
        result = await call.request("GET", job["response_url"])
        tail = await call.request("GET", f"{job['response_url']}/response")
    assert (early.status, early.json) == (400, {"detail": "Request is still in progress"})
    assert [body["status"] for body in seen] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert seen[0]["queue_position"] == 2
    assert "error" not in seen[2]
    assert result.json["video"]["url"].endswith(".mp4")
    assert result.headers["X-Fal-Billable-Units"]
    assert tail.json == result.json


async def test_positions_fall_while_a_job_is_queued(call) -> None:
    async with simulator(duration=1000, queue=0.9) as sim:
        job = await made(call, sim)
        seen = [(await call.request("GET", job["status_url"])).json for _ in range(4)]
    assert [body["queue_position"] for body in seen] == [2, 1, 0, 0]


@pytest.mark.parametrize(
    ("variants", "words"),
    [
        (["back-in-queue"], ["IN_QUEUE", "IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"]),
        (["unknown-status"], ["IN_QUEUE", "POST_PROCESSING", "IN_PROGRESS", "IN_PROGRESS",
                              "COMPLETED"]),
    ],
)  # fmt: skip
async def test_a_status_may_go_back_or_be_new(call, variants, words) -> None:
    async with simulator(*variants, duration=Polls(5)) as sim:
        job = await made(call, sim)
        seen = [(await call.request("GET", job["status_url"])).json["status"] for _ in range(5)]
    assert seen == words


async def test_pending_answers_may_be_202(call) -> None:
    async with simulator("status-202", duration=Polls(2)) as sim:
        job = await made(call, sim)
        seen = [(await call.request("GET", job["status_url"])).status for _ in range(2)]
    assert seen == [202, 200]


@pytest.mark.parametrize(
    ("variant", "part"),
    [
        ("urls-full-path", "/v2.2/text-to-video/requests/"),
        ("urls-elsewhere", "https://queue.elsewhere.example/fal-ai/pika/requests/"),
    ],
)
async def test_addresses_may_lead_astray(call, variant, part) -> None:
    async with simulator(variant) as sim:
        job = await made(call, sim)
    assert part in job["status_url"]


async def test_what_is_asked_at_the_whole_path_is_405(call) -> None:
    async with simulator("urls-full-path") as sim:
        job = await made(call, sim)
        for name in ("status_url", "response_url"):
            assert (await call.request("GET", job[name])).status == 405


async def test_the_result_may_be_told_with_a_tail_and_addresses_may_be_missing(call) -> None:
    async with simulator("urls-with-tail") as sim:
        assert (await made(call, sim))["response_url"].endswith("/response")
    async with simulator("urls-missing", "submit-bare") as sim:
        assert await made(call, sim) == {"request_id": next(iter(sim.jobs))}


async def test_nothing_is_looked_at_before_the_job_runs(call) -> None:
    async with simulator(duration=Polls(1)) as sim:
        job = await made(call, sim, f"{APP}/v2.2/image-to-video", duration=7, seed="x")
        status = (await call.request("GET", job["status_url"])).json
        result = await call.request("GET", job["response_url"])
    assert (status["status"], status["error_type"]) == ("COMPLETED", "bad_request")
    assert result.status == 422
    assert [item["loc"][1] for item in result.json["detail"]] == ["image_url", "duration", "seed"]


@pytest.mark.parametrize(
    ("variant", "status", "detail"),
    [
        ("failed-text", 422, "too hot"),
        ("failed-infrastructure", 500, "too hot"),
        ("failed-policy", 422, "content_policy_violation"),
        ("error-untold", 422, "no_media_generated"),
    ],
)
async def test_a_failure_is_completed_too(call, variant, status, detail) -> None:
    async with simulator(variant, duration=Polls(1), failure="too hot") as sim:
        job = await made(call, sim)
        seen = (await call.request("GET", job["status_url"])).json
        result = await call.request("GET", job["response_url"])
    said = result.json["detail"]
    assert seen["status"] == "COMPLETED"
    assert ("error" in seen) == (variant != "error-untold")
    assert (result.status, said if isinstance(said, str) else said[0]["type"]) == (status, detail)


async def test_there_is_no_job_of_another_key_app_or_id(call) -> None:
    async with simulator() as sim:
        job = await made(call, sim)
        job_id = job["request_id"]
        replies = [
            await call.with_key("another").request("GET", job["status_url"]),
            await call.with_key("another").request("GET", job["response_url"]),
            await call.request("GET", f"{sim.url}/fal-ai/flux/requests/{job_id}/status"),
            await call.request("GET", f"{sim.url}{APP}/requests/none/status"),
            await call.request("PUT", f"{sim.url}{APP}/requests/none/cancel"),
        ]
    assert [(reply.status, reply.json) for reply in replies] == [(404, {"status": "NOT_FOUND"})] * 5


async def test_a_key_is_wanted_everywhere(call) -> None:
    nobody = call.with_key(None)
    async with simulator() as sim:
        job = await made(call, sim)
        replies = [
            await nobody.request("POST", sim.url + TEXT, json={"prompt": "x"}),
            await nobody.request("GET", job["status_url"]),
            await nobody.request("GET", job["response_url"]),
            await nobody.request("POST", f"{sim.url}/storage/upload/initiate"),
            await nobody.request("GET", f"{sim.url}/account/billing"),
        ]
    assert {reply.status for reply in replies} == {401}


async def test_a_path_that_there_is_not_is_a_404_in_words(call) -> None:
    async with simulator() as sim:
        replies = [
            await call.request("GET", f"{sim.url}/nothing"),
            await call.request("POST", f"{sim.url}/pika"),
            await call.request("DELETE", f"{sim.url}{APP}/requests/x"),
            await call.request("GET", f"{sim.url}{APP}/requests/x/y/z"),
        ]
    assert {reply.status for reply in replies} == {404}
    assert "not found" in replies[0].json["detail"]


async def test_limits_and_bodies_that_are_no_json_are_refused(call) -> None:
    async with simulator(submits_per_second=1) as sim:
        bad = await call.request("POST", sim.url + TEXT, data=b"{")
        limited = await call.submit(sim.url)
    assert (bad.status, limited.status) == (422, 429)
    assert sim.jobs == {}


async def test_cancel_has_four_answers(call) -> None:
    async with simulator(duration=1000, queue=0.5, now=lambda: now[0]) as sim:
        now = [0.0]
        job = await made(call, sim)
        asked = await call.request("PUT", job["cancel_url"])
        seen = (await call.request("GET", job["status_url"])).json
        result = await call.request("GET", job["response_url"])
        other = await made(call, sim)
        now[0] = 2000.0
        late = await call.request("PUT", other["cancel_url"])
    assert asked.status == 200
    assert (seen["status"], seen["error_type"]) == ("COMPLETED", "client_cancelled")
    assert result.status == 499
    assert (late.status, late.json) == (400, {"status": "ALREADY_COMPLETED"})


async def test_files_go_up_whole_and_with_no_key(call) -> None:
    async with simulator() as sim:
        ticket = (
            await call.request(
                "POST",
                f"{sim.url}/storage/upload/initiate?storage_type=fal-cdn-v3",
                json={"content_type": "image/png", "file_name": "a.png"},
            )
        ).json
        refused = await call.request("PUT", ticket["upload_url"], data=b"png")
        stored = await call.with_key(None).request("PUT", ticket["upload_url"], data=b"png")
        service: Any = sim.service_at_work
        assert ticket["upload_url"].startswith(ticket["file_url"])
        assert (refused.status, stored.status) == (400, 200)
        assert list(service.platform.files.values()) == [b"png"]


async def test_the_history_tells_what_was_asked_for_page_by_page(call) -> None:
    async with simulator() as sim:
        for number in range(3):
            await made(call, sim, seed=number)
        await made(call, sim, f"{APP}/v2.1/text-to-video")
        url = f"{sim.url}/models/requests/by-endpoint?endpoint_id={TEXT[1:]}&expand=payloads"
        first = (await call.request("GET", f"{url}&limit=2")).json
        last = (await call.request("GET", f"{url}&limit=2&cursor={first['next_cursor']}")).json
        others = (await call.with_key("another").request("GET", url)).json
        future = (await call.request("GET", f"{url}&start=2999-01-01T00:00:00Z")).json
    assert [row["json_input"]["seed"] for row in first["items"] + last["items"]] == [0, 1, 2]
    assert (first["has_more"], last["has_more"], last["next_cursor"]) == (True, False, None)
    assert others["items"] == future["items"] == []


async def test_prices_and_balance(call) -> None:
    async with simulator() as sim:
        for endpoint, unit in ((TEXT, "second"), (f"{APP}/v1.5/pikaffects", "request")):
            url = f"{sim.url}/models/pricing?endpoint_id={endpoint[1:]}"
            (price,) = (await call.request("GET", url)).json["prices"]
            assert (price["endpoint_id"], price["unit"]) == (endpoint[1:], unit)
        left = (await call.request("GET", f"{sim.url}/account/billing?expand=credits")).json
        assert left["credits"]["currency"] == "USD"


async def test_links_may_refuse_whoever_brings_the_key(call) -> None:
    async with simulator("links-refuse-keys", duration=Polls(1)) as sim:
        job = await made(call, sim)
        await call.request("GET", job["status_url"])
        url = (await call.request("GET", job["response_url"])).json["video"]["url"]
        assert (await call.request("GET", url)).status == 403
        assert (await call.fetch(url)).status == 200


async def test_it_may_lie_below_a_path(call) -> None:
    async with simulator(prefix="team") as sim:
        job = await made(call, sim)
        assert job["status_url"].startswith(f"{sim.url}{APP}/")
        assert (await call.request("GET", job["status_url"])).status == 200


@every_row("place", ["result", "upload", "platform"])
def test_places_of_faults_are_those_of_the_service(place) -> None:
    name = {"result": "result-404", "upload": "upload-503", "platform": "platform-403"}[place]
    assert Fault(name).on == place
