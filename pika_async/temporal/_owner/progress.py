"""Where a campaign stands, for people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from pika_async._money import Money
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._limits.unseen import jobs, still
from pika_async.temporal._messages.pages import Standing, Tally, Waiting
from pika_async.temporal._names import page_number
from pika_async.temporal._outcomes import Declined, Dropped, Finished, Refused, Uncertain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._outcomes import Outcome
    from pika_async.temporal._repairs.changes import Seen


@frozen(kw_only=True)
class CampaignProgress:
    """Where a campaign stands, in prompts.

    What its owner has decided about prompts since their pages ended is in all of the counts.

    Attributes:
        prompts: All of them.
        taken: Begun so far.
        submitted: Accepted by the service: what has been paid for.
        in_flight: Submitted, or about to be, and not ended.
        succeeded: Their videos are saved.
        failed: The job ended without a video.
        refused: Nothing was started, and nothing will be.
        not_submitted: Those of the refused that were never sent, as since the campaign was stopped.
        uncertain: A job may exist and be billed; see ``Campaign.resolve``.
        dropped: They were uncertain, had failed or were refused, and their owner has given them up.
        charged: What the service says that ended jobs cost; None where it says nothing.
        estimated: What jobs cost by their prices where the service does not say, and what uncertain
            submits may have cost; None where there is none, or no price is known.
        reserved: What jobs in flight may cost, and submits under way; None where there is none, or
            no price is known.
        budget: The most that it may spend.
        share: How many jobs it may have in flight now.
        paused: Why nothing is submitted; None where it goes on.
        stopped: Whether nothing will be submitted any more.
        ended: Whether it is over.
        stranded: Pages whose outcomes nobody could write down; their prompts count as uncertain.
        troubles: What workers fail with, over and over, and try again.
        searchable: Whether it is found in the engine by its search attributes; see ``Campaign``.
        waiting: Why no submit leaves at the moment, and when the next one does; None where they
            leave. Of several pages that wait, what the one that tries next says.
        unseen: How many jobs may run that nobody waits for, since the answers to their submits were
            lost, or their page was terminated; they count towards the limit of the account.
        unseen_until: When all of them are taken to have ended.
        crowded_since: Since when no submit leaves because the account has no place for one: other
            campaigns, repairs, or jobs that may run have all of them. None where it has some, or
            the campaign wants none.
        forgotten: Whether the engine has forgotten the campaign, so that its store alone tells.
        repaired: How many prompts its owner has decided about.
        repairs_cost: What submitting prompts again has cost, and may cost where that is under way;
            it is not in ``charged`` and ``estimated``, and counts towards the budget. None where
            there is none, or no price is known.
        repairs_known: Whether its store was read, which alone tells of repairs. False where it is a
            folder of other machines: then prompts count as their pages have ended.
    """

    prompts: int
    taken: int
    submitted: int
    in_flight: int
    succeeded: int
    failed: int
    refused: int
    uncertain: int
    dropped: int = 0
    charged: Money | None = None
    estimated: Money | None = None
    budget: Money | None = None
    share: int = 0
    paused: str | None = None
    stopped: bool = False
    ended: bool = False
    stranded: tuple[int, ...] = ()
    troubles: tuple[str, ...] = ()
    searchable: bool = False
    waiting: Waiting | None = None
    unseen: int = 0
    unseen_until: datetime | None = None
    forgotten: bool = False
    not_submitted: int = 0
    crowded_since: datetime | None = None
    repaired: int = 0
    repairs_cost: Money | None = None
    repairs_known: bool = False
    reserved: Money | None = None

    @property
    def cost(self) -> Money | None:
        """Charged, estimated, reserved, and for repairs, together; None where nothing is known."""
        total = Cost(charged=self.charged, estimated=self.estimated).total
        for more in (self.reserved, self.repairs_cost):
            total = Cost(charged=total, estimated=more).total
        return total


def progress_of(
    state: CampaignState,
    standings: Sequence[Standing],
    *,
    ended: bool,
    troubles: Iterable[str],
    now: datetime,
) -> CampaignProgress:
    """What a campaign and its open pages say, as one."""
    order = state.order
    sum_ = sum((each.tally for each in standings), order.ended)
    unseen = still((*order.unseen, *(one for each in standings for one in each.unseen)), now)
    waiting = [each.waiting for each in standings if each.waiting is not None]
    return CampaignProgress(
        prompts=order.prompts,
        taken=sum_.taken,
        submitted=sum_.submitted,
        in_flight=sum_.in_flight,
        succeeded=sum_.succeeded,
        failed=sum_.failed,
        refused=sum_.refused,
        not_submitted=sum_.not_submitted,
        uncertain=sum_.uncertain,
        charged=sum_.cost.charged,
        estimated=sum_.cost.estimated,
        reserved=sum((Cost(estimated=each.reserved) for each in standings), Cost()).estimated,
        budget=order.budget,
        share=state.share,
        crowded_since=None if ended else state.crowded_since,
        paused=order.paused,
        stopped=order.stopped,
        ended=ended,
        stranded=order.stranded,
        troubles=tuple(troubles),
        searchable=order.searchable,
        waiting=min(waiting, key=lambda one: one.until, default=None),
        unseen=jobs(unseen),
        unseen_until=max((each.until for each in unseen), default=None),
    )


def lost(standing: Standing, state: CampaignState, page_id: str) -> tuple[Standing, CampaignState]:
    """The same where nobody works on an open page any more, and its campaign has ended.

    Its lines count as those of other stranded pages; what it has cost is known better.
    """
    page = page_number(page_id)
    lines = state.order.lines_of(page)
    tally = Tally(taken=lines, uncertain=lines, cost=standing.tally.cost)
    order = evolve(state.order, stranded=(*state.order.stranded, page))
    return Standing(tally=tally, unseen=standing.unseen), evolve(state, order=order)


def with_repairs(
    progress: CampaignProgress, seen: Seen, stranded: Mapping[int, Sequence[Outcome]]
) -> CampaignProgress:
    """The same, with what its owner has decided since.

    Args:
        progress: As the engine tells.
        seen: As the store tells.
        stranded: What is known of pages that are stranded still.
    """
    counts = {name: getattr(progress, name) for name in _COUNTED}
    sealed = dict(seen.sealed)
    for outcomes in (*sealed.values(), *stranded.values()):
        counts["uncertain"] -= len(outcomes)
        for outcome in outcomes:
            _count(counts, outcome, 1)
    for before, now in seen.changed:
        _count(counts, before, -1)
        _count(counts, now, 1)
    return evolve(
        progress,
        **counts,
        stranded=tuple(page for page in progress.stranded if page not in sealed),
        repaired=len(seen.changed),
        repairs_cost=seen.cost,
        repairs_known=True,
    )


def _count(counts: dict[str, int], outcome: Outcome | Dropped, by: int) -> None:
    match outcome:
        case Finished():
            counts["succeeded"] += by
            counts["submitted"] += by
        case Declined():
            counts["failed"] += by
            counts["submitted"] += by
        case Refused():
            counts["refused"] += by
            counts["not_submitted"] += by * outcome.not_submitted
        case Uncertain():
            counts["uncertain"] += by
        case Dropped():
            counts["dropped"] += by


_COUNTED: Final = (
    *("submitted", "succeeded", "failed"),
    *("refused", "not_submitted", "uncertain", "dropped"),
)
