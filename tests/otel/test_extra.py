"""With the API alone nothing happens; without it, a sentence says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.batches import client_for
from support.events import EVENTS

from pika_async.otel import Telemetry
from pika_async.simulator import Polls, Simulator


@pytest.mark.parametrize(
    "missing", ["opentelemetry", "opentelemetry.context", "opentelemetry.trace"]
)
def test_without_the_extra_the_import_says_what_to_install(missing):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.modules[{missing!r}] = None; import pika_async.otel",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: pika_async.otel needs opentelemetry-api, which is not installed: "
        "pip install '/path/to/clone[otel]'"
    )


def test_the_package_itself_does_not_import_it():
    program = (
        "import sys, pika_async; pika_async.PikaClient; "
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_without_an_sdk_nothing_happens_and_all_goes_well(caplog):
    # No provider is set in this process.
    with Telemetry() as telemetry:
        async with Simulator(duration=Polls(2)) as sim:
            async with client_for(sim, observer=telemetry) as client:
                assert (await client.generate("a red panda")).video
    assert caplog.text == ""


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_any_event_may_come_at_any_time(event, backend):
    telemetry = backend.telemetry()
    for told in (event, *EVENTS, event):
        telemetry(told)
    telemetry.close()
