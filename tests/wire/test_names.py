"""Looking up the names of hosts, whatever else the program does with its threads."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import aiohttp
import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.wire import KEY

from pika_async import PikaClient
from pika_async._wire.transport.names import resolver


@pytest.fixture
async def site():
    """The base URL of a service, with a host's name in it."""

    async def handler(_):
        return web.json_response({"id": "job-1"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"http://localhost:{server.port}"


async def test_a_program_that_fills_the_threads_of_its_loop_can_submit(site):
    """A view that is no coroutine waits in the loop's only thread, and has its job all the same."""
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(1)
    loop.set_default_executor(threads)
    async with PikaClient(KEY, base_url=site) as client:

        def view():
            return asyncio.run_coroutine_threadsafe(client.submit("a red panda"), loop).result(9)

        with anyio.fail_after(9):
            assert (await asyncio.to_thread(view)).id == "job-1"


async def test_where_no_thread_can_be_started_a_name_is_looked_up_all_the_same(site, monkeypatch):
    """A container that allows no more threads can submit."""

    def refuse(_):
        raise RuntimeError("can't start new thread")

    async with PikaClient(KEY, base_url=site) as client:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert (await client.submit("a red panda")).id == "job-1"


async def test_what_is_found_is_what_others_find():
    """The addresses are those that aiohttp's own resolver finds, numbers and all."""
    theirs = await aiohttp.ThreadedResolver().resolve("localhost", 80, socket.AF_UNSPEC)
    assert await resolver().resolve("localhost", 80, socket.AF_UNSPEC) == theirs


def test_a_resolver_that_needs_no_threads_is_left_as_it_is(monkeypatch):
    """Where aiodns is installed, aiohttp's own resolver is asked."""
    monkeypatch.setattr(aiohttp, "DefaultResolver", aiohttp.AsyncResolver)
    assert resolver() is None


@pytest.mark.skipif(sys.platform != "linux", reason="others have no second address of their own")
async def test_an_address_that_does_not_answer_holds_nobody_up(site, monkeypatch):
    """Where a name has several addresses, as with IPv6 that leads nowhere, the next is tried."""
    port = int(site.rpartition(":")[2])
    with socket.socket() as silent, ExitStack() as waiting:
        silent.bind(("127.0.0.2", port))
        # A full backlog answers no SYN.
        silent.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(silent.getsockname())
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.2", "127.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with anyio.fail_after(5):
            async with PikaClient(KEY, base_url=site) as client:
                assert (await client.submit("a red panda")).id == "job-1"
