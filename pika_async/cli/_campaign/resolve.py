"""``pika-async campaign resolve``: what a person decides about a submit whose end nobody knows."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio
import typer

from pika_async import FieldError
from pika_async.cli import _options
from pika_async.cli._campaign import options
from pika_async.cli._campaign.engine import CampaignTrail, campaign_of, temporal
from pika_async.cli._running.exits import FAILED, UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for
from pika_async.cli._showing.words import short

if TYPE_CHECKING:
    from pika_async.temporal import Dropped, Outcome

EXAMPLES: Final = """\
Examples:

```
pika-async campaign status summer --uncertain
pika-async campaign resolve summer 61501 --adopt 3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f
pika-async campaign resolve summer 61502 --resubmit
pika-async campaign resolve summer 61503 --drop
```
"""


def resolve(
    campaign: options.CampaignID,
    number: Annotated[
        int,
        typer.Argument(
            metavar="N",
            min=1,
            help="The number of the prompt, from 1, as in the names of the videos, in the report "
            "and in `status --uncertain`.",
        ),
    ],
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
        bool, typer.Option("--resubmit", help="Submit it again, which may pay a second time.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Give it up.")] = False,
    store: options.KnownStore = None,
    server: options.Server = None,
    namespace: options.Namespace = None,
    queue: options.Queue = options.QUEUE,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Decide about one prompt that is uncertain, was refused, or is waited for no longer.

    It can be done once its page has ended. What it costs is outside of the budget of the campaign.
    """
    trail = CampaignTrail(campaign=campaign, server=server, namespace=namespace)
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        given = [
            name
            for name, is_given in (
                ("--adopt", adopt is not None),
                ("--resubmit", resubmit),
                ("--drop", drop),
            )
            if is_given
        ]
        if len(given) != 1:
            raise UsageError("give one of --adopt JOB_ID, --resubmit and --drop.")
        if adopt is not None and not adopt.strip():
            raise UsageError("--adopt: it is empty; allowed is the id of a job.")
        decision: dict[str, Any] = {
            "adopt": None if adopt is None else adopt.strip(),
            "resubmit": resubmit,
            "drop": drop,
            "queue": queue,
        }
        trail.words = ["resolve", campaign, str(number), *given, *([adopt] if adopt else [])]
        codes: list[int] = []
        run(partial(_resolve, number, decision, store, codes, show, trail, as_json), trail)
        raise typer.Exit(codes[0])


async def _resolve(  # noqa: PLR0917 - given by partial
    number: int,
    decision: dict[str, Any],
    store: str | None,
    codes: list[int],
    show: Stage,
    trail: CampaignTrail,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    with scope:
        async with campaign_of(trail, store) as campaign:
            trail.watched = not decision["drop"]
            if trail.watched:
                show(Note("a worker waits for the job, which may take minutes"))
            try:
                outcome = await campaign.resolve(number - 1, **decision)
                codes.append(_tell(number, outcome, as_json=as_json))
            except FieldError as error:
                if error.field != "index":
                    raise
                raise UsageError(
                    f"N: {number} is not allowed; the campaign has no such prompt."
                ) from error
            finally:
                # What was refused leaves nothing to come back to; a signal does.
                trail.watched = trail.watched and scope.cancel_called


def _tell(number: int, outcome: "Outcome | Dropped", *, as_json: bool) -> int:
    """What it came to; returns the exit code."""
    known = temporal()
    match outcome:
        case known.Finished(files=files):
            name, text, code = "succeeded", f"saved {', '.join(files)}", 0
        case known.Dropped():
            name, text, code = "dropped", "given up", 0
        case known.Declined(job_id=job_id, reason=reason):
            name, text, code = "failed", f"job {job_id} failed: {short(reason)}", FAILED
        case known.Refused(meaning=meaning):
            name, text, code = "refused", f"nothing was started: {short(meaning)}", FAILED
        case _:
            name, text, code = "uncertain", "still uncertain: the submit broke off again", FAILED
    if as_json:
        event(
            "resolved",
            row=number,
            state=name,
            job_id=getattr(outcome, "job_id", None),
            files=list(getattr(outcome, "files", ())),
            message=text,
        )
    else:
        write(f"{number}: {text}")
    return code
