"""``pika-async campaign status``: where a campaign stands."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import anyio
import typer

from pika_async._figures import counted
from pika_async.cli import _options
from pika_async.cli._campaign import options, words
from pika_async.cli._campaign.engine import CampaignTrail, campaign_of, refusals, temporal
from pika_async.cli._campaign.uncertain import tell_of
from pika_async.cli._campaign.watching import watch
from pika_async.cli._running.run import reported, run
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for

if TYPE_CHECKING:
    from pika_async.temporal import Campaign

EXAMPLES: Final = """\
With --json: `campaign`, `state` (running, paused, stopping, ended), `prompts`, `taken`,
`submitted`, `in_flight`, `succeeded`, `failed`, `refused`, `not_submitted` (those of the refused
that were never sent), `uncertain`, `dropped` (given up), `repaired` (decided about since, and
counted as what they are now), `charged`, `estimated`, `reserved` (for jobs in flight),
`repairs_cost` (of what was submitted again) and `budget` (micros, currency), `share` (of the jobs
in flight), `paused` (why), `waiting` (why no submit leaves: `reason`, `since`, `until`, `tries`),
`unseen` and `unseen_until` (places kept for jobs that may run), `crowded_since` (no place in the
account), `troubles`, `forgotten` (by the server: the store tells), `searchable` (the server finds
it by `PikaUncertain > 0` or
`PikaFailed > 0`). With --uncertain one object for each: `row` (the number of the prompt, from 1),
`prompt`, `metadata`, `fingerprint`, `sent_at`, `why`.

Examples:

```
pika-async campaign status summer
pika-async campaign status summer --watch
pika-async campaign status summer --json | jq .succeeded
pika-async campaign status summer --uncertain
```
"""


def status(
    campaign: options.CampaignID,
    *,
    watching: Annotated[
        bool, typer.Option("--watch", "-w", help="Show how it goes until it has ended.")
    ] = False,
    uncertain: Annotated[
        bool,
        typer.Option(
            "--uncertain",
            help="List the submits of which nobody knows whether they started a job: number, time, "
            "fingerprint, prompt.",
        ),
    ] = False,
    store: options.KnownStore = None,
    server: options.Server = None,
    namespace: options.Namespace = None,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Say where a campaign stands: counts, money, what is wrong, and what to do about it.

    The exit code is 0; 1 where no worker answers, and with --watch where some prompt has no video
    at the end.
    """
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace, store=store)
    trail.words = ["status", campaign, "--watch", *(["--json"] if as_json else [])]
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        codes: list[int] = []
        if uncertain:
            work = partial(_list_uncertain, store, show, trail, as_json)
        elif watching:
            work = partial(_watch, codes, store, show, trail, as_json)
        else:
            work = partial(_tell, store, trail, as_json)
        run(work, trail)
        raise typer.Exit(codes[0] if codes else 0)


async def _tell(
    store: str | None, trail: CampaignTrail, as_json: bool, scope: anyio.CancelScope
) -> None:
    progress = None
    with scope:
        async with campaign_of(trail, store) as campaign:
            progress = await campaign.progress()
    if progress is None:
        # A signal came first.
        return
    if as_json:
        event("status", **words.facts(progress, trail.campaign))
        return
    for line in words.lines(progress, trail):
        write(line)


async def _watch(  # noqa: PLR0917 - given by partial
    codes: list[int],
    store: str | None,
    show: Stage,
    trail: CampaignTrail,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    async with campaign_of(trail, store) as campaign:
        with scope:
            trail.watched = True
            try:
                codes.append(await watch(campaign, trail, show, as_json=as_json))
            except temporal().CampaignError:
                trail.watched = False
                raise


async def _list_uncertain(
    store: str | None, show: Stage, trail: CampaignTrail, as_json: bool, scope: anyio.CancelScope
) -> None:
    found = None
    with scope:
        async with campaign_of(trail, store) as campaign:
            found = await _uncertain_in(campaign, as_json=as_json)
    if found is None:
        # A signal came first.
        return
    number, left_open = found
    if left_open:
        show(
            Note(
                f"{counted(left_open, 'prompt')} in pages that have not ended: what is uncertain "
                "there is listed, and can be decided about, once its page has ended"
            )
        )
    if not number:
        where = "nothing else" if left_open else "nothing"
        show(Note(f"{where} in the campaign {trail.campaign} is uncertain"))
        return
    show(
        Note(
            f"{counted(number, 'submit')} may have started a job, and may be billed. Look at the "
            "account's usage, then, for each:"
        )
    )
    for way in ("--adopt JOB_ID", "--resubmit", "--drop"):
        show(Note(f"  {trail.line_of('resolve', trail.campaign, 'N', *way.split())}"))
    if number > 1:
        show(Note("or for all of them; what it comes to is said first:"))
        for word in ("adopt", "resubmit", "drop"):
            show(Note(f"  {trail.line_of('resolve', trail.campaign, '--all', word)}"))


async def _uncertain_in(campaign: "Campaign", *, as_json: bool) -> tuple[int, int]:
    """Tell them; returns how many there are, and of how many prompts it is not known yet."""
    number = left_open = 0
    with refusals():
        async for result in campaign.results():
            if result.outcome is None:
                left_open += 1
            elif isinstance(result.outcome, temporal().Uncertain):
                number += 1
                tell_of(result, as_json=as_json)
    return number, left_open
