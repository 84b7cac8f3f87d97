"""How long to wait before the next try: the arithmetic, and the policy made of it. Pure."""

from __future__ import annotations

from attrs import field, frozen

from pika_async._checks import at_least_one, seconds, share


def spread(seconds: float, jitter: float, random_number: float) -> float:
    """``seconds`` moved by up to ``jitter`` (a share of it) either way.

    The mean stays ``seconds`` for random numbers spread evenly over [0, 1).
    """
    return seconds * (1.0 + jitter * (2.0 * random_number - 1.0))


def growing(initial: float, factor: float, maximum: float, step: int) -> float:
    """``initial * factor ** step``, at most ``maximum``, for any ``step`` without overflow."""
    try:
        return min(initial * float(factor) ** step, maximum)
    except OverflowError:
        # A power beyond any float is beyond the maximum, unless it grows from nothing.
        return min(initial, maximum) if initial <= 0.0 else maximum


@frozen(kw_only=True)
class RetryPolicy:
    """How often and how long to try again.

    Attributes:
        attempts: How often one submit is sent at most, the first time included. Only submits
            that provably started nothing are sent again. A 429 does not count while the service
            admits other submits of the client, for as long as the ``outage_budget``. Also how
            often in a row a download may break off without a new byte.
        initial: Seconds before the second attempt.
        factor: How the delay grows from attempt to attempt.
        maximum: Longest delay in seconds.
        jitter: Share by which a delay is moved at random, either way.
        retry_after_maximum: Longest Retry-After that is honoured, in seconds; a longer one is cut
            to this. That of an answer that is none of a failure counts too: the next look at the
            job comes no sooner. 0: none is honoured there.
        outage_budget: Seconds for which consecutive polls of one job may fail before the last
            error is raised; one success starts the count anew. 300 s outlast a deployment or a
            failover of the service. Also seconds for which a media host is believed that says
            that a video is still on its way to it.
        appearance: Seconds within which a job must appear after its submit, and a finished video's
            link after the end. Services' answers lag by up to 15 s, so 60 s are enough.
    """

    attempts: int = field(default=5, validator=at_least_one)
    initial: float = field(default=0.5, validator=seconds(at_least=0.0))
    factor: float = field(default=2.0, validator=seconds(at_least=1.0))
    maximum: float = field(default=20.0, validator=seconds(at_least=0.0))
    jitter: float = field(default=0.25, validator=share)
    retry_after_maximum: float = field(default=120.0, validator=seconds(at_least=0.0))
    outage_budget: float = field(default=300.0, validator=seconds(at_least=0.0))
    appearance: float = field(default=60.0, validator=seconds(at_least=0.0))

    def delay(self, failures: int, error: object, random_number: float) -> float:
        """Seconds to wait after the ``failures``-th failure in a row (from 1).

        ``error``: what failed; its ``retry_after``, in seconds, goes before the backoff.
        ``random_number``: from 0 to below 1, new at each call, for the jitter.

        A Retry-After of zero, or a date that has passed, counts as none, and the backoff is taken.
        Otherwise polls would follow each other without a pause for a whole outage.
        """
        asked = getattr(error, "retry_after", None)
        if asked:
            return self.as_asked(float(asked), random_number)
        backoff = growing(self.initial, self.factor, self.maximum, failures - 1)
        return spread(backoff, self.jitter, random_number)

    def as_asked(self, seconds: float, random_number: float) -> float:
        """Seconds to wait where the service asks for ``seconds``, by a Retry-After.

        Never sooner than asked for, and not all at the same moment; at most
        ``retry_after_maximum``. ``random_number`` as for :meth:`delay`.
        """
        wait = seconds * (1.0 + self.jitter * random_number / 2.0)
        return min(wait, self.retry_after_maximum)
