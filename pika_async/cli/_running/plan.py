"""What a batch is about to do, before it begins: what is known, what will be bought, for how much.

The journal is only read, so nothing is changed by looking; a second batch may be writing to it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from attrs import define, evolve, field, frozen

from pika_async import ConfigurationError, Money, PikaError
from pika_async._jobs.again import is_kept
from pika_async._journal.history import Status
from pika_async._request.fingerprint import fingerprint
from pika_async._request.parts import media_of, with_media
from pika_async._request.record import request_record
from pika_async._wire.media import with_media_read
from pika_async.cli._running.clients import client_for, has_key
from pika_async.cli._running.journals import known_in
from pika_async.cli._running.services import dialect_of
from pika_async.cli._showing.sentences import sentence
from pika_async.cli._showing.shown import Note
from pika_async.dialects import Quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from pika_async import GenerationRequest
    from pika_async._journal.reader import JournalReader, Standing
    from pika_async.cli._prompts.file import Line, PromptFile
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

# How many quotes are asked for at a time.
_AT_ONCE: Final = 8
# This stands for any medium: which one it is makes no difference to the price.
_SOME_MEDIUM: Final = "https://example.invalid/medium"


class Fate(IntEnum):
    """What a run will do about a line."""

    SUBMIT = 0
    KNOWN = 1
    """It has a job, or an end."""
    UNCERTAIN = 2
    """A submit of it may have started a job."""
    LEFT = 3
    """It is left for a later run."""


@frozen(kw_only=True)
class Choices:
    """What was chosen for a run, as far as it changes what is bought."""

    journal: Path | None
    retry_failed: bool
    resubmit_uncertain: bool
    limit: int | None
    """How many are submitted at most."""
    price: Money | None
    """What a job is taken to cost where the service does not say."""


@define(kw_only=True)
class Plan:
    """What a run will do."""

    fates: bytearray = field(factory=bytearray)
    """Of each line, in the order of the file."""
    cost: Money | None = None
    """Of what is submitted; None: not known."""
    perhaps: int = 0
    """How many more may be submitted: those whose jobs the service turns out not to know."""
    perhaps_cost: Money | None = None
    """Of those at most; None: not known."""
    spent: Money | None = None
    """What earlier runs with the journal have cost, without what is in ``cost``, since the same
    submit is sent again with its key; None: nothing is known of it."""
    unpriced: int = 0
    """How many submits of theirs nobody has named a price of."""
    currencies: frozenset[str] = frozenset()
    """In which they were paid, as far as that is known."""

    def count(self, fate: Fate) -> int:
        """How many lines have this fate."""
        return self.fates.count(fate)


def planned(
    prompts: PromptFile,
    choices: Choices,
    show: Show,
    trail: Trail,
    expect: Callable[[Line, int | None], None],
) -> Plan:
    """Look at all lines, and at what the journal knows of them; ask what the rest costs.

    ``expect`` is told each line, with the number of its request where one is known.

    Raises:
        JournalError: The journal cannot be read.
        ConfigurationError: The address of the service cannot be used.
    """
    return anyio.run(_planned, prompts, choices, show, trail, expect)


async def cost_of(requests: Iterable[GenerationRequest], show: Show, trail: Trail) -> Money | None:
    """What these will cost together; None: the service does not say.

    Raises:
        PikaError: The service could not be asked.
    """
    kinds = Counter(map(_priced_like, requests))
    return _sum(kinds, await _quotes(kinds, show, trail))


async def _planned(
    prompts: PromptFile,
    choices: Choices,
    show: Show,
    trail: Trail,
    expect: Callable[[Line, int | None], None],
) -> Plan:
    plan = Plan()
    kinds: Counter[GenerationRequest] = Counter()
    perhaps: Counter[GenerationRequest] = Counter()
    with known_in(choices.journal) as reader, closing(prompts.lines()) as lines:
        ledger = _Ledger(reader, choices, trail.service)
        for line in lines:
            place = len(plan.fates)
            fate, number, is_perhaps = Fate.SUBMIT, None, False
            if line.request is not None:
                fate, number, is_perhaps = await ledger.fate(line.request, place)
            plan.fates.append(fate)
            expect(line, number)
            if line.request is not None and (is_perhaps or fate is Fate.SUBMIT):
                (perhaps if is_perhaps else kinds)[_priced_like(line.request)] += 1
        plan.spent, plan.unpriced = ledger.spent()
        plan.currencies = ledger.currencies()
        plan.perhaps = perhaps.total()
        if choices.limit is not None:
            plan.perhaps = min(plan.perhaps, choices.limit - plan.count(Fate.SUBMIT))
    if not trail.simulated:
        costs = await _costs([*(kinds | perhaps)], choices.price, show, trail)
        plan.cost = _sum(kinds, costs)
        plan.perhaps_cost = _sum(_dearest(perhaps, costs, plan.perhaps), costs)
    return plan


class _Ledger:
    """What the journal says of each line, in the order of the file."""

    def __init__(self, reader: JournalReader | None, choices: Choices, service: str) -> None:
        self._reader = reader
        self._choices = choices
        self._service = service
        self._repeats = dialect_of(service).repeatable
        # The estimated costs of submits that are sent again with their keys.
        self._repeated: list[Money] = []
        self._left: set[str] = set()
        self._room = choices.limit

    async def fate(self, request: GenerationRequest, place: int) -> tuple[Fate, int | None, bool]:
        """What the run will do about a request, the next of the file, and its number if known.

        Beside it, whether it is submitted all the same where the service does not know its job.
        """
        if self._reader is None:
            return self._limited("", Fate.SUBMIT), place, False
        try:
            name = fingerprint(await with_media_read(request))
        except ConfigurationError:
            # The file has gone; the batch says so when it comes to it.
            return self._limited("", Fate.SUBMIT), None, False
        standing = self._reader.standing(name, request_record(request))
        number = None if standing is None else standing.number
        fate = self._limited(name, self._fate(standing))
        if standing is not None and fate is Fate.SUBMIT and self._is_sent_again(standing):
            cost = self._choices.price if standing.quoted is None else standing.quoted
            if cost is not None:
                self._repeated.append(cost)
        is_perhaps = (
            fate is Fate.KNOWN
            and standing is not None
            and standing.status is Status.SUBMITTED
            and standing.service == self._service
            and self._choices.resubmit_uncertain
        )
        return fate, number, is_perhaps

    def spent(self) -> tuple[Money | None, int]:
        """What earlier runs have cost, where that is known in one currency.

        Beside it, how many of their submits are not in it, since nobody has named a price.
        """
        if self._reader is None:
            return None, 0
        sums, unpriced = self._reader.spent()
        price = self._choices.price
        if unpriced and price is not None:
            sums, unpriced = [*sums, price * unpriced], 0
        if len({one.currency for one in (*sums, *self._repeated)}) != 1:
            return None, unpriced
        return sum(sums[1:], sums[0]) - sum(self._repeated, sums[0] * 0), unpriced

    def currencies(self) -> frozenset[str]:
        """In which earlier runs have paid, as far as that is known."""
        sums = () if self._reader is None else self._reader.spent()[0]
        return frozenset(one.currency for one in sums)

    def _fate(self, standing: Standing | None) -> Fate:
        if standing is None:
            return Fate.SUBMIT
        match standing.status:
            case Status.WAITING:
                return Fate.SUBMIT
            case Status.FAILED:
                return Fate.SUBMIT if self._choices.retry_failed else Fate.KNOWN
            case Status.SUBMITTING | Status.UNCERTAIN:
                again = self._choices.resubmit_uncertain or self._is_sent_again(standing)
                return Fate.SUBMIT if again else Fate.UNCERTAIN
            case _:
                return Fate.KNOWN

    def _is_sent_again(self, standing: Standing) -> bool:
        """Whether the same submit goes out once more, since the service knows it by its key."""
        return (
            self._repeats
            and standing.status in (Status.SUBMITTING, Status.UNCERTAIN)
            and standing.submit_id is not None
            and standing.service == self._service
            and standing.sent_at is not None
            and is_kept(datetime.fromtimestamp(standing.sent_at, UTC), datetime.now(UTC))
        )

    def _limited(self, name: str, fate: Fate) -> Fate:
        # Equal requests are told apart by their order alone: once one is left, those behind it
        # would be taken for it.
        if name and name in self._left:
            return Fate.LEFT
        if fate is not Fate.SUBMIT or self._room is None:
            return fate
        if self._room == 0:
            self._left.add(name)
            return Fate.LEFT
        self._room -= 1
        return fate


def _priced_like(request: GenerationRequest) -> GenerationRequest:
    """A request that costs the same: texts and seeds, and which image it is, change no price."""
    plain = evolve(request, prompt="a", negative_prompt="", seed=None, metadata={})
    return with_media(plain, [_SOME_MEDIUM for _ in media_of(plain)])


async def _costs(
    kinds: Collection[GenerationRequest], price: Money | None, show: Show, trail: Trail
) -> dict[GenerationRequest, Money]:
    """Of each; where the service cannot be asked, that is said, and ``price`` counts."""
    quotes: dict[GenerationRequest, Money] = {}
    if kinds and isinstance(dialect_of(trail.service), Quotes) and has_key(trail.service):
        try:
            quotes = await _quotes(kinds, show, trail)
        except PikaError as error:
            show(Note(f"the service could not be asked for prices: {sentence(error, trail)}"))
    return quotes if price is None else dict.fromkeys(kinds, price) | quotes


def _dearest(
    kinds: Counter[GenerationRequest], costs: Mapping[GenerationRequest, Money], count: int
) -> Counter[GenerationRequest]:
    """Those ``count`` of them that cost most."""
    found: Counter[GenerationRequest] = Counter()
    nothing = Money(0)
    for kind in sorted(kinds, key=lambda one: -costs.get(one, nothing).micros):
        found[kind] = min(kinds[kind], count)
        count -= found[kind]
    return +found


def _sum(
    kinds: Counter[GenerationRequest], costs: Mapping[GenerationRequest, Money]
) -> Money | None:
    sums = [costs[kind] * count for kind, count in kinds.items() if kind in costs]
    if len(sums) < len(kinds) or len({one.currency for one in sums}) > 1:
        return None
    return sum(sums, Money(0, sums[0].currency if sums else "USD"))


async def _quotes(
    kinds: Iterable[GenerationRequest], show: Show, trail: Trail
) -> dict[GenerationRequest, Money]:
    """The quotes of those of which the service tells one.

    Raises:
        PikaError: The service could not be asked.
    """
    quotes: dict[GenerationRequest, Money] = {}
    waiting = iter(list(kinds))
    async with client_for(trail, show) as client:

        async def work() -> None:
            for kind in waiting:
                quote = await client.quote(kind)
                if quote is not None:
                    quotes[kind] = quote

        try:
            async with anyio.create_task_group() as group:
                for _ in range(_AT_ONCE):
                    group.start_soon(work)
        except ExceptionGroup as problems:
            # One is enough: they were asked the same.
            raise problems.exceptions[0] from None
    return quotes
