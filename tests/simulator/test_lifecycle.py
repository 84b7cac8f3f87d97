import asyncio
import gc
import socket
import threading
import time
import urllib.error
import urllib.request
import warnings

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from support.tables import every_row

from pika_async.simulator import Fault, Simulator


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - http on this machine
        return answer.read()


async def test_opening_twice_is_an_error_with_a_sentence():
    async with Simulator() as sim:
        with pytest.raises(RuntimeError, match="opened before, and keeps the records of one run"):
            await sim.__aenter__()
    with pytest.raises(RuntimeError, match="make a new one"):
        sim.__enter__()


@every_row("name", ["url", "media_url"])
def test_there_is_no_url_before_it_runs(name):
    with pytest.raises(RuntimeError, match="is not running: use it inside"):
        getattr(Simulator(), name)


async def test_the_records_stay_after_closing(call):
    async with Simulator() as sim:
        await call.submit(sim.url)

    assert len(sim.submissions) == 1
    assert repr(sim) == "<Simulator not running, 1 jobs>"


async def test_the_representation_shows_where_it_is():
    async with Simulator(prefix="x") as sim:
        assert f"<Simulator {sim.url}, 0 jobs>" == repr(sim)


async def test_a_port_can_be_chosen_and_is_free_again_afterwards():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for _ in range(2):
        async with Simulator(port=port) as sim:
            assert f"http://127.0.0.1:{port}" == sim.url


async def test_a_port_in_use_is_an_error_that_leaves_nothing_open():
    async with Simulator() as sim:
        port = int(sim.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            async with Simulator(port=port):
                pass
        with pytest.raises(OSError, match="in use"), Simulator(port=port):
            pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()


async def test_it_listens_on_ipv6_when_told_to(call):
    if not socket.has_ipv6:
        pytest.skip("needs IPv6")
    try:
        async with Simulator(host="::1") as sim:
            assert sim.url.startswith("http://[::1]:")
            assert (await call.submit(sim.url)).status == 200
    except OSError:
        pytest.skip("needs IPv6")


async def test_closing_does_not_wait_for_idle_connections():
    async with aiohttp.ClientSession() as session:
        async with Simulator() as sim, session.get(sim.url) as response:
            await response.read()
            started = time.monotonic()
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", ["stalled", "slow-headers"])
async def test_closing_ends_silences(call, arrival, name):
    async with anyio.create_task_group() as tasks:
        async with Simulator(faults=[Fault(name, on="download", seconds=3600)]) as sim:

            async def wait():
                with pytest.raises(aiohttp.ClientError):
                    await call.fetch(sim.media_url + "/video.mp4")

            tasks.start_soon(wait)
            await arrival(sim.downloads)
        assert not any("RequestHandler" in repr(task) for task in asyncio.all_tasks())


async def test_closing_does_not_wait_for_a_client_that_does_not_read(arrival):
    async with Simulator(media_bytes=50_000_000) as sim:
        host, port = sim.media_url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port), limit=1)
        writer.write(b"GET /video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        await arrival(sim.downloads)
    writer.transport.abort()
    await anyio.lowlevel.checkpoint()


async def test_a_client_that_leaves_during_a_silence_is_no_error(caplog):
    async with Simulator(faults=[Fault("stalled", on="download", seconds=0.05)]) as sim:
        host, port = sim.media_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        await anyio.sleep(0.1)

    assert caplog.records == []


@pytest.mark.parametrize("name", ["slow-headers", "length-too-short"])
async def test_closing_after_a_client_has_left_is_no_error(caplog, arrival, name):
    async with Simulator(faults=[Fault(name, on="download", seconds=3600)]) as sim:
        host, port = sim.media_url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        await arrival(sim.downloads)
        writer.transport.abort()
        await anyio.sleep(0.05)

    assert caplog.records == []


async def test_while_unreachable_connections_are_refused_and_then_answered_again(call):
    async with Simulator() as sim:
        url = sim.url
        async with sim.unreachable():
            with pytest.raises(aiohttp.ClientConnectorError):
                await call.submit(url)
            assert url == sim.url
        assert (await call.submit(url)).status == 200


async def test_becoming_unreachable_closes_what_was_open():
    async with Simulator() as sim:
        host, port = sim.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        async with sim.unreachable():
            while not reader.at_eof():
                await reader.read(1000)
        writer.close()


async def test_nobody_else_gets_the_port_while_it_is_unreachable():
    async with Simulator() as sim:
        address = ("127.0.0.1", int(sim.url.rpartition(":")[2]))
        async with sim.unreachable():
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(address)


async def test_media_can_be_had_while_the_api_is_unreachable(call):
    async with Simulator() as sim, sim.unreachable():
        assert (await call.fetch(sim.media_url + "/poster.jpg")).status == 200


async def test_it_can_be_closed_while_it_is_unreachable():
    unreachable = None
    async with Simulator() as sim:
        unreachable = sim.unreachable()
        await unreachable.__aenter__()
    await unreachable.__aexit__(None, None, None)


def test_it_runs_in_a_thread_of_its_own_for_synchronous_programs():
    threads = threading.active_count()
    with Simulator() as sim:
        assert get(sim.media_url + "/poster.jpg").startswith(b"\xff\xd8")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            get(sim.url)
    assert threads == threading.active_count()


async def test_in_a_thread_it_serves_another_loop_and_can_be_unreachable(call):
    with Simulator() as sim:
        async with sim.unreachable():
            with pytest.raises(aiohttp.ClientConnectorError):
                await call.submit(sim.url)
        assert (await call.submit(sim.url)).status == 200


def test_a_thread_ends_even_when_the_program_fails():
    class BugError(Exception):
        pass

    threads = threading.active_count()
    with pytest.raises(BugError), Simulator():
        raise BugError
    assert threads == threading.active_count()


def test_nothing_stays_open(recwarn):
    async def use():
        async with (
            Simulator(faults=[Fault("reset-after"), Fault("truncated")]) as sim,
            aiohttp.ClientSession() as session,
        ):
            for _ in range(3):
                try:
                    async with session.post(f"{sim.url}/pika/generate", json={}) as response:
                        await response.read()
                except aiohttp.ClientError:
                    pass

    asyncio.run(use(), debug=True)
    gc.collect()

    assert [str(warning.message) for warning in recwarn] == []
