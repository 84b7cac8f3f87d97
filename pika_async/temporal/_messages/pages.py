"""What pages, their campaigns and workers tell each other. Values."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, field, fields, frozen

from pika_async._money import Money
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._limits.unseen import Unseen
from pika_async.temporal._outcomes import Declined, Finished, Outcome, Refused, Uncertain
from pika_async.temporal._records import Line

WIDTH = 25
"""Lines of one page that are under way at once, where the limit allows."""


@frozen(kw_only=True)
class Tally:
    """Where the lines of a page, or of a campaign, stand.

    Attributes:
        taken: Begun so far.
        submitted: Accepted by the service.
        in_flight: Submitted, or about to be, and not ended.
        succeeded: Their videos are saved.
        failed: The job ended without a video.
        refused: Nothing was started, and nothing will be.
        not_submitted: Those of them that were never sent.
        uncertain: A job may exist and be billed.
        cost: What it has come to so far.
    """

    taken: int = 0
    submitted: int = 0
    in_flight: int = 0
    succeeded: int = 0
    failed: int = 0
    refused: int = 0
    uncertain: int = 0
    cost: Cost = field(factory=Cost)
    not_submitted: int = 0

    def __add__(self, other: Tally) -> Tally:
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in _COUNTS}
        return Tally(**sums)

    def changed(self, **by: int) -> Tally:
        """The same with so many more of these."""
        return evolve(self, **{name: getattr(self, name) + more for name, more in by.items()})

    def ended(self, outcome: Outcome) -> Tally:
        """One more has ended so; what it was before, and its cost, is counted by the caller."""
        match outcome:
            case Finished():
                return evolve(self, succeeded=self.succeeded + 1)
            case Declined():
                return evolve(self, failed=self.failed + 1)
            case Refused():
                unsent = self.not_submitted + outcome.not_submitted
                return evolve(self, refused=self.refused + 1, not_submitted=unsent)
            case Uncertain():
                return evolve(self, uncertain=self.uncertain + 1)


_COUNTS = fields(Tally)


def tally_of(outcomes: tuple[Outcome, ...], price: Money | None) -> Tally:
    """Where a page stands whose lines have ended, at this price where the service says none."""
    tally = Tally(taken=len(outcomes))
    for outcome in outcomes:
        tally = tally.ended(outcome)
        match outcome:
            case Finished(charge=charge) | Declined(charge=charge):
                cost = Cost(charged=charge) if charge is not None else Cost(estimated=price)
                tally = evolve(tally, submitted=tally.submitted + 1, cost=tally.cost + cost)
            case Uncertain():
                tally = evolve(tally, cost=tally.cost + Cost(estimated=price))
            case Refused():
                pass
    return tally


@frozen(kw_only=True)
class PageOrder:
    """A page to work through.

    Attributes:
        store: Where the campaign lies.
        digest: That of all its pages, so that no worker takes other prompts for these.
        page: Its number, from 0.
        first: The index of its first line in the whole campaign, from 0.
        width: How many of its lines may be under way at once.
        budgeted: Whether it may spend only what it is granted.
        currency: That of the budget.
        price: What a job is taken to cost where the service does not say.
        timeout: Seconds to wait for a job from its submit on; None: for ever.
        account: The account whose limit it is under, where its campaign has ended before it.
        refuse_unknown: Whether a line is refused at once of which the service knows nothing.
    """

    store: str
    digest: str
    page: int
    first: int
    width: int
    budgeted: bool = False
    currency: str = "USD"
    price: Money | None = None
    timeout: float | None = None
    account: str = ""
    refuse_unknown: bool = False

    def line(self, place: int) -> Line:
        """The line at that place in the page, from 0."""
        return Line(
            store=self.store,
            digest=self.digest,
            page=self.page,
            place=place,
            index=self.first + place,
        )


@frozen(kw_only=True)
class Opened:
    """What a worker says of a page before its first line is submitted.

    Attributes:
        prompts: How many lines it has.
        ours: Whether this run is the one that submits them: another may have begun before.
        with_files: Whether files go up with some of them.
        quotes: What each costs, in millionths, as the service says it; -1 where it says nothing;
            empty where nobody asked.
        currency: That of the quotes.
        sealed: Where it stands, if its lines have ended already.
    """

    prompts: int
    ours: bool
    with_files: bool = False
    quotes: tuple[int, ...] = ()
    currency: str = "USD"
    sealed: Tally | None = None


@frozen(kw_only=True)
class Waiting:
    """Why nothing is submitted for a while, though nobody has paused anything.

    Attributes:
        reason: What the last submit that started nothing came to.
        since: When the first one of them was sent.
        until: When the next one is sent.
        tries: How often it was tried in a row.
    """

    reason: str
    since: datetime
    until: datetime
    tries: int


@frozen(kw_only=True)
class Standing:
    """Where an open page stands, what it waits for, and which jobs nobody waits for.

    ``reserved`` is what its jobs in flight may cost; None where there is none, or no price is
    known, or a worker of an older version tells.
    """

    tally: Tally
    waiting: Waiting | None = None
    unseen: tuple[Unseen, ...] = ()
    reserved: Money | None = None


@frozen(kw_only=True)
class Sealing:
    """The outcomes of a page, to be written down for good."""

    order: PageOrder
    outcomes: tuple[Outcome, ...]


@frozen(kw_only=True)
class Held:
    """A page cannot go on: what is wrong is wrong for all.

    Attributes:
        page: The page.
        reason: What happened and what to do, in sentences.
    """

    page: int
    reason: str


@frozen(kw_only=True)
class Narrowed:
    """A page has no more lines under way than this.

    Attributes:
        page: The page.
        width: How many it may have.
    """

    page: int
    width: int


@frozen(kw_only=True)
class Short:
    """A page has spent what it was granted.

    Attributes:
        page: The page.
        least: Without so much more it submits nothing.
        most: What it could use.
        granted: What it was granted so far; None where an earlier version says nothing of it.
    """

    page: int
    least: Money
    most: Money
    granted: Money | None = None
