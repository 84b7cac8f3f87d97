"""What a journal adds up to. Values in, values out."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from attrs import Factory, define, field, frozen

from pika_async._gallery.bill import Bill, Bills, RunBill, in_all
from pika_async._gallery.values import Entry, Run, Standing, on_this_machine
from pika_async._http import one_spelling
from pika_async._money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@frozen(kw_only=True)
class Spread:
    """How long something took."""

    count: int
    median: float | None
    percentile_90: float | None
    longest: float | None


@frozen(kw_only=True)
class Totals:
    """The whole of a journal, in requests unless said otherwise."""

    standings: dict[Standing, int]
    accepted: int
    """Jobs that the service accepted, those of earlier attempts among them."""
    accepted_before: int
    """Of these, the jobs of earlier attempts."""
    uncertain_before: int
    """Earlier attempts whose job may exist, and that were submitted again."""
    not_in_last_run: int
    videos: int
    video_seconds: float
    videos_of_unknown_length: int
    videos_saved: int
    videos_found: int
    """Of these, the files that are still whole where they were looked for."""
    queued: Spread
    """These three count jobs that succeeded, and that one run followed from submit to end."""
    generated: Spread
    whole: Spread
    followed_late: int
    """Jobs that succeeded, left out there."""
    runs: int
    run_seconds: float
    """All runs together, each from its start to the last thing noted in it."""
    jobs_per_minute: float | None
    """Jobs that ended, over all of that."""
    outcomes: dict[Standing, Bill]
    """What submits cost, by what became of them; those of earlier attempts among them."""
    run_bills: dict[int, RunBill]
    """The same by the run that sent them, by its number."""
    places: tuple[Place, ...]
    """Where submits went, those with the most in front."""
    videos_elsewhere: int
    """Videos whose link leads away from this machine."""
    price: Money | None = None
    """What a job is taken to cost of which nobody named a price."""

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(self.standings.values())

    @property
    def uncertain_submits(self) -> int:
        """Submits of which nobody here can tell whether they are billed."""
        return self.standings[Standing.UNCERTAIN] + self.uncertain_before

    @property
    def certain(self) -> Bill:
        """What the submits cost that started a job, or are under way."""
        return in_all(
            bill for standing, bill in self.outcomes.items() if standing is not Standing.UNCERTAIN
        )

    @property
    def uncertain(self) -> Bill:
        """What may have to be paid for submits of which nobody knows the answer."""
        return self.outcomes.get(Standing.UNCERTAIN, Bill(submits=0))

    @property
    def bill(self) -> Bill:
        """Both together."""
        return in_all(self.outcomes.values())

    @property
    def knows_money(self) -> bool:
        """Whether there is any sum to be shown."""
        return bool(self.bill.sums)

    @property
    def submits(self) -> int:
        """All that may have started a job."""
        return sum(bill.submits for bill in self.outcomes.values())

    @property
    def local_submits(self) -> int:
        """Those that went to a service on this machine."""
        return sum(place.submits for place in self.places if place.is_local)


@frozen
class Place:
    """Where submits went, and how many."""

    service: str
    base_url: str | None
    submits: int

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        return self.base_url is not None and on_this_machine(self.base_url)


@define
class _Tally:
    bills: Bills
    standings: Counter[Standing] = Factory(Counter)
    accepted: int = 0
    accepted_before: int = 0
    uncertain_before: int = 0
    not_in_last_run: int = 0
    videos: int = 0
    video_seconds: float = 0.0
    videos_of_unknown_length: int = 0
    videos_saved: int = 0
    videos_found: int = 0
    followed_late: int = 0
    ended: int = 0
    places: Counter[tuple[str, str | None]] = Factory(Counter)
    videos_elsewhere: int = 0
    # Eight bytes a job, where a list of floats takes thirty-two.
    queued: array[float] = field(factory=lambda: array("d"))
    generated: array[float] = field(factory=lambda: array("d"))
    whole: array[float] = field(factory=lambda: array("d"))

    def add(self, entry: Entry) -> None:
        self.standings[entry.attempt.standing] += 1
        self.not_in_last_run += not entry.in_last_run
        self.bills.add(entry)
        for attempt in entry.attempts:
            self.accepted += attempt.accepted_at is not None
            self.ended += attempt.end is not None
            if attempt.service is not None:
                place = attempt.base_url and one_spelling(attempt.base_url)
                self.places[attempt.service, place] += 1
        for attempt in entry.earlier:
            self.accepted_before += attempt.accepted_at is not None
            self.uncertain_before += attempt.standing is Standing.UNCERTAIN
        for clip in entry.clips:
            self.videos += 1
            self.video_seconds += clip.video.duration or 0.0
            self.videos_of_unknown_length += clip.video.duration is None
            self.videos_saved += clip.file is not None
            self.videos_found += clip.file_link is not None
            self.videos_elsewhere += bool(clip.video.url) and not on_this_machine(clip.video.url)
        if entry.attempt.standing is Standing.SUCCEEDED:
            self._add_times(entry)

    def _add_times(self, entry: Entry) -> None:
        attempt = entry.attempt
        if not attempt.watched:
            self.followed_late += 1
            return
        for spread, seconds in (
            (self.queued, attempt.queued_seconds),
            (self.generated, attempt.generated_seconds),
            (self.whole, attempt.whole_seconds),
        ):
            if seconds is not None:
                spread.append(seconds)


def totals_of(entries: Iterable[Entry], runs: Sequence[Run], price: Money | None = None) -> Totals:
    """Add up ``entries``, one at a time; ``price``: of one job where no other is known."""
    tally = _Tally(Bills(price))
    for entry in entries:
        tally.add(entry)
    run_seconds = sum(run.seconds for run in runs)
    return Totals(
        standings={standing: tally.standings[standing] for standing in Standing},
        accepted=tally.accepted,
        accepted_before=tally.accepted_before,
        uncertain_before=tally.uncertain_before,
        not_in_last_run=tally.not_in_last_run,
        videos=tally.videos,
        video_seconds=tally.video_seconds,
        videos_of_unknown_length=tally.videos_of_unknown_length,
        videos_saved=tally.videos_saved,
        videos_found=tally.videos_found,
        queued=spread(tally.queued),
        generated=spread(tally.generated),
        whole=spread(tally.whole),
        followed_late=tally.followed_late,
        runs=len(runs),
        run_seconds=run_seconds,
        jobs_per_minute=60 * tally.ended / run_seconds if run_seconds > 0 else None,
        outcomes=tally.bills.by_outcome(),
        run_bills=tally.bills.by_run(),
        places=tuple(Place(*where, count) for where, count in tally.places.most_common()),
        videos_elsewhere=tally.videos_elsewhere,
        price=price,
    )


def spread(values: Iterable[float]) -> Spread:
    """The median and the like of ``values``, in any order."""
    ordered = sorted(values)
    return Spread(
        count=len(ordered),
        median=_quantile(ordered, 0.5),
        percentile_90=_quantile(ordered, 0.9),
        longest=ordered[-1] if ordered else None,
    )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Between the two nearest in proportion, as spreadsheets do."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
