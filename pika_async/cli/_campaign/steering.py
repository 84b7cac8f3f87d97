"""``pika-async campaign pause``, ``resume`` and ``stop``."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import anyio
import typer

from pika_async.cli import _options
from pika_async.cli._campaign import options
from pika_async.cli._campaign.engine import CampaignTrail, campaign_of
from pika_async.cli._running.bounds import amount
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._showing.output import event
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import stage_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pika_async.temporal import AccountLimit, Campaign

_Deed: TypeAlias = "Callable[[Campaign], Awaitable[None]]"

_SHOWN: Final = 5

PAUSE_EXAMPLES: Final = """\
Example:

```
pika-async campaign pause summer --reason "the prompts are looked at again"
```
"""
RESUME_EXAMPLES: Final = """\
Examples:

```
pika-async campaign resume summer
pika-async campaign resume summer --budget 3000 -n 50
pika-async campaign resume summer --price 0.20
pika-async campaign resume summer --refuse-unknown
```
"""
STOP_EXAMPLES: Final = """\
Example:

```
pika-async campaign stop summer
```
"""


def pause(
    campaign: options.CampaignID,
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="What status says.")
    ] = "paused by its owner",
    server: options.Server = None,
    namespace: options.Namespace = None,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Submit nothing until `resume`. Jobs that are paid for are waited for, and saved."""
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace)
    told = f"campaign {campaign} is paused; jobs that are paid for go their way. To go on:"
    ways = [trail.line_of("resume", campaign)]
    _steer(lambda one: one.pause(reason), trail, "paused", [told, *ways], as_json, debug)


def resume(
    campaign: options.CampaignID,
    *,
    budget: options.Budget = None,
    price: options.Price = None,
    max_in_flight: options.MaxInFlight = None,
    refuse_unknown: Annotated[
        bool,
        typer.Option(
            "--refuse-unknown",
            help="Have each prompt refused, at no charge, of which the service says that it knows "
            "nothing (404), as where a model is gone. It holds until `resume` is called without "
            "it; then five such answers in a row pause the campaign.",
        ),
    ] = False,
    server: options.Server = None,
    namespace: options.Namespace = None,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Go on with a campaign that was paused, or has paused itself, and change its limits.

    The budget is that of the whole campaign, with what is spent already, also for what was
    submitted again. The price holds for what is submitted from now on. The limit of jobs in flight
    is that of its account.

    Where `status` says that no submit leaves until some time, since the service takes nothing:
    `pause` first, then `resume`, and it is asked at once. `resume` alone changes nothing there.
    """
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace)
    with reported(stage_for(trail, as_json=as_json), trail, debug=debug):
        most, each = amount("--budget", budget), amount("--price", price, above_zero=True)
        if most is not None and not most.micros:
            # It would be paused again at once, and this command would say that it goes on.
            raise UsageError(
                f"--budget: {budget!r} is not allowed; allowed is an amount above 0. To submit "
                f"nothing for a time: {trail.line_of('pause', campaign)}"
            )

    told, facts = [f"campaign {campaign} goes on"], dict[str, Any]()
    if refuse_unknown:
        told.append("prompts that the service knows nothing of are refused, at no charge")

    async def go_on(one: "Campaign") -> None:
        if max_in_flight is not None:
            before = await one.account_limit()
            await one.set_max_in_flight(max_in_flight)
            now = await one.account_limit()
            told.append(_of_limit(max_in_flight, before, now))
            facts.update(_limit_facts(max_in_flight, now))
        await one.resume(budget=most, price=each, refuse_unknown=refuse_unknown)

    _steer(go_on, trail, "resumed", told, as_json, debug, facts=facts)


def _of_limit(jobs: int, before: "AccountLimit | None", now: "AccountLimit | None") -> str:
    """What it is now for the whole account, and for which campaigns."""
    if now is None:
        return (
            f"its account has at most {jobs:,} jobs in flight now, for all campaigns that share it"
        )
    was = "" if before is None or before.jobs == jobs else f", where it had {before.jobs:,}"
    shown, more = now.campaigns[:_SHOWN], len(now.campaigns) - _SHOWN
    *names, last = [*shown, f"{more:,} more"] if more > 0 else [*shown]
    who = f"the campaigns {', '.join(names)} and {last} share them"
    if not names:
        who = "no other campaign shares them"
    return f"the account {now.account} has at most {jobs:,} jobs in flight now{was}; {who}"


def _limit_facts(jobs: int, now: "AccountLimit | None") -> dict[str, Any]:
    """The same for machines."""
    account = None if now is None else now.account
    campaigns = None if now is None else list(now.campaigns)
    return {"account": account, "max_in_flight": jobs, "campaigns": campaigns}


def stop(
    campaign: options.CampaignID,
    *,
    server: options.Server = None,
    namespace: options.Namespace = None,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Submit nothing any more, for good. It ends when the jobs that are paid for have ended."""
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace)
    told = f"campaign {campaign} submits nothing more; jobs that are paid for are waited for"
    _steer(lambda one: one.stop(), trail, "stopped", [told], as_json, debug)


def _steer(  # noqa: PLR0917 - of the verbs above alone
    deed: _Deed,
    trail: CampaignTrail,
    name: str,
    told: list[str],
    as_json: bool,
    debug: bool,
    *,
    facts: "Mapping[str, Any] | None" = None,
) -> None:
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        run(partial(_do, deed, trail), trail)
        if as_json:
            event(name, campaign=trail.campaign, **(facts or {}))
        first, *more = told
        for line in (first, *(f"  {one}" for one in more)):
            show(Note(line))


async def _do(deed: _Deed, trail: CampaignTrail, scope: anyio.CancelScope) -> None:
    with scope:
        async with campaign_of(trail) as campaign:
            await deed(campaign)
