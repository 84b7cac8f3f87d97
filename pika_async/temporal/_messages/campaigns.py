"""What a campaign is told, and what it says of itself. Values."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from pika_async._money import Money
from pika_async.temporal._limits.unseen import Unseen
from pika_async.temporal._messages.pages import Tally


@frozen(kw_only=True)
class Decided:
    """How the owner of a campaign has changed its counts since its pages ended.

    Attributes:
        uncertain: How many more lines are uncertain; most often below 0.
        failed: How many more have failed.
    """

    uncertain: int = 0
    failed: int = 0


@frozen(kw_only=True)
class Counting:
    """What a worker is asked to count.

    Attributes:
        store: Where the campaign lies.
        digest: That of its pages.
        stranded: Pages that have ended without a result.
        price: What a job is taken to cost where the service does not say.
    """

    store: str
    digest: str
    stranded: tuple[int, ...] = ()
    price: Money | None = None


@frozen(kw_only=True)
class CampaignOrder:
    """A campaign, and where it stands when it continues as new.

    Attributes:
        store: Where it lies.
        digest: That of its pages.
        prompts: How many lines it has.
        pages: How many pages they make.
        page_size: How many lines a full page has.
        account: The name of the account whose limit it shares.
        max_in_flight: The limit of the account, if it sets it.
        budget: The most that it may spend.
        price: What a job is taken to cost where the service does not say.
        timeout: Seconds to wait for a job from its submit on.
        next_page: The first one that was not opened yet.
        ended: Where the lines of the pages that have ended stand.
        spent: What of the budget is spent or granted.
        paused: Why nothing is submitted.
        stopped: Whether nothing will be submitted any more.
        stranded: Pages that ended without a result.
        searchable: Whether the server knows the search attributes of campaigns.
        unseen: Jobs of pages that have ended, which may run and which nobody waits for.
        decided: What its owner has decided since, as far as it was told.
        refuse_unknown: Whether its owner, when he last went on with it, has had prompts refused
            of which the service knows nothing.
    """

    store: str
    digest: str
    prompts: int
    pages: int
    page_size: int
    account: str
    max_in_flight: int | None = None
    budget: Money | None = None
    price: Money | None = None
    timeout: float | None = None
    next_page: int = 0
    ended: Tally = field(factory=Tally)
    spent: int = 0
    paused: str | None = None
    stopped: bool = False
    stranded: tuple[int, ...] = ()
    searchable: bool = False
    unseen: tuple[Unseen, ...] = ()
    decided: Decided = field(factory=Decided)
    refuse_unknown: bool = False

    def lines_of(self, page: int) -> int:
        """How many lines a page has."""
        return min(self.page_size, self.prompts - page * self.page_size)


@frozen(kw_only=True)
class CampaignState:
    """What a campaign says of itself.

    Attributes:
        order: What it was started with, and where it stands without the open pages.
        open_pages: The ids of the workflows of the open pages.
        share: How many jobs it may have in flight now.
        crowded_since: Since when that is none, though it could have some; None where it is not so.
    """

    order: CampaignOrder
    open_pages: tuple[str, ...] = ()
    share: int = 0
    crowded_since: datetime | None = None
