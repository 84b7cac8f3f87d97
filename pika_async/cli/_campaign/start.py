"""``pika-async campaign start``: from now on workers submit."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final

import anyio
import typer

from pika_async import FieldError
from pika_async.cli import _options
from pika_async.cli._campaign import options
from pika_async.cli._campaign.engine import CampaignTrail, engine_of, refusals, temporal
from pika_async.cli._campaign.watching import watch
from pika_async.cli._running.bounds import amount
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._showing.output import event
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for
from pika_async.dialects import Quotes, service_named

EXAMPLES: Final = """\
Examples:

```
pika-async campaign start summer --store summer --budget 20 --price 0.45
pika-async campaign start summer --store s3://bucket/summer -n 200 --budget 2000 --price 0.20 --wait
pika-async campaign start summer-2 --store summer --carry-on
```
"""
_CHANGED: Final = (
    "the limit of the account {account} was {before:,} and is {now:,} now, for all campaigns on it"
)


def start(
    campaign: options.NewCampaignID,
    *,
    store: options.Store,
    max_in_flight: options.MaxInFlight = None,
    submits_per_second: Annotated[
        float | None,
        typer.Option(
            "--submits-per-second",
            metavar="R",
            show_default=False,
            help="How many submits leave a second, on average, over all campaigns on the queue; by "
            "default as it is, which is no limit at first.",
        ),
    ] = None,
    budget: options.Budget = None,
    price: options.Price = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            show_default=False,
            help="How long a job is waited for; then its prompt counts as failed, though the job "
            "runs on. By default for ever.",
        ),
    ] = None,
    account: Annotated[
        str,
        typer.Option(
            "--account", metavar="NAME", help="Campaigns on one key share its --max-in-flight."
        ),
    ] = "default",
    wait: Annotated[
        bool, typer.Option("--wait", help="Show how it goes until it has ended.")
    ] = False,
    carry_on: Annotated[
        bool,
        typer.Option(
            "--carry-on",
            help="Start the pages that an earlier campaign has left in the store, which has ended. "
            "What it has begun and not written down is uncertain, not submitted; what was never "
            "sent of pages that have ended is submitted by `resolve --all submit`.",
        ),
    ] = False,
    server: options.Server = None,
    namespace: options.Namespace = None,
    queue: options.Queue = options.QUEUE,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Start a campaign that was prepared, under a name that no other has had.

    It goes on without this command, as long as a worker and the server run. The prompts of a store
    are started once: a second start submits nothing.
    """
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace, store=store)
    trail.words = ["status", campaign, "--watch", *(["--json"] if as_json else [])]
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        settings = {
            "max_in_flight": max_in_flight,
            "submits_per_second": submits_per_second,
            "budget": amount("--budget", budget, above_zero=True),
            "price": amount("--price", price, above_zero=True),
            "timeout": timeout,
            "account": account,
            "queue": queue,
            "carry_on": carry_on,
        }
        codes: list[int] = []
        run(partial(_start, store, settings, wait, codes, show, trail, as_json), trail)
        raise typer.Exit(codes[0] if codes else 0)


async def _check_price(store: str, settings: Mapping[str, Any]) -> None:
    """Refuse a budget where nobody may know what a job costs: nothing would be submitted for it.

    Raises:
        UsageError: The prompts may go to a service that does not say, and there is no price.
        ConfigurationError: Nothing is prepared there.
    """
    if settings.get("budget") is None or settings.get("price") is not None:
        return
    with refusals():
        manifest = await temporal().read_manifest(store)
    if manifest.service and _says_prices(manifest.service):
        return
    why = f"the service {manifest.service!r} does not say what a video costs"
    if not manifest.service:
        why = (
            "the prompts are not bound to a service, and a gateway does not say what a video "
            "costs. The price counts only where the service says none; prompts that are prepared "
            "with --service pika or fal need none"
        )
    raise UsageError(f"--budget needs --price here: {why}. Nothing was started.")


def _says_prices(service: str) -> bool:
    try:
        return isinstance(service_named(service), Quotes)
    except FieldError:
        # Of a worker of somebody's own, which alone knows.
        return True


async def _start(  # noqa: PLR0917 - given by partial
    store: str,
    settings: dict[str, Any],
    wait: bool,
    codes: list[int],
    show: Stage,
    trail: CampaignTrail,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    await _check_price(store, settings)
    async with engine_of(trail) as engine:
        limit, account = settings["max_in_flight"], settings["account"]
        before = None if limit is None else await temporal().Campaign.limit_of(engine, account)
        # Whole or not at all: a signal waits until it is known whether it was started.
        campaign = await temporal().Campaign.start(engine, trail.campaign, store, **settings)
        trail.watched = True
        if as_json:
            event("started", campaign=trail.campaign, store=store)
        show(Note(f"campaign {trail.campaign} is started; it goes on without this command"))
        if before is not None and before != limit:
            show(Note(_CHANGED.format(account=account, before=before, now=limit)))
        if not wait:
            show(Note("to see how it goes:"))
            show(Note(f"  {trail.line_of('status', trail.campaign, '--watch')}"))
            return
        with scope:
            codes.append(await watch(campaign, trail, show, as_json=as_json))
