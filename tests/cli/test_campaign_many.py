"""What is said before many lines are settled: which, what they cost, and what may be paid twice."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async import GenerationRequest, Money
from pika_async.cli._campaign import many
from pika_async.cli._campaign.engine import CampaignTrail
from pika_async.temporal import CampaignResult, Refused, RepairPlan, Uncertain, Why

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)
UNSENT = Refused(error="NotSubmittedError", meaning="stopped")
REFUSED = Refused(error="E", meaning="no")
CENTS_20 = Money(200_000)


class Foxes:
    """A campaign of which two lines were never sent, and one is uncertain."""

    async def results(self):
        for index, outcome in enumerate((UNSENT, UNSURE, REFUSED, UNSENT)):
            request = GenerationRequest("a red panda")
            yield CampaignResult(index=index, request=request, outcome=outcome)


@pytest.mark.parametrize(
    ("word", "indexes", "hints"),
    [("submit", [0, 3], False), ("resubmit", [1], True), ("drop", [1], False)],
)
async def test_what_was_never_sent_is_submitted_where_it_is_meant(word, indexes, hints):
    """Not with what may be paid twice; whoever means that is told how the others are."""
    said = []
    trail = CampaignTrail(campaign="foxes")
    decided = await many._for_all(word, Foxes(), lambda note: said.append(note.text), trail)
    assert sorted(decided) == indexes
    assert all(one.resubmit == (word != "drop") for one in decided.values())
    assert ("  pika-async campaign resolve foxes --all submit" in said) == hints


@every_row(
    ("resubmits", "unpaid", "told"),
    [
        (3, 0, "3 prompts to submit again, each of which may pay twice: about $0.60 at $0.20 each"),
        (3, 3, "3 prompts to submit that have started no job before: about $0.60 at $0.20 each"),
        (3, 2, "1 prompt to submit again, each of which may pay twice, and 2 prompts to submit"),
    ],
)
def test_only_what_may_be_paid_twice_is_said_to_be(resubmits, unpaid, told):
    plan = RepairPlan(
        decisions=(),
        settled=0,
        repaired=0,
        resubmits=resubmits,
        price=CENTS_20,
        cost=resubmits * CENTS_20,
        unpaid=unpaid,
    )
    assert any(line.startswith(told) for line in many._words(plan))
