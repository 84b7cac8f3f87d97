from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import pika_async.pytest_plugin

pytest_plugins = ["pytester"]
# Each runs pytest, or an interpreter, of its own.
pytestmark = pytest.mark.slow

HERE = str(Path(pika_async.pytest_plugin.__file__).parent.parent)
INSTALLED = any(
    point.value == "pika_async.pytest_plugin" for point in entry_points(group="pytest11")
)
# Named twice, pytest would refuse it.
PLUGIN = [] if INSTALLED else ["-p", "pika_async.pytest_plugin"]

SCOPE = "asyncio_default_fixture_loop_scope=function"
SYNCHRONOUS = """
    import json
    import urllib.request

    from pika_async.simulator import Fault

    BODY = {"promptText": "x", "model": "1.5", "options": {"parameters": {}, "extend": False}}

    def call(url, data=None):
        request = urllib.request.Request(url, data, {"Authorization": "Bearer key"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def test_a_job_is_finished_at_its_second_poll(pika_simulator):
        job = call(pika_simulator.url + "/pika/generate", json.dumps(BODY).encode())["id"]
        feed = f"{pika_simulator.url}/pika/feed/{job}"
        assert ["queued", "finished"] == [call(feed)["videos"][0]["status"] for _ in range(2)]

    def test_each_test_has_its_own(pika_simulator):
        assert [] == pika_simulator.submissions
        pika_simulator.faults.append(Fault("502-html"))
"""
ASYNCHRONOUS = """
    import aiohttp
    {imports}

    {mark}
    async def test_it_answers(pika_simulator):
        async with aiohttp.ClientSession() as session:
            async with session.get(pika_simulator.media_url + "/video.mp4") as response:
                assert b"ftyp" == (await response.read())[4:8]
"""


def check(script):
    command = [sys.executable, "-W", "error", "-c", script]
    result = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    assert result.stderr == ""


def test_the_plugin_imports_nothing_until_the_fixture_is_used():
    check("""
import sys
import pytest
import pika_async.pytest_plugin

for name in ("pika_async.simulator", "aiohttp", "attrs", "cattrs", "anyio"):
    assert name not in sys.modules, name
""")


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HERE)

    def run(test, *arguments):
        pytester.makepyfile(test)
        return pytester.runpytest_subprocess(*PLUGIN, "-W", "error", *arguments)

    return run


def test_the_fixture_serves_synchronous_tests(run):
    run(SYNCHRONOUS, "-p", "no:asyncio", "-p", "no:anyio").assert_outcomes(passed=2)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_the_fixture_serves_pytest_asyncio(run, mode):
    test = ASYNCHRONOUS.format(imports="import pytest", mark="@pytest.mark.asyncio")

    run(test, "-o", f"asyncio_mode={mode}", "-o", SCOPE, "-p", "no:anyio").assert_outcomes(passed=1)


def test_the_fixture_serves_anyios_plugin(run):
    test = ASYNCHRONOUS.format(
        imports="import pytest",
        mark="@pytest.mark.anyio\n    @pytest.mark.parametrize('anyio_backend', ['asyncio'])",
    )

    run(test, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_the_fixture_is_listed_with_its_explanation(run):
    result = run("", "--fixtures", "-q", "-p", "no:asyncio")

    result.stdout.fnmatch_lines(["*pika_simulator*", "*A running Simulator*"])


CLIENT = """
    import time

    import pytest

    from pika_async import NotFoundError, TransportError
    from pika_async.simulator import Fault

    @pytest.mark.asyncio
    async def test_a_video(pika_client):
        async with pika_client as client:
            assert (await client.generate("a red panda surfing")).video.url

    @pytest.mark.asyncio
    async def test_an_outage(pika_client, pika_simulator):
        pika_simulator.faults.append(Fault("reset-after", on="poll", times=None))
        async with pika_client as client:
            with pytest.raises(TransportError):
                await client.generate("a red panda surfing")

    @pytest.mark.asyncio
    async def test_a_job_that_is_not_there(pika_client, pika_simulator):
        pika_simulator.faults.append(Fault("unknown-404", times=None))
        async with pika_client as client:
            with pytest.raises(NotFoundError):
                await client.generate("a red panda surfing")

    def test_another_service(pika_simulator_for):
        one, other = pika_simulator_for("gateway"), pika_simulator_for("gateway")
        assert one.url != other.url
        assert one.dialect.name == "gateway"
"""


def test_the_client_fixture_sees_ends_and_gives_up_within_seconds(run):
    result = run(CLIENT, "-o", "asyncio_mode=strict", "-o", SCOPE, "-p", "no:anyio")

    result.assert_outcomes(passed=4)
    assert result.duration < 30
