"""Who reads: as was asked for, and as the terminal allows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pika_async.cli._running.trail import BatchTrail
from pika_async.cli._showing.as_json import AsJSON
from pika_async.cli._showing.live import LETTERS, Live, Terminal
from pika_async.cli._showing.output import has_letters
from pika_async.cli._showing.plain import Plain, Quiet

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show, Shown


class Stage:
    """Shows everything to a reader for people, and to those beside it."""

    def __init__(self, people: Plain, *others: Show) -> None:
        self._people = people
        self._others = others

    def __call__(self, what: Shown) -> None:
        """Show ``what`` to all."""
        self._people(what)
        for other in self._others:
            other(what)

    def live(self) -> AbstractContextManager[None]:
        """Around the waiting."""
        return self._people.live()


def stage_for(trail: Trail, *, as_json: bool = False, quiet: bool = False) -> Stage:
    """Lines that move where stderr is a terminal, but never among JSON on the same terminal.

    ``quiet``: what went wrong alone.
    """
    machines = [AsJSON(trail)] if as_json else []
    if quiet:
        return Stage(Quiet(trail, results=False), *machines)
    console = Terminal()
    can_move = (
        sys.stderr.isatty()
        and console.is_terminal
        and not console.is_dumb_terminal
        and has_letters(LETTERS, sys.stderr)
    )
    results = not as_json
    if isinstance(trail, BatchTrail):
        moves = can_move and not (as_json and sys.stdout.isatty())
        # Lines that move would be written over results on the same terminal; they tell of them.
        results = results and not (can_move and sys.stdout.isatty())
    else:
        moves = can_move and not as_json
    people = Live(trail, console, results=results) if moves else Plain(trail, results=results)
    return Stage(people, *machines)
