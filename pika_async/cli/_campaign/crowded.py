"""Say why what was decided does not happen yet: the account has no place for its jobs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

from pika_async import PikaError
from pika_async._figures import counted
from pika_async.cli._showing.shown import Note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pika_async.cli._campaign.engine import CampaignTrail
    from pika_async.cli._showing.shown import Show
    from pika_async.temporal import Campaign, RepairsWaiting

LOOK: Final = 5.0
"""Seconds before the first look, and between two."""


@asynccontextmanager
async def telling(campaign: Campaign, trail: CampaignTrail, show: Show) -> AsyncIterator[None]:
    """While inside, say once that repairs wait for places, for which, and how to get more."""
    # No group of tasks: what the work itself says no to would come out as a group of errors.
    task = asyncio.create_task(_tell(campaign, trail, show))
    try:
        yield
    finally:
        task.cancel()


async def _tell(campaign: Campaign, trail: CampaignTrail, show: Show) -> None:
    while True:
        await anyio.sleep(LOOK)
        if (waiting := await campaign.repairs_waiting()) is not None:
            for line in words_of(waiting, trail, ended=await _has_ended(campaign)):
                show(Note(line))
            return


async def _has_ended(campaign: Campaign) -> bool:
    try:
        return (await campaign.progress()).ended
    except PikaError:
        # The work itself meets that, too, and says it.
        return False


def words_of(waiting: RepairsWaiting, trail: CampaignTrail, *, ended: bool) -> list[str]:
    """What they wait for, and until when; of a campaign that has ``ended`` no limit is changed."""
    places = counted(waiting.limit, "place")
    verb = "waits" if waiting.repairs == 1 else "wait"
    taken = f"all of the {places} of the account {waiting.account} are taken"
    free = "Nothing needs to be done: each is submitted as soon as one is free"
    lines = [f"{counted(waiting.repairs, 'prompt')} {verb} for a place: {taken}. {free}"]
    if waiting.kept_until is not None:
        until = f"{waiting.kept_until.astimezone():%Y-%m-%d %H:%M:%S}"
        kept = "1 is" if waiting.kept == 1 else f"{waiting.kept:,} are"
        lines.append(f"{kept} kept until {until} for jobs that may run, though nobody can tell")
    if not ended:
        lines.append("more places, while the campaign goes on:")
        lines.append(f"  {trail.line_of('resume', trail.campaign, '--max-in-flight', 'N')}")
    return lines
