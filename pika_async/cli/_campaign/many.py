"""Many lines of a campaign settled by one command: shown and priced first, and then done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from pika_async import FieldError, Money
from pika_async._figures import counted
from pika_async.cli._campaign.crowded import telling
from pika_async.cli._campaign.engine import CampaignTrail, campaign_of, refusals, temporal
from pika_async.cli._campaign.settled import Summary, tell_settled
from pika_async.cli._campaign.uncertain import tell_of
from pika_async.cli._running.exits import FAILED, UsageError
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Note

if TYPE_CHECKING:
    import anyio

    from pika_async.cli._showing.stage import Stage
    from pika_async.temporal import Campaign, Decision, RepairPlan

_YES: Final = ("y", "yes")


@frozen(kw_only=True)
class Many:
    """What was said of many lines.

    Attributes:
        word: ``"adopt"``, ``"drop"`` or ``"resubmit"`` for all that are uncertain; ``"submit"`` for
            all that were never sent; None: ``decisions`` tell.
        decisions: One for a line.
        yes: Whether nobody is asked.
        budget: The most that submitting again may cost.
        price: What a job is taken to cost.
        again: Whether lines are submitted again, too, that were repaired before.
        max_in_flight: How many at once; None: as the library does.
        queue: The task queue of the workers.
        as_json: Whether a program reads it.
    """

    word: str | None
    # Its type would be needed at run time, and so would the extra.
    decisions: tuple[Any, ...]
    yes: bool
    budget: Money | None
    price: Money | None
    again: bool
    max_in_flight: int | None
    queue: str
    as_json: bool


async def settle_many(  # noqa: PLR0917 - given by partial
    many: Many,
    store: str | None,
    codes: list[int],
    show: Stage,
    trail: CampaignTrail,
    scope: anyio.CancelScope,
) -> None:
    """Show them, say what they cost, ask, and carry them out; the exit code goes into ``codes``."""
    with scope:
        async with campaign_of(trail, store) as campaign:
            with refusals():
                decisions = await _shown(many, campaign, show, trail)
                if not decisions:
                    what = "decide about" if many.word is None else many.word
                    show(Note(f"there is nothing to {what} in the campaign {trail.campaign}"))
                    codes.append(0)
                    return
                terms: dict[str, Any] = {
                    "budget": many.budget,
                    "price": many.price,
                    "again": many.again,
                }
                plan = await _planned(campaign, decisions, terms)
                _tell_plan(plan, show, as_json=many.as_json)
                _confirm(plan, yes=many.yes)
                if many.max_in_flight is not None:
                    terms["max_in_flight"] = many.max_in_flight
                trail.watched = bool(plan.decisions)
                sum_ = Summary({one.index: one for one in decisions})
                try:
                    async with telling(campaign, trail, show):
                        async for one in campaign.resolve_all(decisions, queue=many.queue, **terms):
                            sum_.add(one, _tell(one, as_json=many.as_json))
                finally:
                    # A signal leaves repairs that go on; the same command comes back to them.
                    trail.watched = trail.watched and scope.cancel_called
                    sum_.tell(len(plan.decisions), show, as_json=many.as_json)
                # What is left alone is open still.
                codes.append(FAILED if plan.repaired else sum_.code)


async def _shown(
    many: Many, campaign: Campaign, show: Stage, trail: CampaignTrail
) -> list[Decision]:
    """What is decided about which line; each is told as it stands."""
    decided = {one.index: one for one in many.decisions}
    if many.word is not None:
        decided = await _for_all(many.word, campaign, show, trail)
    found: list[Decision] = []
    async for result in campaign.results():
        if (decision := decided.pop(result.index, None)) is not None:
            found.append(decision)
            tell_of(result, as_json=many.as_json, decided=decision.word)
    # What is beyond the last prompt is refused with the rest.
    return [*found, *decided.values()]


async def _for_all(
    word: str, campaign: Campaign, show: Stage, trail: CampaignTrail
) -> dict[int, Decision]:
    """One decision for all that are uncertain, or for all that were never sent."""
    known = temporal()
    unsure: list[int] = []
    unsent: list[int] = []
    left_open = 0
    async for result in campaign.results():
        left_open += result.outcome is None
        if isinstance(result.outcome, known.Uncertain):
            unsure.append(result.index)
        elif getattr(result.outcome, "not_submitted", False):
            unsent.append(result.index)
    if left_open:
        show(Note(f"{counted(left_open, 'prompt')} in pages that have not ended are left alone"))
    if word == "submit":
        return {index: known.Decision(index=index, resubmit=True) for index in unsent}
    if unsent and word == "resubmit":
        show(Note(f"{counted(len(unsent), 'prompt')} never sent, and left alone. To submit them:"))
        show(Note(f"  {trail.line_of('resolve', trail.campaign, '--all', 'submit')}"))
    if word != "adopt":
        words = {"drop": word == "drop", "resubmit": word == "resubmit"}
        return {index: known.Decision(index=index, **words) for index in unsure}
    jobs = await campaign.known_jobs(unsure)
    if others := len(unsure) - len(jobs):
        named = counted(others, "uncertain prompt")
        show(Note(f"the server names no job for {named}: adopt those by their number, with the id"))
        show(Note("  of the job in the account's usage, if there is one"))
    return {index: known.Decision(index=index, adopt=job) for index, job in jobs.items()}


async def _planned(
    campaign: Campaign, decisions: list[Decision], terms: dict[str, Any]
) -> RepairPlan:
    try:
        return await campaign.plan_repairs(decisions, **terms)
    except FieldError as error:
        if error.field != "index":
            raise
        raise UsageError(
            f"prompt {int(str(error.value)) + 1}: the campaign has no such prompt."
        ) from error


def _tell_plan(plan: RepairPlan, show: Stage, *, as_json: bool) -> None:
    if as_json:
        event(
            "planned",
            decisions=len(plan.decisions),
            settled=plan.settled,
            repaired=plan.repaired,
            resubmits=plan.resubmits,
            unpaid=plan.unpaid,
            price=_money(plan.price),
            cost=_money(plan.cost),
            budget=_money(plan.budget),
            left=_money(plan.left),
            earlier=_money(plan.earlier),
        )
    for line in _words(plan):
        show(Note(line))


def _words(plan: RepairPlan) -> list[str]:
    lines = []
    if plan.settled:
        lines.append(
            f"{counted(plan.settled, 'prompt')} left alone: finished, or settled so before"
        )
    if plan.repaired:
        lines.append(
            f"{counted(plan.repaired, 'prompt')} left alone: submitted again before, or repaired "
            "otherwise, and open still; --again submits them once more"
        )
    others = len(plan.decisions) - plan.resubmits
    if others:
        lines.append(f"{counted(others, 'prompt')} to adopt or to give up, which costs nothing")
    if plan.resubmits:
        again = _to_submit(plan)
        cost = "; nobody knows what that costs: say --price"
        if plan.cost is not None:
            cost = f": about {plan.cost} at {plan.price} each"
        lines.append(f"{again}{cost}")
        if plan.left is not None:
            earlier = ""
            if plan.earlier is not None and plan.earlier.micros:
                earlier = f", after {plan.earlier} for what was submitted again before"
            lines.append(f"of the budget of {plan.budget} there are {plan.left} left{earlier}")
    return lines


def _to_submit(plan: RepairPlan) -> str:
    """How many, and which of them may be paid a second time."""
    again = plan.resubmits - plan.unpaid
    told = []
    if again:
        told.append(f"{counted(again, 'prompt')} to submit again, each of which may pay twice")
    if plan.unpaid:
        told.append(f"{counted(plan.unpaid, 'prompt')} to submit that have started no job before")
    return ", and ".join(told)


def _confirm(plan: RepairPlan, *, yes: bool) -> None:
    """Ask, on a terminal; elsewhere somebody has to have said yes.

    Raises:
        UsageError: Nobody has.
    """
    if yes or not plan.decisions:
        return
    cost = "" if not plan.resubmits or plan.cost is None else f" and spend about {plan.cost}"
    confirm(f"Settle {counted(len(plan.decisions), 'prompt')}{cost}?")


def confirm(question: str) -> None:
    """Ask, on a terminal; elsewhere somebody has to have said yes.

    Raises:
        UsageError: Nobody has.
    """
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("nothing was changed; with --yes this is done.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in _YES:
        raise UsageError("not confirmed; nothing was changed.")


def _tell(one: Any, *, as_json: bool) -> int:
    if one.outcome is not None:
        return tell_settled(one.index + 1, one.outcome, as_json=as_json)
    if as_json:
        event("unsettled", row=one.index + 1, message=one.problem)
    else:
        write(f"{one.index + 1}: not settled: {one.problem}")
    return FAILED


def _money(amount: Money | None) -> dict[str, Any] | None:
    return None if amount is None else {"micros": amount.micros, "currency": amount.currency}
