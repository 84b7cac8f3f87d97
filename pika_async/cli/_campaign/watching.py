"""A campaign as it goes: a line that moves on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

import anyio

from pika_async.cli._campaign import words
from pika_async.cli._campaign.engine import CampaignTrail, temporal
from pika_async.cli._running.exits import FAILED
from pika_async.cli._showing.live import LETTERS, Bar, Sight, Terminal
from pika_async.cli._showing.output import event, has_letters, write
from pika_async.cli._showing.shown import Note, Show

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from pika_async.temporal import Campaign, CampaignProgress

_SECONDS_BETWEEN_LOOKS: Final = 2.0
# Of the time, what looking may take: each open page is asked.
_SHARE: Final = 0.2
_SECONDS_BETWEEN_LINES: Final = 10.0


class Watched:
    """What was seen last."""

    # No attrs class: its types would be needed at run time, and so would the extra.
    def __init__(self, trail: CampaignTrail) -> None:
        self.trail = trail
        self.progress: CampaignProgress | None = None
        self.problem = ""
        """Why there was no answer to the last look."""

    def look(self) -> Sight:
        """The lines that move."""
        progress = self.progress
        if progress is None:
            return "asking the workers", 0, None, [(self.problem, "yellow")] if self.problem else []
        below = [(words.counts(progress), "")]
        if (cost := words.money(progress)) is not None:
            below.append((cost, ""))
        if progress.paused is not None and not progress.ended:
            below.append((f"paused: {progress.paused}", "yellow"))
        if (wait := words.waits(progress)) is not None:
            below.append((wait, "yellow"))
        below += [
            (f"workers fail with: {one}", "yellow") for one in words.troubles(progress.troubles)
        ]
        if self.problem:
            below.append((self.problem, "yellow"))
        return words.pace(progress), words.finished(progress), progress.prompts, below


async def watch(campaign: Campaign, trail: CampaignTrail, show: Show, *, as_json: bool) -> int:
    """Show how it goes until it has ended; returns the exit code.

    Raises:
        CampaignError: There is no such campaign.
    """
    watched = Watched(trail)
    console = Terminal()
    moves = _moves(console, as_json=as_json)
    live: AbstractContextManager[object] = nullcontext()
    if moves:
        live = Bar(watched.look, console, time.monotonic)
    with live:
        progress = await _until_it_ends(campaign, watched, show, as_json=as_json, moves=moves)
    if not as_json:
        for line in words.lines(progress, trail):
            write(line)
    return 0 if words.all_done(progress) else FAILED


def _moves(console: Console, *, as_json: bool) -> bool:
    moves = sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal
    return moves and not as_json and has_letters(LETTERS, sys.stderr)


async def _until_it_ends(
    campaign: Campaign, watched: Watched, show: Show, *, as_json: bool, moves: bool
) -> CampaignProgress:
    told_at, told = float("-inf"), ""
    while True:
        began = time.monotonic()
        try:
            progress = watched.progress = await campaign.progress()
            watched.problem = ""
        except temporal().NoAnswerError as error:
            # A worker, or the server, may be started at any time.
            if not watched.problem and not moves:
                show(Note(f"warning: {error}"))
            watched.problem = str(error)
        else:
            line = words.going(progress)
            due = time.monotonic() - told_at >= _SECONDS_BETWEEN_LINES or progress.ended
            if line != told and due and not moves:
                told_at, told = time.monotonic(), line
                if as_json:
                    event("status", **words.facts(progress, campaign.id))
                elif not progress.ended:
                    show(Note(line))
            if progress.ended:
                return progress
        took = time.monotonic() - began
        await anyio.sleep(max(_SECONDS_BETWEEN_LOOKS, took / _SHARE))
