"""The command line of every benchmark: what its ``run`` takes by keyword, and ``--quick``."""

from __future__ import annotations

import argparse
import inspect
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.rig.rows import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.rig.rows import Row


def command(
    run: Callable[..., list[Row]], quick: Mapping[str, Any], argv: Sequence[str] | None = None
) -> list[Row]:
    """Run one benchmark as the command line says, print its table and return it."""
    parser = argparse.ArgumentParser(
        description=sys.modules[run.__module__].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer of everything: a rough look")
    for name, parameter in inspect.signature(run).parameters.items():
        default = parameter.default
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(default),
            help=f"default: {default}; with --quick: {quick.get(name, default)}",
        )
    given = vars(parser.parse_args(argv))
    options = dict(quick) if given.pop("quick") else {}
    options |= {name: value for name, value in given.items() if value is not None}
    rows = run(**options)
    show(rows)
    return rows
