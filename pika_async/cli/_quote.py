"""``pika-async quote`` and ``balance``: what it will cost, and what is left."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, Final

import anyio
import typer
from attrs import asdict

from pika_async import GenerationRequest, Money, MoneyMeaning
from pika_async._figures import counted
from pika_async.cli import _options
from pika_async.cli._prompts.file import Format, is_file_of_prompts, opened
from pika_async.cli._prompts.options import defaults, requested
from pika_async.cli._running.clients import check_key, client_for
from pika_async.cli._running.exits import FAILED
from pika_async.cli._running.plan import cost_of
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import check_of
from pika_async.cli._running.trail import STDIN, BatchTrail, Trail
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Failure, Note
from pika_async.cli._showing.stage import Stage, stage_for

QUOTE_EXAMPLES: Final = """\
Examples:

```
pika-async quote "a red panda surfing" --service pika --resolution 1080p
pika-async quote shots.csv --service fal
```
"""
BALANCE_EXAMPLES: Final = """\
Example:

```
pika-async balance --service pika
```
"""


def quote(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|PROMPT", help="A file of prompts, as for batch, or one prompt."
        ),
    ],
    *,
    chosen: Annotated[
        Format | None,
        typer.Option("--format", show_default=False, help="FILE|PROMPT is a file of this kind."),
    ] = None,
    as_json: _options.AsJSON = False,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    debug: _options.Debug = False,
    **fields: Any,
) -> None:
    """Say what a video will cost, or all videos of a file together. Costs nothing.

    The amount goes to stdout. Where the service does not say, that is said, and the exit code is 1.
    """
    way = _options.connection(context, service, base_url, allow_insecure=allow_insecure)
    is_file = chosen is not None or what == STDIN or is_file_of_prompts(what)
    trail = BatchTrail(**way, file=what) if is_file else Trail(**way)
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        check = check_of(trail.service)
        if not is_file:
            request = requested(what, fields, check)
            check_key(trail.service)
            run(partial(_quote, [request], 1, show, trail, as_json), trail)
            return
        with opened(what, chosen, check, defaults(fields)) as prompts:
            total = prompts.checked()
            check_key(trail.service)
            requests = (line.request for line in prompts.lines() if line.request is not None)
            run(partial(_quote, requests, total, show, trail, as_json), trail)


def balance(
    context: typer.Context,
    *,
    as_json: _options.AsJSON = False,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    debug: _options.Debug = False,
) -> None:
    """Say what is left in the account.

    The amount goes to stdout. Where the service does not say, that is said, and the exit code is 1.
    """
    trail = Trail(**_options.connection(context, service, base_url, allow_insecure=allow_insecure))
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        check_key(trail.service)
        run(partial(_balance, show, trail, as_json), trail)


async def _quote(  # noqa: PLR0917 - given by partial
    requests: Iterable[GenerationRequest],
    total: int,
    show: Stage,
    trail: Trail,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    with scope:
        cost = await cost_of(requests, show, trail)
        if isinstance(trail, BatchTrail):
            show(Note(counted(total, "prompt")))
        if as_json:
            event("quote", prompts=total, cost=_facts(cost))
        _tell(cost, f"the service {trail.service!r} does not say what this costs", show, as_json)


async def _balance(
    show: Stage,
    trail: Trail,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    with scope:
        async with client_for(trail, show) as client:
            left = await client.balance()
        if as_json:
            event("balance", balance=_facts(left))
        _tell(left, f"the service {trail.service!r} does not say what is left", show, as_json)


def _tell(money: Money | None, otherwise: str, show: Stage, as_json: bool) -> None:
    if money is None:
        show(
            Failure(
                kind="UnsupportedError",
                message=f"{otherwise}; look at your account there.",
                job_id=None,
                resume=None,
                code=FAILED,
                money=MoneyMeaning.NOT_SENT,
            )
        )
        raise typer.Exit(FAILED)
    if not as_json:
        write(str(money))


def _facts(money: Money | None) -> dict[str, Any] | None:
    return None if money is None else asdict(money)
