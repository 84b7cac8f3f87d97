"""What campaigns, repairs and their account tell each other. Values."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from pika_async.temporal._limits.unseen import Unseen


@frozen(kw_only=True)
class Joining:
    """A campaign joins an account.

    Attributes:
        campaign: The id of its workflow.
        wants: How many jobs it could have in flight.
        told: How many it was told last that it may have.
        holds: How many it may have in flight still.
        limit: The limit of the account, if it sets it.
    """

    campaign: str
    wants: int
    told: int = 0
    holds: int = 0
    limit: int | None = None


@frozen(kw_only=True)
class Amount:
    """How many jobs in flight a campaign wants, or has at most."""

    campaign: str
    jobs: int


@frozen(kw_only=True)
class Departed:
    """A campaign, or a repair, has ended, and these jobs of it may run still."""

    campaign: str
    unseen: tuple[Unseen, ...] = ()


@frozen(kw_only=True)
class Asking:
    """A repair asks for the place of its job.

    Attributes:
        repair: The id of its workflow.
        has: Whether its job is in flight already, or may be since it was given a place before.
    """

    repair: str
    has: bool = False


@frozen(kw_only=True)
class Remains:
    """What a campaign, or a repair, has left behind that did not end by itself.

    Attributes:
        campaign: The id of its workflow.
        running: Whether it has not ended at all.
        draining: Whether pages of it wait for jobs.
        unseen: Jobs that may run, and that nobody waits for.
    """

    campaign: str
    running: bool = False
    draining: bool = False
    unseen: tuple[Unseen, ...] = ()


@frozen(kw_only=True)
class AccountOrder:
    """An account, and where it stands when it continues as new.

    Attributes:
        limit: The most jobs in flight.
        wants, told, holds: Of each campaign, as in ``Shares``.
        gone: The campaigns that have ended without a word, and whose jobs may run still.
        unseen: Jobs of campaigns that have ended, which may run and which nobody waits for.
        placed: The repairs whose jobs may be in flight.
        asking: The repairs that wait for a place, in their order.
        earlier: The run of this account before this one, which may have been terminated: what it
            knows is taken over first.
    """

    limit: int
    wants: Mapping[str, int] = field(factory=dict)
    told: Mapping[str, int] = field(factory=dict)
    holds: Mapping[str, int] = field(factory=dict)
    gone: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    placed: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    earlier: str | None = None
