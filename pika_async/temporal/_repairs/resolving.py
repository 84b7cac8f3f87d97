"""Settle lines by the word of their owner: looked at first, all of them, and then changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async import FieldError
from pika_async.temporal._contents import files
from pika_async.temporal._contents.claims import campaigns_of
from pika_async.temporal._contents.formats import MOST_REPAIRS
from pika_async.temporal._contents.repairs import add_repair, repairs_of
from pika_async.temporal._engine import CampaignError
from pika_async.temporal._messages.repairs import RepairOrder
from pika_async.temporal._outcomes import Dropped, Finished, Outcome, Refused, Uncertain, Why
from pika_async.temporal._records import Accepted
from pika_async.temporal._repairs.accounts import UnderAccount, account_of
from pika_async.temporal._repairs.decisions import Decision, at_this_moment, named, why_not
from pika_async.temporal._repairs.owners import (
    ADOPTED,
    SUBMITTED,
    Note,
    job_of,
    lines_in_pages,
    note_of,
    take_note,
    told_of_pages,
)
from pika_async.temporal._repairs.paid import PageTold
from pika_async.temporal._repairs.repairing import Repairing, RepairStanding
from pika_async.temporal._repairs.stranded import outcomes_of_stranded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from temporalio.client import Client

    from pika_async.temporal._contents.formats import Manifest
    from pika_async.temporal._store.store import Store

_SHOWN: Final = 5


@frozen(kw_only=True)
class Looked:
    """A line that may be settled as was decided.

    Attributes:
        decision: What was decided.
        last: What it has come to so far.
        repairs: How often it was settled before.
        is_settled: Whether that is what was decided, so that nothing is left to do.
        was_repaired: Whether it is left alone since it was repaired before, and is open still.
    """

    decision: Decision
    last: Outcome | Dropped
    repairs: int
    is_settled: bool = False
    was_repaired: bool = False

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing is to be done."""
        return self.is_settled or self.was_repaired

    @property
    def is_unpaid(self) -> bool:
        """Whether no job was ever started for it, as far as anybody knows."""
        # An earlier repair may have left a job that was never named.
        return isinstance(self.last, Refused) and not self.repairs

    @property
    def reserved_as(self) -> tuple[int, int]:
        """The line, and which repair of it carries the decision out: for that its money is kept."""
        return self.decision.index, self.repairs + 1


