"""Pika's own API as a simulated service, seen by a client that knows nothing."""

from __future__ import annotations

import pytest
from support.faults import pika
from support.tables import every_row

from pika_async.simulator import Fault, Polls, Simulator
from pika_async.simulator._services.pika.answers import REFUSALS
from pika_async.simulator._services.pika.faults import FAULTS
from pika_async.simulator._services.pika.requests import complaint, price

TEXT = "/v1/media/pika/pika-2.5/text-to-video"
IMAGE = "https://x.example/a.png"


@pytest.fixture
def ask(call):
    call = call.at(pika.TABLE)

    async def ask(method, url, **options):
        return await call.request(method, url, **options)

    return ask


def simulator(**settings):
    return Simulator(service="pika", **({"duration": Polls(2)} | settings))


class TestDocuments:
    async def test_a_job_is_named_as_the_service_names_them(self, ask):
        """The dialect tells an id of a job from one of a request by how it begins."""
        async with simulator() as sim:
            reply = await ask("POST", sim.url + TEXT, json={"prompt": "x"})
        assert reply.json["id"].startswith("media_")

    async def test_a_submit_is_answered_with_a_full_document(self, ask):
        async with simulator() as sim:
            reply = await ask("POST", sim.url + TEXT, json={"prompt": "x"})
        (job_id,) = sim.jobs
        assert reply.json == {
            "id": job_id,
            "api_id": "pika/pika-2.5/text-to-video",
            "status": "queued",
            "output": None,
            "usage": None,
            "billing": None,
            "error": None,
        }
        assert reply.headers["X-Request-ID"]

    async def test_or_with_a_bare_one(self, ask):
        async with simulator(variants=["bare-documents"]) as sim:
            reply = await ask("POST", sim.url + TEXT, json={"prompt": "x"})
        assert reply.json == {"id": next(iter(sim.jobs)), "status": "queued"}

    async def test_a_poll_tells_of_output_usage_and_billing(self, ask, call):
        async with simulator(duration=Polls(3)) as sim:
            job_id = (await ask("POST", sim.url + TEXT, json={"prompt": "x"})).json["id"]
            seen = [(await ask("GET", f"{sim.url}/v1/media/jobs/{job_id}")).json for _ in range(3)]
            done = seen[-1]
            video = await call.fetch(done["output"]["video"]["url"])
        assert [document["status"] for document in seen] == ["queued", "running", "completed"]
        assert done["output"]["media_type"] == "video"
        assert done["billing"] == {"state": "settled", "charge_micro_usd": 450_000}
        assert done["usage"] == {"output_frames": 120}
        # Where a library is turned away by its name, a link opened without one is not.
        assert video.status == 403

    async def test_the_link_apart_is_not_ready_before_the_job_is(self, ask):
        async with simulator(duration=Polls(1)) as sim:
            job_id = (await ask("POST", sim.url + TEXT, json={"prompt": "x"})).json["id"]
            address = f"{sim.url}/v1/media/jobs/{job_id}"
            early = await ask("GET", f"{address}/content")
            await ask("GET", address)
            late = await ask("GET", f"{address}/content")
            unknown = await ask("GET", f"{sim.url}/v1/media/jobs/media_0/content")
        assert (early.status, late.status, unknown.status) == (409, 200, 404)
        assert late.json["url"].startswith(sim.media_origin)

    @pytest.mark.parametrize("how", ["400", "404"])
    async def test_an_unknown_job_is_404_and_so_is_that_of_another_key(self, ask, call, how):
        other = call.at(pika.TABLE).with_key("other")
        async with simulator(unknown_job=how) as sim:
            job_id = (await ask("POST", sim.url + TEXT, json={"prompt": "x"})).json["id"]
            replies = [
                await ask("GET", f"{sim.url}/v1/media/jobs/media_0"),
                await other.poll(sim.url, job_id),
            ]
        assert [(reply.status, reply.json) for reply in replies] == [
            (404, {"message": "Job not found"})
        ] * 2

    async def test_an_unknown_job_is_answered_with_nothing_where_that_is_asked_for(self, ask):
        async with simulator(unknown_job="empty") as sim:
            reply = await ask("GET", f"{sim.url}/v1/media/jobs/media_0")
        assert (reply.status, reply.body) == (200, b"")

    @pytest.mark.parametrize(
        ("variants", "error"),
        [
            ([], {"code": "provider_timeout", "message": "too slow"}),
            (["error-as-text"], "too slow"),
        ],
    )
    async def test_a_failure_has_its_code_in_front_of_the_reason(self, ask, variants, error):
        failure = "provider_timeout: too slow"
        async with simulator(duration=0, failure=failure, variants=variants) as sim:
            job_id = (await ask("POST", sim.url + TEXT, json={"prompt": "x"})).json["id"]
            reply = await ask("GET", f"{sim.url}/v1/media/jobs/{job_id}")
        assert (reply.json["status"], reply.json["error"]) == ("failed", error)
        assert sim.service_at_work.spent_micro_usd == 0


