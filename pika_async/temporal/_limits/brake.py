"""How submits of a page begin again after one that started nothing. Pure.

The service has no room, or cannot be reached. Then all lines of the page wait, not each on its
own: a line that tries costs the engine eight events, and a page has room for some fifty thousand.
After the pause one submit passes. When it goes well, two more pass, then four, until all do.
"""

from __future__ import annotations

from attrs import define


@define
class Brake:
    """Which submit may pass.

    Attributes:
        failures: How many pauses there were in a row, without a submit that went well.
        closed: Whether submits need a pass.
        passes: How many submits may pass while it is closed.
        round: Grows with each pause. What left in an earlier round says nothing new.
    """

    failures: int = 0
    closed: bool = False
    passes: int = 0
    round: int = 0
    _step: int = 0

    def ready(self) -> bool:
        """Whether a submit may pass."""
        return not self.closed or self.passes > 0

    def take(self) -> int:
        """Let one pass; returns its round."""
        if self.closed:
            self.passes -= 1
        return self.round

    def held_up(self, round_: int) -> bool:
        """A submit of that round started nothing; returns whether a pause begins."""
        if round_ != self.round:
            return False
        self.failures += 1
        self.round += 1
        self.closed, self.passes, self._step = True, 0, 0
        return True

    def paused(self) -> None:
        """The pause is over."""
        self._step = self.passes = 1

    def went_well(self, round_: int, width: int) -> None:
        """A submit of that round was answered; all pass once as many passed as can be at once."""
        if round_ != self.round or not self.closed:
            return
        self.failures = 0
        self._step *= 2
        self.passes += self._step
        if self._step >= width:
            self.closed = False

    def hand_back(self, round_: int) -> None:
        """A submit of that round tells nothing of the service's room: another passes instead."""
        if self.closed and round_ == self.round:
            self.passes += 1
