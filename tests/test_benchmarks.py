"""The benchmarks are all run by the runner, and what they tell is kept; nothing here is timed."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
import urllib.request
from pathlib import Path

import pytest
from support.tables import every_row

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the benchmarks ask POSIX for CPU time and limits"
)

if sys.platform != "win32":
    import benchmarks
    from benchmarks import __main__ as runner
    from benchmarks.rig.command import command
    from benchmarks.rig.plots import name_and_jobs, worst_of_each
    from benchmarks.rig.results import Measurement, Results
    from benchmarks.rig.rows import Row, compared
    from benchmarks.rig.server import requests_answered, server
    from benchmarks.rig.targets import TARGETS


def functions(file):
    return {node.name for node in ast.parse(file.read_text()).body if hasattr(node, "name")}


def test_the_runner_lists_every_module_that_can_be_run():
    """Nobody has to remember to add one."""
    files = [
        file for file in Path(benchmarks.__file__).parent.glob("*.py") if file.stem != "__main__"
    ]
    runnable = {file.stem for file in files if {"run", "main"} <= functions(file)}

    assert set(runner.available()) == runnable


def test_each_benchmark_runs_by_default_and_quickly():
    """What the runner calls needs no arguments, and what it leaves smaller exists."""
    for name in runner.available():
        module = importlib.import_module(f"benchmarks.{name}")
        options = inspect.signature(module.run).parameters

        assert callable(module.main)
        assert all(option.default is not option.empty for option in options.values())
        assert set(getattr(module, "QUICK", {})) <= set(options)
        assert runner.summary(name).endswith(".")


def test_ratios_are_taken_round_by_round():
    """A slow round is slow to both."""
    loop, batch, ratio = compared({"loop": [1.0, 2.0], "batch": [1.1, 2.6]}, "s")

    assert (loop.figures, batch.figures) == ((1.0, 2.0), (1.1, 2.6))
    assert ratio.unit.endswith("loop")
    assert ratio.spread == "1.20 (1.10 to 1.30)"


@every_row(
    ("target", "figures", "verdict"),
    [
        ("cpu", (1.3,), "missed"),
        ("cpu", (1.1,), "met, aim missed"),
        ("cpu", (0.9, 5.0, 1.0), "aim met"),
        ("peers", (9.0,), "missed"),
        ("peers", (11.0,), "met, aim missed"),
        ("import", (0.05,), "met"),
        ("growth-loop", (1.1,), "aim missed"),
        ("crashes", (0,), "met"),
        ("cpu", (), ""),
        (None, (1.0,), ""),
    ],
)
def test_a_row_is_held_to_its_target(target, figures, verdict):
    """By the median of its rounds."""
    assert Row("batch", "KB", figures, target).verdict == verdict


def test_results_are_kept_for_machines_and_for_people(tmp_path):
    """What was measured is read back as it was, and every target has its line."""
    row = Row("batch, 1,000 jobs", "KB", (1.05, 1.1, 1.2), "cpu", note="quiet")
    results = Results(tmp_path)
    results.measured["batch_overhead"] = Measurement.now([row], quick=True, seconds=1.0)

    results.write()

    table = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert Results.read(tmp_path) == results
    assert "| batch, 1,000 jobs: 1.10 (1.05 to 1.20) | met, aim missed |" in table
    assert all(target.how in table for target in TARGETS.values())
    assert "quick run" in table
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert set(found["batch_overhead"]["versions"]) >= {"Python", "aiohttp", "attrs", "cattrs"}


def test_one_that_fails_does_not_take_the_others_with_it(tmp_path, monkeypatch, capfd):
    """An hour's measuring is not lost to the last one."""
    measured = Measurement.now([Row("one", "s", (1.0,))], quick=False, seconds=1.0)

    def measure(name, folder, *, quick):  # noqa: ARG001 - the runner says it
        if name == "memory":
            raise RuntimeError("out of luck")
        return measured

    monkeypatch.setattr(runner, "measure", measure)

    assert runner.main(["--only", "memory", "download", "--results", str(tmp_path)]) == 1
    assert set(Results.read(tmp_path).measured) == {"download"}
    assert "out of luck" in capfd.readouterr().err