class Resolving:
    """Decisions about the lines of one campaign."""

    def __init__(self, engine: Client, campaign_id: str, store: Store, queue: str) -> None:
        self._engine = engine
        self._campaign_id = campaign_id
        self._account: UnderAccount | None = None
        self._store = store
        self._repairing = Repairing(engine, campaign_id, queue)
        self._page: tuple[int, tuple[Outcome, ...] | None] = (-1, None)
        self._stranded: dict[int, tuple[Outcome, ...]] = {}
        self._told = PageTold()

    async def look(
        self, decisions: Sequence[Decision], *, begun_before: bool = False, again: bool = True
    ) -> list[Looked]:
        """Check that all of these may be carried out. Nothing is changed.

        Args:
            decisions: In any order, one for a line.
            begun_before: They may have been carried out in part: what is settled so is no error.
            again: Also submit lines again that were repaired before. Whoever gives the decisions of
                a night a second time does not know which of them have come to nothing.

        Raises:
            FieldError: There is no such line, or one is decided about twice.
            CampaignError: One cannot be settled so, or its page has not ended yet.
        """
        manifest = await files.read_manifest(self._store)
        _check_lines(decisions, manifest)
        looked: list[Looked] = []
        problems: list[str] = []
        # By their places, so that each page is read once.
        for decision in sorted(decisions, key=lambda one: one.index):
            last, repairs = await self._last(decision.index, manifest)
            if last is None:
                page = decision.index // manifest.page_size
                told = _NOT_ENDED if await files.is_begun(self._store, page) else _NOT_BEGUN
                problems.append(told.format(line=named(decision.index)))
                continue
            problem = why_not(last, decision)
            settled = begun_before and problem is not None and _is_so(last, decision)
            if repairs >= MOST_REPAIRS and problem is None:
                problem = f"was decided about {MOST_REPAIRS} times, which is the most"
            if problem is not None and not settled:
                problems.append(f"{named(decision.index)} {problem}")
            was_repaired = decision.resubmit and bool(repairs) and not (again or settled)
            looked.append(
                Looked(
                    decision=decision,
                    last=last,
                    repairs=repairs,
                    is_settled=settled,
                    was_repaired=was_repaired,
                )
            )
        await self._ask_engine(looked, manifest)
        problems += self._paid_for(looked)
        problems += await self._taken(looked, manifest)
        if problems:
            more = len(problems) - _SHOWN
            told = "; ".join(problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
            raise CampaignError(f"{told}. Nothing was changed")
        return looked

    async def settle(self, looked: Looked) -> Outcome | Dropped:
        """Carry out a decision that was looked at.

        Raises:
            NoAnswerError: No worker works on it; it stands, and is done when one comes.
            CampaignError: It cannot be carried out any more, or has not led to a result.
        """
        decision, number = looked.decision, looked.repairs + 1
        index = decision.index
        await self._seal_stranded(index)
        standing = await self._repairing.standing(index, number)
        if isinstance(standing.left, Uncertain) and standing.handle is None:
            # It is so from now on, whatever the engine forgets.
            await add_repair(self._store, index, number, standing.left)
            if decision.resubmit:
                raise CampaignError(_PERHAPS.format(line=named(index)))
            number += 1
            standing = await self._repairing.standing(index, number)
        if standing.handle is not None and not standing.running:
            return await self._written(index, number)
        _check_same(standing, decision)
        if decision.drop:
            if not await add_repair(self._store, index, number, Dropped()):
                raise CampaignError(at_this_moment(index))
            return Dropped()
        if decision.adopt is not None:
            # An ended repair may have submitted it: then it is spent, and by no page.
            how = SUBMITTED if isinstance(standing.left, Accepted) else ADOPTED
            note = Note(index=index, how=how, repair=number, tries=standing.tries)
            await self._take(decision.adopt, note)
        await self._repairing.carry_out(await self._order(decision, number), decision, standing)
        return await self._written(index, number)

    async def _written(self, index: int, number: int) -> Outcome | Dropped:
        """What a repair has written down, or what came after it."""
        found = await repairs_of(self._store, index)
        if len(found) < number:
            raise CampaignError(_ELSEWHERE.format(line=named(index), place=self._store.place))
        return found[-1]

    async def _order(self, decision: Decision, number: int) -> RepairOrder:
        manifest = await files.read_manifest(self._store)
        campaigns = await campaigns_of(self._store)
        if self._account is None:
            self._account = await account_of(self._engine, self._campaign_id)
        page, place = divmod(decision.index, manifest.page_size)
        job = self._told.jobs.get(decision.index)
        known = job is not None and job.job_id == decision.adopt
        return RepairOrder(
            store=self._store.place,
            digest=manifest.proof(campaigns[-1]) if campaigns else manifest.digest,
            index=decision.index,
            page=page,
            place=place,
            number=number,
            adopt=decision.adopt,
            account=self._account.name,
            max_in_flight=self._account.limit,
            sent_at=job.sent_at if job is not None and known else None,
            hints=job.hints if job is not None and known else {},
            origin=job.origin if job is not None and known else None,
        )

    async def _last(self, index: int, manifest: Manifest) -> tuple[Outcome | Dropped | None, int]:
        """What a line has come to, and how often it was settled; None: its page has not ended."""
        page, place = divmod(index, manifest.page_size)
        if self._page[0] != page or self._page[1] is None:
            self._page = (page, await self._outcomes(page, manifest))
        sealed = self._page[1]
        if sealed is None:
            return None, 0
        earlier = await repairs_of(self._store, index)
        return [sealed[place], *earlier][-1], len(earlier)

    # Pages that were ended by hand.

    async def _outcomes(self, page: int, manifest: Manifest) -> tuple[Outcome, ...] | None:
        sealed = await files.read_sealed(self._store, page, manifest)
        if sealed is not None:
            return sealed
        found = await outcomes_of_stranded(self._engine, self._store, manifest, page)
        if found is not None:
            self._stranded[page] = found
        return found

    async def _seal_stranded(self, index: int) -> None:
        """Write down what is known of a page that was ended by hand: nobody else does."""
        if self._stranded:
            page = index // (await files.read_manifest(self._store)).page_size
            if (outcomes := self._stranded.pop(page, None)) is not None:
                await files.seal(self._store, page, outcomes)

    # Whose job it is.

    async def _ask_engine(self, looked: Sequence[Looked], manifest: Manifest) -> None:
        """Which jobs it names of lines whose page was ended by hand: all are uncertain then."""
        pages = {
            one.decision.index // manifest.page_size
            for one in looked
            if not (one.is_left_alone or one.decision.drop)
            and isinstance(one.last, Uncertain)
            and one.last.why is Why.BEGUN_ANEW
        }
        self._told = await told_of_pages(self._engine, self._store, sorted(pages))

    def _paid_for(self, looked: Sequence[Looked]) -> list[str]:
        """Why lines are not submitted again: the engine still names their jobs."""
        return [
            _NAMED.format(line=named(index), job=self._told.jobs[index].job_id)
            for index in sorted(one.decision.index for one in looked if _is_unsure(one))
            if index in self._told.jobs
        ]

    async def _taken(self, looked: Sequence[Looked], manifest: Manifest) -> list[str]:
        """Why jobs that are to be adopted are those of other lines."""
        adopted = {
            one.decision.adopt: one.decision.index
            for one in looked
            if one.decision.adopt is not None and not one.is_left_alone
        }
        if not adopted:
            return []
        problems = []
        found = await lines_in_pages(self._engine, self._store, manifest, adopted)
        for job_id, index in adopted.items():
            others = [
                other
                for other in sorted(found[job_id] - {index})
                if await self._has(other, job_id, manifest)
            ]
            noted = await note_of(self._store, job_id)
            if noted is not None and await self._is_anothers(noted.note, index, job_id, manifest):
                others.append(noted.note.index)
            if others:
                problems.append(_TAKEN.format(job=job_id, line=named(others[0])))
        return problems

    async def _has(self, index: int, job_id: str, manifest: Manifest) -> bool:
        """Whether a line that had a job has it still; one that was given up is free."""
        last, _ = await self._last(index, manifest)
        # An open page waits for it.
        return last is None or job_of(last) == job_id

    async def _is_anothers(self, note: Note, index: int, job_id: str, manifest: Manifest) -> bool:
        """Whether a job is that of another line, or is about to be."""
        if note.index == index:
            return False
        last, repairs = await self._last(note.index, manifest)
        if repairs >= note.repair:
            return job_of(last) == job_id
        standing = await self._repairing.standing(note.index, note.repair)
        # What was noted down is about to begin, also where nobody sees it yet.
        return standing.handle is not None or standing.tries <= note.tries

    async def _take(self, job_id: str, note: Note) -> None:
        """Note down whose job it is; between the look and now somebody else may have.

        Raises:
            CampaignError: It is another line's.
        """
        noted = await note_of(self._store, job_id)
        if noted is not None:
            if noted.note == note:
                return
            manifest = await files.read_manifest(self._store)
            if await self._is_anothers(noted.note, note.index, job_id, manifest):
                told = _TAKEN.format(job=job_id, line=named(noted.note.index))
                raise CampaignError(f"{told}. Nothing was changed")
        if not await take_note(self._store, job_id, note, after=noted):
            raise CampaignError(at_this_moment(note.index))


def _is_unsure(looked: Looked) -> bool:
    """Whether a line would be submitted again that an earlier run may have submitted."""
    again = looked.decision.resubmit and not looked.is_left_alone
    last = looked.last
    return again and isinstance(last, Uncertain) and last.why is Why.BEGUN_ANEW


def _check_lines(decisions: Sequence[Decision], manifest: Manifest) -> None:
    for decision in decisions:
        if not 0 <= decision.index < manifest.prompts:
            raise FieldError("index", decision.index, f"0 to {manifest.prompts - 1}")
    for index, times in Counter(one.index for one in decisions).items():
        if times > 1:
            raise FieldError("index", index, "one decision about a prompt")
    for job_id, times in Counter(one.adopt for one in decisions if one.adopt is not None).items():
        if times > 1:
            raise FieldError("adopt", job_id, "a job of one prompt")


def _check_same(standing: RepairStanding, decision: Decision) -> None:
    """Refuse what goes against a repair that stands, or against a job that is paid for."""
    line = named(decision.index)
    if standing.running and (decision.drop or standing.word not in (None, decision.word)):
        word = standing.word or "begun by an earlier version"
        raise CampaignError(_OTHERWISE.format(line=line, word=word))
    left = standing.left
    if isinstance(left, Accepted) and not (decision.resubmit or decision.adopt == left.job_id):
        raise CampaignError(_PAID_FOR.format(line=line, job=left.job_id))


def _is_so(last: Outcome | Dropped, decision: Decision) -> bool:
    """Whether a line has come to what was decided."""
    if decision.adopt is not None:
        return job_of(last) == decision.adopt
    return isinstance(last, Dropped if decision.drop else Finished)


_NOT_ENDED: Final = "the page of {line} has not ended yet, so nobody can say what became of it"
_NOT_BEGUN: Final = (
    "the page of {line} has not ended yet: it was not begun, so none of it was submitted. It is "
    "when the campaign goes on; where that has ended, start what it has left (carry_on=True, or "
    "campaign start --carry-on)"
)
_NAMED: Final = "{line} has the job {job}, which is paid for: adopt it"
_TAKEN: Final = "the job {job} is that of {line} already"
_OTHERWISE: Final = (
    "{line} is being settled already, otherwise: {word}. Nothing was changed. Say the same to wait "
    "for it, or end its workflow and decide anew"
)
_PAID_FOR: Final = (
    "a repair of {line} that was ended has submitted the job {job}, which is paid for: adopt that "
    "one. Nothing was changed"
)
_PERHAPS: Final = (
    "a repair of {line} was ended while its submit was under way, and may have started a job. That "
    "is written down now, and nothing was sent. Look at the account's usage: adopt the job that is "
    "there, or say again to submit it"
)
_ELSEWHERE: Final = (
    "{line} was settled, and what it came to is not in {place}: its worker has written to another "
    "place of that name"
)
