"""``pika-async campaign resolve``: what a person decides about submits whose end nobody knows."""

from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio
import typer

from pika_async import FieldError
from pika_async.cli import _options
from pika_async.cli._campaign import options
from pika_async.cli._campaign.crowded import telling
from pika_async.cli._campaign.decided import decisions_of
from pika_async.cli._campaign.engine import CampaignTrail, campaign_of, refusals, temporal
from pika_async.cli._campaign.many import Many, confirm, settle_many
from pika_async.cli._campaign.settled import tell_settled
from pika_async.cli._running.bounds import amount
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async.temporal import Campaign

EXAMPLES: Final = """\
FILE is a table with the columns `row`, `decision` (adopt, resubmit or drop) and `job_id`, such as
that of `report --csv` with a column more; or JSON lines with the same names. Rows without a
decision are left alone. The same command may be given again.

Examples:

```
pika-async campaign status summer --uncertain
pika-async campaign resolve summer 61501 --adopt 3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f
pika-async campaign resolve summer 61502 --resubmit
pika-async campaign resolve summer 61503 --drop
pika-async campaign resolve summer --all adopt
pika-async campaign resolve summer --all resubmit --budget 60
pika-async campaign resolve summer --all submit
pika-async campaign resolve summer --from decided.csv --yes
```
"""
_MANY: Final = "Many at once"
# The line that goes on repeats what was given of these; the engine's address follows them.
_REPEATED: Final = (
    *("adopt", "resubmit", "drop", "for_all", "from_file", "yes", "budget", "price"),
    *("max_in_flight", "store", "queue", "as_json"),
)
# It never repeats --again. What this run has submitted may have come to nothing meanwhile, and may
# be paid for: with --again it would be submitted, and perhaps paid for, once more. Without, nothing
# is, and the command says how many prompts it leaves alone.
_WITHOUT_AGAIN: Final = (
    "It does not repeat --again, which would also submit once more what this run has submitted and "
    "what came to nothing."
)


_OF_MANY: Final = ("again", "max_in_flight")
_OF_MONEY: Final = ("budget", "price")


class ForAll(StrEnum):
    """What is decided about all lines that are uncertain, or, by ``SUBMIT``, were never sent."""

    ADOPT = "adopt"
    DROP = "drop"
    RESUBMIT = "resubmit"
    SUBMIT = "submit"


