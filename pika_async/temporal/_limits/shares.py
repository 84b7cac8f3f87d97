"""Who may have how many jobs in flight, so that the sum is never above the limit. Pure.

A limit is shared twice: by the campaigns of an account, and by the open pages of a campaign. Both
go by the same rules:

1. Each member says how much it wants. The limit is shared evenly; what one does not want goes to
   the others.
2. A member that is told less has still more in flight for a while. It says when that is over, and
   only then somebody else is told more. Until then it *holds* what it was told before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Mapping


@define
class Member:
    """One that shares.

    Attributes:
        wants: How much it can use.
        told: What it was told last: it begins nothing above that.
        holds: What it may have in flight still; never less than ``told``.
    """

    wants: int
    told: int = 0
    holds: int = 0


@define
class Shares:
    """How a limit is shared.

    Attributes:
        limit: The most that all of them may have in flight together.
        members: By name, in the order of joining.
    """

    limit: int
    members: dict[str, Member] = field(factory=dict)

    @property
    def held(self) -> int:
        """The most that all of them have in flight."""
        return sum(member.holds for member in self.members.values())

    @property
    def lack(self) -> bool:
        """Whether somebody wants more than he has been told."""
        return any(member.wants > member.told for member in self.members.values())

    def want(self, name: str, wants: int) -> None:
        """Somebody joins, or wants another amount."""
        member = self.members.get(name)
        if member is None:
            self.members[name] = Member(wants)
        else:
            member.wants = wants

    def join(self, name: str, member: Member) -> None:
        """Somebody joins, or joins again, who may have jobs in flight already."""
        self.members[name] = member

    def tell(self, name: str, amount: int) -> None:
        """Count a member as told so much, since it keeps to that by itself."""
        member = self.members.get(name)
        if member is not None:
            member.told = amount

    def released(self, name: str, amount: int) -> None:
        """A member has no more than this in flight, or what it was told since."""
        member = self.members.get(name)
        if member is not None:
            member.holds = min(member.holds, max(member.told, amount))

    def content(self, name: str, amount: int) -> None:
        """A member wants no more than this, and will never have more in flight again."""
        member = self.members.get(name)
        if member is not None:
            member.wants = min(member.wants, amount)
            member.told = min(member.told, amount)
            member.holds = min(member.holds, amount)

    def leave(self, name: str) -> None:
        """A member has nothing in flight any more, and wants nothing."""
        self.members.pop(name, None)

    def changes(self) -> dict[str, int]:
        """Whom to tell what, now; they count as told."""
        aims = even(self.limit, {name: member.wants for name, member in self.members.items()})
        changed: dict[str, int] = {}
        for name, member in self.members.items():
            if aims[name] < member.told:
                member.told = changed[name] = aims[name]
        free = self.limit - self.held
        for name, member in self.members.items():
            most = min(aims[name], member.holds + max(free, 0))
            if most > member.told:
                free -= max(most - member.holds, 0)
                member.told = changed[name] = most
                member.holds = max(member.holds, most)
        return changed


def even(limit: int, wants: Mapping[str, int]) -> dict[str, int]:
    """The limit shared evenly; nobody gets more than it wants, and nothing that is wanted is left.

    Who comes first gets one more where it does not come out even.
    """
    shares = dict.fromkeys(wants, 0)
    left = limit
    hungry = [name for name, wanted in wants.items() if wanted > 0]
    while hungry and left > 0:
        each, odd = divmod(left, len(hungry))
        for place, name in enumerate(hungry):
            more = min(each + (place < odd), wants[name] - shares[name])
            shares[name] += more
            left -= more
        hungry = [name for name in hungry if shares[name] < wants[name]]
    return shares
