"""The seam of a service holds what the gateway does not need: keys, uploads, a second request."""

import json
from functools import partial

import aiohttp
import pytest
from attrs import define, field

from pika_async.simulator import Fault, Polls, Simulator
from pika_async.simulator import _settings as settings
from pika_async.simulator._rows import API, REFUSES, FaultRow
from pika_async.simulator._services._service import Call, Reply, Service

KEY = {"X-Key": "key"}


@define
class Toy(Service):
    """Knows a repeated key, takes uploads at the other origin, tells results one request later."""

    name = "toy"
    faults = (FaultRow("toy-418", API, 418, REFUSES, "out of tea", {"why": "tea"}),)
    variants = {"toy-slow": "says so"}  # noqa: RUF012 - a table

    known: dict[str, str] = field(factory=dict)
    uploads: dict[str, bytes] = field(factory=dict)

    def route(self, method, path):
        parts = path.strip("/").split("/")
        match method, *parts:
            case "POST", "jobs":
                return Call("submit", self.submit)
            case "GET", "jobs", job_id:
                return Call("poll", partial(self.look, job_id), job_id)
            case "GET", "jobs", job_id, "result":
                return Call("result", partial(self.result, job_id), job_id)
            case "PUT", "jobs", job_id, "cancel":
                return Call(None, lambda _, world: Reply(202, {"was": world.jobs[job_id].id}))
        return None

    def route_elsewhere(self, method, path):
        return Call("upload", self.upload) if (method, path) == ("PUT", "/up/1") else None

    def turns_away(self, headers):
        return "X-Key" in headers

    def submit(self, arrived, world):
        used = self.known.get(arrived.headers.get("Once", ""))
        if used is not None:
            return Reply(200, {"name": used}, job=world.jobs[used])
        reply = super().submit(arrived, world)
        if reply.job is not None:
            self.known[arrived.headers.get("Once", "")] = reply.job.id
        return reply

    def result(self, job_id, arrived, world):
        ended = world.jobs[job_id].finished_at is not None
        return Reply(200, {"file": world.media_origin}) if ended else Reply(409)

    def upload(self, arrived, world):
        self.uploads[arrived.path] = arrived.body
        return Reply(201, headers={"X-Query": arrived.query})

    def key(self, headers):
        return headers.get("X-Key")

    def prompt(self, body):
        return body.get("say")

    def complaint(self, body):
        return None if body and "say" in body else "say something"

    def encode(self, body, request_id):
        return json.dumps(body | {"request": request_id}).encode()

    def headers(self, request_id):
        return {"X-Toy": request_id}

    def accepted(self, job):
        return Reply(200, {"name": job.id})

    def seen(self, job, look, media_origin):
        return Reply(202, {"is": look.moments[0].status})

    def unknown_job(self, how):
        return Reply(410)

    def unauthorized(self, key):
        return Reply(401, {"key": key is not None})

    def too_many(self):
        return Reply(429)

    def refused(self, complaint):
        return Reply(422, {"why": complaint})

    def no_such_path(self, method, path):
        return Reply(404, {"path": path})


@pytest.fixture(autouse=True)
def _toy(monkeypatch):
    monkeypatch.setitem(settings.SERVICES, "toy", Toy)


@pytest.fixture
def ask(call):
    async def ask(method, url, **options):
        headers = KEY | options.pop("headers", {})
        return await call.with_key(None).request(method, url, headers=headers, **options)

    return ask


async def test_a_service_has_its_own_paths_key_and_bodies(ask):
    async with Simulator(service="toy", duration=Polls(1)) as sim:
        made = await ask("POST", f"{sim.url}/jobs", json={"say": "hello"})
        seen = await ask("GET", f"{sim.url}/jobs/{made.json['name']}")

    assert (made.status, made.headers["X-Toy"]) == (200, made.json["request"])
    assert (seen.status, seen.json["is"]) == (202, "finished")
    assert [submission.job_id for submission in sim.submissions] == list(sim.jobs)


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"json": {}}, 422, {"why": "say something"}),
        ({"json": {"say": "x"}, "headers": {"X-Key": "wrong"}}, 401, {"key": True}),
    ],
)
async def test_a_service_refuses_in_its_own_words(ask, request_, status, said):
    async with Simulator(service="toy", api_key="key") as sim:
        reply = await ask("POST", f"{sim.url}/jobs", **request_)

    assert reply.status == status
    assert said.items() <= reply.json.items()
    assert sim.jobs == {}


async def test_a_path_that_a_service_does_not_have_is_answered_by_it(ask):
    async with Simulator(service="toy", prefix="team") as sim:
        inside = await ask("GET", f"{sim.url}/nothing")
        outside = await ask("GET", f"{sim.url.removesuffix('/team')}/jobs/x")

    assert (inside.status, inside.json["path"]) == (404, "/team/nothing")
    assert (outside.status, outside.json["path"]) == (404, "/jobs/x")