def resolve(
    context: typer.Context,
    campaign: options.CampaignID,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="N",
            min=1,
            show_default=False,
            help="The number of the prompt, from 1, as in the names of the videos, in the report "
            "and in `status --uncertain`.",
        ),
    ] = None,
    *,
    adopt: Annotated[
        str | None,
        typer.Option(
            "--adopt",
            metavar="JOB_ID",
            show_default=False,
            help="This is its job: wait for it, and save its video.",
        ),
    ] = None,
    resubmit: Annotated[
        bool,
        typer.Option(
            "--resubmit",
            help="Submit it again, which may pay a second time; asks first, and tells the price.",
        ),
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Give it up, for good: it cannot be decided about again.")
    ] = False,
    for_all: Annotated[
        ForAll | None,
        typer.Option(
            "--all",
            show_default=False,
            help="Decide so about all that are uncertain; they and the cost are listed first. "
            "adopt: those whose jobs the server still names, as after pages were ended by hand. "
            "submit: instead all that were never sent, as since the campaign was stopped.",
            rich_help_panel=_MANY,
        ),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            show_default=False,
            help="Decide as it stands in FILE.",
            rich_help_panel=_MANY,
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=_MANY)
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Submit prompts once more, too, that were repaired before and are open still.",
            rich_help_panel=_MANY,
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="AMOUNT",
            show_default=False,
            help="All submitting again for this campaign may cost so much, with what it has cost "
            "before; by default what is left of the campaign's budget, if it has one.",
        ),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(
            "--price",
            metavar="AMOUNT",
            show_default=False,
            help="What a video is taken to cost; by default as the campaign was told, or as its "
            "jobs were charged.",
        ),
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            "--max-in-flight",
            "-n",
            metavar="N",
            min=1,
            show_default=False,
            help="How many at once; by default 10. Their jobs count towards the limit of the "
            "account, and wait for places of it.",
            rich_help_panel=_MANY,
        ),
    ] = None,
    store: options.KnownStore = None,
    server: options.Server = None,
    namespace: options.Namespace = None,
    queue: options.Queue = options.QUEUE,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Decide about prompts that are uncertain, refused, never sent, or waited for no longer.

    About one, by its number; about all that are uncertain, or were never sent; or about many, by a
    file. It can be done once their pages have ended. What is submitted again is held to what is
    left of the budget of the campaign, or to one of its own.
    """
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace)
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        codes: list[int] = []
        if for_all is not None or from_file is not None:
            if number is not None or adopt is not None or resubmit or drop:
                raise UsageError("give N with a decision, or --all, or --from: one of the three.")
            if for_all is not None and from_file is not None:
                raise UsageError("give --all or --from, not both.")
            many = Many(
                word=None if for_all is None else for_all.value,
                decisions=() if from_file is None else tuple(decisions_of(from_file)),
                yes=yes,
                budget=amount("--budget", budget, above_zero=True),
                price=amount("--price", price, above_zero=True),
                again=again,
                max_in_flight=max_in_flight,
                queue=queue,
                as_json=as_json,
            )
            trail.words = ["resolve", campaign, *_options.given(context, _REPEATED)]
            trail.left_out = _WITHOUT_AGAIN if again else ""
            run(partial(settle_many, many, store, codes, show, trail), trail)
            raise typer.Exit(codes[0] if codes else 0)
        if number is None:
            raise UsageError("give the number of a prompt, --all or --from.")
        if (adopt is not None) + resubmit + drop != 1:
            raise UsageError("give one of --adopt JOB_ID, --resubmit and --drop.")
        if many_alone := _options.given(context, _OF_MANY):
            raise UsageError(f"{many_alone[0]} goes with --all or --from.")
        if not resubmit and (money := _options.given(context, _OF_MONEY)):
            raise UsageError(
                f"{money[0]} goes with --resubmit: nothing else costs anything, when it is about "
                "one prompt."
            )
        if adopt is not None and not adopt.strip():
            raise UsageError("--adopt: it is empty; allowed is the id of a job.")
        decision: dict[str, Any] = {
            "adopt": None if adopt is None else adopt.strip(),
            "resubmit": resubmit,
            "drop": drop,
            "budget": amount("--budget", budget, above_zero=True),
            "price": amount("--price", price, above_zero=True),
            "queue": queue,
        }
        asks = resubmit and not yes
        given = _options.given(context, _REPEATED)
        trail.words = ["resolve", campaign, str(number), *given]
        run(partial(_resolve, number, decision, asks, store, codes, show, trail, as_json), trail)
        raise typer.Exit(codes[0])


async def _look(campaign: "Campaign", number: int, decision: dict[str, Any], *, asks: bool) -> None:
    """Hold one prompt that is to be submitted again to the budget; ask, and say what it costs.

    Raises:
        UsageError: It has its video already, or too little is left for it, or nobody has said yes.
    """
    known: Any = temporal()
    again = [known.Decision(index=number - 1, resubmit=True)]
    terms = {name: decision[name] for name in _OF_MONEY}
    with refusals(), _about(number):
        plan = await campaign.plan_repairs(again, again=True, **terms)
    if not plan.decisions:
        raise UsageError(
            f"prompt {number} is finished: there is nothing to settle; nothing was changed."
        )
    if not asks:
        return
    cost = "nobody knows what it costs" if plan.price is None else f"about {plan.price}"
    if plan.left is not None:
        cost += f"; of the budget of {plan.budget} there are {plan.left} left"
    confirm(f"Submit prompt {number} ({cost})? It is paid twice if it has a job already.")


@contextmanager
def _about(number: int) -> "Iterator[None]":
    """While inside, a prompt that the campaign does not have is wrong usage.

    Raises:
        UsageError: It has none of that number.
    """
    try:
        yield
    except FieldError as error:
        if error.field != "index":
            raise
        raise UsageError(f"N: {number} is not allowed; the campaign has no such prompt.") from error


async def _resolve(  # noqa: PLR0917 - given by partial
    number: int,
    decision: dict[str, Any],
    asks: bool,
    store: str | None,
    codes: list[int],
    show: Stage,
    trail: CampaignTrail,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    with scope:
        async with campaign_of(trail, store) as campaign:
            if decision["resubmit"]:
                await _look(campaign, number, decision, asks=asks)
            trail.watched = not decision["drop"]
            if trail.watched:
                show(Note("a worker waits for the job, which may take minutes"))
            if decision["resubmit"]:
                show(Note("if the service takes nothing now, it is asked again for up to an hour"))
            try:
                with _about(number):
                    async with telling(campaign, trail, show):
                        outcome = await campaign.resolve(number - 1, **decision)
                codes.append(tell_settled(number, outcome, as_json=as_json))
            finally:
                # What was refused leaves nothing to come back to; a signal does.
                trail.watched = trail.watched and scope.cancel_called
