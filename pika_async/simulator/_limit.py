"""How many submits a second are let through."""

from __future__ import annotations

from attrs import define, field


@define
class Bucket:
    """A token bucket that holds one second's worth of tokens, and at least one."""

    _tokens: float | None = field(default=None, init=False)
    _at: float = field(default=0.0, init=False)

    def take(self, rate: float, now: float) -> float:
        """Take a token: 0.0 when there was one, else the seconds until there will be."""
        full = max(rate, 1.0)
        tokens = full if self._tokens is None else self._tokens + rate * (now - self._at)
        self._tokens, self._at = min(tokens, full), now
        if self._tokens < 1:
            return (1 - self._tokens) / rate
        self._tokens -= 1
        return 0.0