async def test_a_repeated_key_is_the_same_job_even_after_the_answer_was_lost(ask):
    async with Simulator(service="toy", faults=[Fault("closed-after")]) as sim:
        once = {"Once": "k1"}
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await ask("POST", f"{sim.url}/jobs", json={"say": "a"}, headers=once)
        again = await ask("POST", f"{sim.url}/jobs", json={"say": "a"}, headers=once)

    assert list(sim.jobs) == [again.json["name"]]
    assert [submission.job_id for submission in sim.submissions] == [again.json["name"]] * 2


async def test_a_service_remembers_for_one_simulator_alone():
    first, second = Simulator(service="toy"), Simulator(service="toy")

    assert first.service_at_work is not second.service_at_work


async def test_a_result_may_be_another_request_than_the_poll(ask):
    async with Simulator(service="toy", duration=Polls(1)) as sim:
        name = (await ask("POST", f"{sim.url}/jobs", json={"say": "a"})).json["name"]
        early = await ask("GET", f"{sim.url}/jobs/{name}/result")
        await ask("GET", f"{sim.url}/jobs/{name}")
        late = await ask("GET", f"{sim.url}/jobs/{name}/result")

        assert (early.status, late.json["file"]) == (409, sim.media_url)
        assert len(sim.polls) == 1


async def test_a_service_may_have_methods_of_its_own(ask):
    async with Simulator(service="toy") as sim:
        name = (await ask("POST", f"{sim.url}/jobs", json={"say": "a"})).json["name"]
        reply = await ask("PUT", f"{sim.url}/jobs/{name}/cancel")

    assert (reply.status, reply.json["was"]) == (202, name)


async def test_what_is_uploaded_goes_to_the_other_origin(ask):
    async with Simulator(service="toy") as sim:
        reply = await ask("PUT", f"{sim.media_url}/up/1?sign=2", data=b"\x00picture")
        stray = await ask("PUT", f"{sim.media_url}/up/2")

    assert (reply.status, reply.headers["X-Query"]) == (201, "sign=2")
    assert sim.service_at_work.uploads == {"/up/1": b"\x00picture"}
    assert stray.json == {"id": "elsewhere"}
    assert [record.path for record in sim.strays] == ["/up/2"]


async def test_a_service_may_turn_away_requests_for_files_that_carry_the_key(ask, call):
    async with Simulator(service="toy") as sim:
        with_key = await ask("GET", f"{sim.media_url}/video.mp4")
        without = await call.fetch(f"{sim.media_url}/video.mp4")

    assert (with_key.status, without.status) == (403, 200)
    assert [download.status for download in sim.downloads] == [403, 200]


async def test_faults_of_connections_strike_at_every_service_and_for_a_prompt(ask):
    fault = Fault("502-html", prompt="bad", times=None)
    async with Simulator(service="toy", faults=[fault]) as sim:
        said = [
            (await ask("POST", f"{sim.url}/jobs", json={"say": say})).status
            for say in ("good", "bad")
        ]

    assert said == [200, 502]


def test_faults_of_another_service_are_refused_when_they_are_put_in():
    simulator = Simulator(service="toy")

    with pytest.raises(ValueError, match="no fault '429-openai' at "):
        Simulator(service="toy", faults=[Fault("429-openai")])
    with pytest.raises(ValueError, match="no fault '429-openai' at "):
        simulator.faults.append(Fault("429-openai"))
    with pytest.raises(ValueError, match="no fault '429-openai' at "):
        simulator.faults = [Fault("429-openai")]


def test_variants_of_another_service_are_refused():
    assert Simulator(service="toy", variants=["toy-slow", "lagging"]).variants
    with pytest.raises(ValueError, match="no variant 'link-late'"):
        Simulator(service="toy", variants=["link-late"])


def test_an_unknown_service_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="no service 'gatway'. Did you mean 'gateway'"):
        Simulator(service="gatway")


def test_the_service_cannot_be_changed():
    with pytest.raises(AttributeError):
        Simulator().service = "toy"


async def test_a_fault_can_strike_where_a_service_tells_results(ask):
    fault = Fault("502-html", on="result")
    async with Simulator(service="toy", duration=Polls(1), faults=[fault]) as sim:
        name = (await ask("POST", f"{sim.url}/jobs", json={"say": "a"})).json["name"]
        seen = await ask("GET", f"{sim.url}/jobs/{name}")
        results = [await ask("GET", f"{sim.url}/jobs/{name}/result") for _ in range(2)]

    assert seen.status == 202
    assert [result.status for result in results] == [502, 200]


async def test_a_fault_can_name_the_job_that_was_made_all_the_same(ask):
    named = {"X-Job": "{job_id}"}
    faults = [
        Fault("custom", status=500, headers=named, started=True),
        Fault("custom", status=500, headers=named),
    ]
    async with Simulator(service="toy", faults=faults) as sim:
        made, none = [await ask("POST", f"{sim.url}/jobs", json={"say": "a"}) for _ in range(2)]

    assert [made.headers["X-Job"], none.headers["X-Job"]] == [*sim.jobs, ""]
