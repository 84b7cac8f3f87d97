"""What all tests share: one way to run Hypothesis, options, and figures told at the end."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

# The same examples each time, however slow the machine. The first quarter of them finds nearly all
# that breaks; .ci/run tries them all, by --hypothesis-profile=full.
settings.register_profile("full", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("quick", settings.get_profile("full"), max_examples=25)
settings.load_profile("quick")

# A disk that is made of memory, where the machine has one with room for all that tests write. A
# journal asks the disk for safety at each step, which is a third of a wait here and a core's work
# there. .ci/run takes the real disk for its other runs. Whoever names a place gets that place.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of one's own are made in it
_ROOM = 2**30
if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))


def pytest_xdist_auto_num_workers() -> int | None:
    """Half as many workers again as there are cores, which have work while tests wait.

    Who says another number by the environment is left to the plugin.
    """
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return cores * 3 // 2


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Each worker begins to collect at another place.

    Pytest translates each file when it is first collected, and keeps that for whoever comes later.
    Workers that begin at different places translate a part each, where otherwise each of them would
    translate all files of a fresh clone.
    """
    report = yield
    worker = getattr(collector.config, "workerinput", None)
    if isinstance(collector, pytest.Directory) and worker is not None:
        number = int(worker["workerid"].removeprefix("gw"))
        begin = len(report.result) * number // worker["workercount"]
        report.result = [*report.result[begin:], *report.result[:begin]]
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers have to agree about the order of the tests, wherever they began."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: str(item.path))


def pytest_collection_finish() -> None:
    """What has been imported and collected is not looked through by every ``gc.collect()``."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills",
        type=int,
        default=12,
        metavar="N",
        help="how often tests/crashes kills a batch at random moments (slow tests)",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have told with ``record_property("told", ...)``."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, told in report.user_properties:
                if name == "told":
                    terminalreporter.write_line(told)
