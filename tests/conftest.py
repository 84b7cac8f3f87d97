"""What all tests share: one way to run Hypothesis, options, and figures told at the end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

# The same examples each time, however slow the machine. The first quarter of them finds nearly all
# that breaks; .ci/run tries them all, by --hypothesis-profile=full.
settings.register_profile("full", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("quick", settings.get_profile("full"), max_examples=25)
settings.load_profile("quick")


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