class TestKeys:
    async def test_a_repeated_key_is_answered_with_the_first_job_as_it_is_by_now(self, ask):
        once = {"Idempotency-Key": "k1"}
        async with simulator(duration=0) as sim:
            first = await ask("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
            again = await ask("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
        assert (first.json["status"], again.json["status"]) == ("queued", "completed")
        assert [first.json["id"]] * 2 == [again.json["id"], *sim.jobs]
        assert sim.service_at_work.spent_micro_usd == 450_000
        assert next(iter(sim.jobs.values())).polls == 0

    @pytest.mark.parametrize(
        ("path", "body"),
        [(TEXT, {"prompt": "y"}), ("/v1/media/kling/k/text-to-video", {"prompt": "x"})],
    )
    async def test_with_another_body_or_model_it_is_refused(self, ask, path, body):
        once = {"Idempotency-Key": "k1"}
        async with simulator() as sim:
            await ask("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
            reply = await ask("POST", sim.url + path, json=body, headers=once)
        assert (reply.status, list(reply.json)) == (409, ["message"])
        assert len(sim.jobs) == 1

    async def test_a_key_of_another_account_is_another_key(self, ask, call):
        once = {"Idempotency-Key": "k1"}
        other = call.at(pika.TABLE).with_key("other")
        async with simulator() as sim:
            await ask("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
            await other.request("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
        assert len(sim.jobs) == 2

    @pytest.mark.parametrize("variant", REFUSALS)
    async def test_a_job_that_failed_at_its_submit_is_repeated_too(self, ask, variant):
        once = {"Idempotency-Key": "k1"}
        async with simulator(variants=[variant]) as sim:
            first = await ask("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
            again = await ask("POST", sim.url + TEXT, json={"prompt": "x"}, headers=once)
        assert (first.status, again.status) == (REFUSALS[variant][0], 200)
        assert first.json == again.json
        assert first.json["error"]["code"] == REFUSALS[variant][1]


def fails_if_bad(body):
    return "no" if "bad" in str(body) else None


class TestTheAccount:
    async def test_one_that_runs_dry_refuses_with_a_document(self, ask):
        async with simulator() as sim:
            sim.service_at_work.balance_micro_usd = 500_000
            replies = [await ask("POST", sim.url + TEXT, json={"prompt": "x"}) for _ in range(2)]
            left = await ask("GET", f"{sim.url}/billing/balance")
        assert [reply.status for reply in replies] == [200, 402]
        assert replies[1].json["error"]["code"] == "insufficient_balance"
        assert left.json == {"balance_micro_usd": 50_000, "postpaid": None}
        assert sim.service_at_work.spent_micro_usd == 450_000

    async def test_one_without_an_end_tells_what_was_spent_all_the_same(self, ask):
        """Who tries things out sees the balance fall, by nothing for jobs that failed."""
        async with simulator(failure=fails_if_bad) as sim:
            left = []
            for prompt in ("x", "bad", "x"):
                await ask("POST", sim.url + TEXT, json={"prompt": prompt})
                reply = await ask("GET", f"{sim.url}/billing/balance")
                left.append(reply.json["balance_micro_usd"])
        assert left == [99_550_000, 99_550_000, 99_100_000]

    async def test_beyond_so_many_in_flight_submits_are_refused(self, ask):
        async with simulator(duration=3600) as sim:
            sim.service_at_work.most_in_flight = 2
            replies = [await ask("POST", sim.url + TEXT, json={"prompt": "x"}) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert "already in flight" in replies[2].json["message"]
        assert len(sim.jobs) == 2

    async def test_the_rate_is_limited_as_at_every_service(self, ask):
        async with simulator(submits_per_second=1, limit_retry_after=True) as sim:
            replies = [await ask("POST", sim.url + TEXT, json={"prompt": "x"}) for _ in range(2)]
        assert [reply.status for reply in replies] == [200, 429]
        assert int(replies[1].headers["Retry-After"]) >= 1

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", TEXT),
            ("GET", "/v1/media/jobs/x"),
            ("GET", "/v1/media/jobs/x/content"),
            ("POST", "/v1/media/uploads"),
            ("GET", "/billing/balance"),
        ],
    )
    async def test_a_wrong_key_is_refused_everywhere(self, call, method, path):
        async with simulator(api_key="right") as sim:
            for key in ("wrong", None):
                raw = call.at(pika.TABLE).with_key(key)
                reply = await raw.request(method, sim.url + path, json={"prompt": "x"})
                assert (reply.status, list(reply.json)) == (401, ["message"])

    async def test_a_quote_needs_no_key(self, call):
        quote = "/catalog/apis/pika%2Fpika-2.5%2Ftext-to-video/quote"
        async with simulator() as sim:
            raw = call.with_key(None)
            reply = await raw.request("POST", sim.url + quote, json={"prompt": "x"})
            strict = await raw.request("POST", sim.url + quote, json={"prompt": "x", "a": 1})
            unknown = await raw.request("POST", f"{sim.url}/catalog/apis/a%2Fb/quote", json={})
        assert reply.json == {"micro_usd": 450_000, "sell_usd": "0.4500"}
        assert (strict.status, unknown.status) == (422, 404)


class TestUploads:
    async def ticket(self, ask, sim, kind="image/png", size=3):
        body = {"content_type": kind, "size_bytes": size, "filename": "a.png"}
        return await ask("POST", f"{sim.url}/v1/media/uploads", json=body)

    async def test_the_bytes_are_taken_with_exactly_the_headers_that_were_given(self, ask, call):
        raw = call.with_key(None)
        async with simulator() as sim:
            ticket = (await self.ticket(ask, sim)).json
            bare = await raw.request("PUT", ticket["upload_url"], data=b"png")
            keyed = await ask("PUT", ticket["upload_url"], data=b"png", headers=ticket["headers"])
            right = await raw.request(
                "PUT", ticket["upload_url"], data=b"png", headers=ticket["headers"]
            )
            stored = await raw.request("GET", ticket["url"])
        assert (bare.status, keyed.status, right.status) == (403, 403, 200)
        assert stored.body == b"png"

    @pytest.mark.parametrize(
        ("kind", "size", "status"),
        [
            ("image/png", 20 * 1024**2, 200),
            ("image/png", 20 * 1024**2 + 1, 413),
            ("video/mp4", 50 * 1024**2, 200),
            ("video/mp4", 50 * 1024**2 + 1, 413),
            ("text/html", 5, 415),
            (None, 5, 422),
            ("image/png", "5", 422),
        ],
    )
    async def test_size_and_type_are_bounded(self, ask, kind, size, status):
        async with simulator() as sim:
            assert (await self.ticket(ask, sim, kind, size)).status == status

    @pytest.mark.parametrize(
        "row", [row for row in FAULTS if row.places == ("ticket",)], ids=lambda row: row.name
    )
    async def test_a_fault_of_the_address_strikes_once(self, ask, row):
        async with simulator(faults=[Fault(row.name)]) as sim:
            replies = [await self.ticket(ask, sim) for _ in range(2)]
        assert [reply.status for reply in replies] == [row.status, 200]


class TestTheMediaHost:
    async def test_it_refuses_the_key_and_libraries(self, call):
        async with simulator() as sim:
            link = f"{sim.media_url}/v1/x/0/a.mp4"
            agent = {"User_Agent": "Mozilla/5.0"}
            replies = [
                await call.fetch(link, **agent),
                await call.fetch(link, **agent, X_API_Key="key"),
                await call.fetch(link),
                await call.fetch(link, User_Agent="python-requests/2.32"),
            ]
        assert [reply.status for reply in replies] == [200, 403, 403, 403]


class TestBodies:
    @every_row(
        ("path", "body", "said"),
        [
            ("pika/pika-2.5/text-to-video", None, "Input should be an object"),
            ("pika/pika-2.5/text-to-video", {}, "prompt: Field required"),
            ("pika/pika-2.5/text-to-video", {"prompt": " "}, "prompt: Input should be a text"),
            ("pika/pika-2.5/text-to-video", {"prompt": "x", "duration_s": 10},
             "duration_s: Input should be one of 5"),
            ("pika/pika-2.5/text-to-video", {"prompt": "x", "aspect_ratio": 1},
             "aspect_ratio: Extra inputs are not permitted"),
            ("pika/pika-2.5/text-to-video", {"prompt": "x", "seed": True},
             "seed: Input should be an integer"),
            ("pika/pika-2.5/image-to-video", {"image": "data:image/png;base64,AA"},
             "image: Input should be an http(s) URL"),
            ("pika/pikaframes/image-to-video", {"images": [IMAGE]},
             "images: Input should be a list of 2 to 5 URLs"),
            ("pika/pikaframes/image-to-video",
             {"images": [IMAGE] * 3, "transition_duration_s": 6},
             "transition_duration_s: at most 5 with 3 images"),
            ("pika/pikaffects/video-to-video",
             {"pikaffect": "x", "video": IMAGE, "prompt": "x"},
             "prompt: Extra inputs are not permitted"),
            ("pika/pika-2.5/image-to-video", {"image": IMAGE}, None),
            ("pika/pikaframes/image-to-video",
             {"images": [IMAGE] * 2, "transition_duration_s": 10}, None),
            ("kling/kling-3/text-to-video", {"anything": 1}, None),
        ],
    )  # fmt: skip
    def test_the_schemas_are_strict(self, path, body, said):
        assert complaint(path, body) == said

    async def test_a_bad_body_is_422_with_the_complaint_and_no_job(self, ask):
        async with simulator() as sim:
            reply = await ask("POST", sim.url + TEXT, json={"text": "x"})
        assert (reply.status, reply.json) == (422, {"message": "prompt: Field required"})
        assert sim.jobs == {}

    @every_row(
        ("path", "body", "micros"),
        [
            ("pika/pika-2.5/text-to-video", {"resolution": "720p"}, 200_000),
            ("pika/pika-2.5/text-to-video", {}, 450_000),
            ("pika/pika-2.5/image-to-video", {"duration_s": 10}, 900_000),
            ("pika/pikaframes/image-to-video", {"images": [1, 2, 3], "resolution": "720p"},
             400_000),
            ("pika/pikaffects/image-to-video", {}, 250_000),
        ],
    )  # fmt: skip
    def test_prices_are_by_the_second_and_the_resolution(self, path, body, micros):
        assert price(path, body) == micros

    async def test_a_path_that_it_does_not_have_is_404(self, ask):
        async with simulator() as sim:
            reply = await ask("DELETE", f"{sim.url}/v1/media/jobs/x")
        assert (reply.status, list(reply.json)) == (404, ["message"])
