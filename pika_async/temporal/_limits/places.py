"""Places for jobs that are of no open page: those of repairs, one place each. Pure.

All repairs of an account share its limit as one campaign would: they get an even part of it,
however many they are, so that no campaign starves. Where there are fewer places than campaigns,
they come first: they are few, somebody waits for them, and they end.

How many places they want is told to the campaigns, and each word costs as much as a job. So the
places of repairs that have ended are kept for the next ones, until half of them are of no use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import define, field

from pika_async.temporal._limits.shares import even

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# No campaign has a blank name.
_REPAIRS: Final = ""


@define
class Places:
    """Who has a place, and who waits for one, in the order of asking.

    Attributes:
        wants: How many places they share in at most.
    """

    wants: int = 0
    _asking: dict[str, None] = field(factory=dict)
    _placed: dict[str, None] = field(factory=dict)
    _untold: dict[str, None] = field(factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self._placed or name in self._asking

    def __bool__(self) -> bool:
        return bool(self._placed or self._asking)

    @property
    def asking(self) -> tuple[str, ...]:
        """Who waits for a place."""
        return tuple(self._asking)

    @property
    def placed(self) -> tuple[str, ...]:
        """Who has one."""
        return tuple(self._placed)

    def ask(self, name: str) -> None:
        """Somebody wants a place; one that has its place is told so again."""
        (self._untold if name in self._placed else self._asking)[name] = None
        self._want()

    def take(self, name: str) -> None:
        """Somebody has a job at the service already: its place is taken, be it free or not."""
        self._asking.pop(name, None)
        self._placed[name] = None
        self._want()

    def leave(self, name: str) -> None:
        """Somebody needs a place no more."""
        for names in (self._asking, self._placed, self._untold):
            names.pop(name, None)
        self._want()

    def _want(self) -> None:
        need = len(self._asking) + len(self._placed)
        if need > self.wants or need <= self.wants // 2:
            self.wants = need

    def part(self, limit: int, wants: Mapping[str, int]) -> int:
        """How much of the limit is theirs, where campaigns want so much."""
        shares = even(limit, {_REPAIRS: self.wants, **wants})
        return max(shares[_REPAIRS], len(self._placed))

    def hand_out(self, most: int) -> dict[str, bool]:
        """Give places to whoever waits, up to so many in all.

        Returns:
            Whom to tell that it has a place, and whether it has it from now on.
        """
        tell = dict.fromkeys(self._untold, False)
        self._untold.clear()
        free = max(most - len(self._placed), 0)
        for name in tuple(self._asking)[:free]:
            del self._asking[name]
            self._placed[name] = None
            tell[name] = True
        return tell

    def begin(self, placed: Iterable[str], asking: Iterable[str]) -> None:
        """Go on from where others stood; whoever has spoken since knows better."""
        for name in placed:
            if name not in self:
                self.take(name)
        for name in asking:
            if name not in self:
                self.ask(name)
