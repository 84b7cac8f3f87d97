"""What a repair is told, and what it came to. Values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from pika_async.temporal._outcomes import Outcome


@frozen(kw_only=True)
class RepairOrder:
    """An uncertain line to be settled by its owner's word.

    Attributes:
        store: Where the campaign lies.
        digest: That of its pages.
        index: The line, from 0 over the whole campaign.
        page: Its page.
        place: Its place there.
        number: Which repair of this line it is, from 1.
        adopt: The id of its job; None: submit it again.
        sent_at: When that job was submitted, where it is known.
        hints: What looks at it are to know.
        submitted: Whether that job was submitted by an earlier repair, which was ended.
        account: The account whose limit it is under; none where an earlier version began it.
        max_in_flight: The limit of that account, should the repair begin it.
        origin: What the observer of the worker that submitted it has called the submit.
    """

    store: str
    digest: str
    index: int
    page: int
    place: int
    number: int
    adopt: str | None = None
    sent_at: datetime | None = None
    hints: Mapping[str, str] = field(factory=dict)
    submitted: bool = False
    account: str = ""
    max_in_flight: int | None = None
    origin: str | None = None


@frozen(kw_only=True)
class Repaired:
    """What a repair came to, to be written down."""

    order: RepairOrder
    outcome: Outcome