def test_what_needs_something_that_is_missing_is_skipped_and_says_how_to_get_it(
    tmp_path, monkeypatch, capfd
):
    """It is no failure, and the row of its target stands in the results without a figure."""
    monkeypatch.setitem(sys.modules, "temporalio", None)
    monkeypatch.setitem(sys.modules, "temporalio.client", None)
    monkeypatch.delitem(sys.modules, "benchmarks.campaign", raising=False)
    monkeypatch.setattr("benchmarks.instructions.shutil.which", lambda name: None)  # noqa: ARG005

    asked = ["--only", "campaign", "instructions", "--results", str(tmp_path)]
    assert runner.main(asked) == 0

    table = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| campaign | not measured: temporalio is not installed (pip install pika" in table
    assert "instructions: not measured: valgrind is not installed (apt-get install valg" in table
    assert "not measured: temporalio" in capfd.readouterr().out


def test_what_is_missing_of_our_own_is_a_failure(tmp_path, monkeypatch):
    """A module that was renamed must not look like a package to install."""
    monkeypatch.setitem(sys.modules, "pika_async.simulator", None)
    monkeypatch.delitem(sys.modules, "benchmarks.memory", raising=False)

    assert runner.main(["--only", "memory", "--results", str(tmp_path)]) == 1


def test_an_sdk_that_is_not_installed_has_a_row_that_says_so(monkeypatch):
    """A reader sees that it is missing from the comparison, and how to have it there."""
    peers = importlib.import_module("benchmarks.peers")
    monkeypatch.setattr(peers, "find_spec", lambda name: name == "pika_async")

    rows = peers.run(most=0)

    assert [row.what for row in rows] == ["fal-client", "openai", "runwayml"]
    assert all("not measured" in row.spread and "pip install" in row.spread for row in rows)


async def test_the_calls_of_the_sdk_by_hand_export_what_telemetry_exports():
    """So that the row of the SDK's own calls is the floor of the row of telemetry."""
    from support.backend import Backend  # noqa: PLC0415 - needs the SDK

    from benchmarks import telemetry as benchmark  # noqa: PLC0415 - as above

    observed, by_hand = Backend(), Backend()
    with server(benchmark._POLLS) as url:
        events = await benchmark.told(url)
    benchmark.observed(observed.telemetry(), events)()
    benchmark.by_hand(by_hand.traces, by_hand.metrics)()

    assert exported(by_hand) == exported(observed)


def exported(backend):
    """Names, attributes and events; ids are each time others."""
    ids = ("gen_ai.response.id", "pika.submit.id")
    spans = [
        (
            span.name,
            span.kind,
            {name: name in ids or value for name, value in span.attributes.items()},
            [(event.name, dict(event.attributes)) for event in span.events],
            span.parent is None,
        )
        for span in backend.spans
    ]
    times = {
        name: [dict(point.attributes) for point in backend.points(name)]
        for name in (
            "gen_ai.client.operation.duration",
            "pika.client.job.polls",
            "pika.client.submit.duration",
        )
    }
    return spans, times


def test_the_results_say_how_long_each_took_and_all_together(tmp_path):
    """Whoever wants to repeat them knows what it takes."""
    results = Results(tmp_path)
    for name, seconds in {"memory": 100.4, "download": 20.0}.items():
        results.measured[name] = Measurement.now([], quick=False, seconds=seconds)

    results.write()

    table = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "- Seconds: 120 in all (memory 100, download 20)" in table


def test_a_benchmark_draws_where_its_results_are_written(tmp_path, monkeypatch):
    """A look at something else leaves the results of this repository alone."""
    drawn = []
    schedule = importlib.import_module("benchmarks.schedule")
    monkeypatch.setattr(schedule, "compared", lambda seeds, *, curves: [])  # noqa: ARG005
    monkeypatch.setattr(schedule, "draw", lambda rows, path: drawn.append(path))  # noqa: ARG005

    runner.measure("schedule", tmp_path, quick=False)

    assert drawn == [tmp_path / "schedule.png"]


def test_the_readme_shows_what_a_whole_run_writes_and_quotes_no_figure_of_it():
    """What is copied by hand is wrong after the next run."""
    root = Path(benchmarks.__file__).parents[1]
    readme = (root / "README.md").read_text(encoding="utf-8")
    folder = runner.RESULTS.relative_to(root).as_posix()

    for name in ("RESULTS.md", "targets.png"):
        assert f"]({folder}/{name})" in readme
        assert (runner.RESULTS / name).exists()
    (promise,) = [line for line in readme.splitlines() if "python -m benchmarks" in line]
    assert not re.search(r"\d", promise.partition(". ")[2])


def test_the_picture_shows_the_worst_of_what_is_held_against_a_target():
    """Of two ways to be limited, say, the better one would flatter."""
    better, worse = Row("mute", "x", (1.02,), "rate-time"), Row("told", "x", (1.10,), "rate-time")
    few, many = Row("a", "x", (30.0,), "peers"), Row("b", "x", (11.0,), "peers")
    missing = Row("c", "x", (), "memory")

    assert worst_of_each([better, worse, few, many, missing]) == [many, worse]


def test_a_client_with_a_comma_in_its_name_has_a_line_in_the_picture():
    """Its jobs are what follows the last one."""
    assert name_and_jobs(Row("pika_async, Fal(), 1,000 jobs", "ms a request", (1.0,))) == (
        "pika_async, Fal()",
        1000,
    )


def test_each_target_has_a_name_of_its_own_in_the_picture():
    """Lines with one name could not be told apart."""
    titles = [target.title for target in TARGETS.values()]

    assert len(set(titles)) == len(titles)


def test_options_come_from_what_a_benchmark_takes():
    """--quick is smaller, and what is said beside it is said."""
    asked = []

    def run(*, jobs: int = 1000, rounds: int = 5):
        asked.append((jobs, rounds))
        return []

    for words in ([], ["--quick"], ["--quick", "--jobs", "7"]):
        command(run, {"jobs": 10, "rounds": 1}, words)

    assert asked == [(1000, 5), (10, 1), (7, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("wire", ["gateway", "fal", "openai", "runway"])
def test_the_server_counts_what_it_answers(wire):
    """Figures are per request that arrived; the question how many there were is none."""
    with server(2, wire=wire) as url:
        assert requests_answered(url) == 0
        with urllib.request.urlopen(url, data=b"{}") as answer:  # noqa: S310 - our own
            assert json.load(answer)
        assert requests_answered(url) == 1
