"""Who listens on every address: links lead where the one who asked has found it."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp
import pytest
from support.faults import gateway

from pika_async.simulator import Polls, Simulator

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the case


async def link_of_a_job(sim: Simulator, host: str) -> str:
    url = sim.url.replace(EVERYWHERE, "127.0.0.1")
    headers = {"Authorization": "Bearer k", "Host": host}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{url}/pika/generate", json=gateway.TABLE.body) as answer:
            job_id = (await answer.json())["id"]
        async with session.get(f"{url}/pika/feed/{job_id}") as answer:
            return str((await answer.json())["videos"][0]["resultUrl"])


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "192.0.2.7", "[::1]", "gpu-box.lan"])
@pytest.mark.parametrize("port", ["", ":8700"])
async def test_links_have_the_name_under_which_it_was_asked_and_their_own_port(name, port):
    async with Simulator(host=EVERYWHERE, duration=Polls(1)) as sim:
        link = await link_of_a_job(sim, f"{name}{port}")
        assert link.startswith(f"http://{name}:{urlsplit(sim.media_url).port}/")


@pytest.mark.parametrize("host", ["", "a b", "[", ":8700", "user@", "x:notaport"])
async def test_a_name_that_is_none_changes_nothing(host):
    async with Simulator(host=EVERYWHERE, duration=Polls(1)) as sim:
        before = await link_of_a_job(sim, "192.0.2.7:8700")
        assert (await link_of_a_job(sim, host)).split("/")[2] == before.split("/")[2]


async def test_links_of_one_that_listens_on_one_address_lead_there_whatever_it_is_called():
    async with Simulator(duration=Polls(1)) as sim:
        assert (await link_of_a_job(sim, "elsewhere.example")).startswith(sim.media_url)
