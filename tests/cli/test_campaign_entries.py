"""How a report tells what became of a prompt. Needs no engine."""

from __future__ import annotations

from pathlib import Path

from support.tables import every_row

from pika_async import GenerationRequest
from pika_async._gallery import row
from pika_async._sheet import Standing
from pika_async.cli._campaign.entries import entry, facts
from pika_async.temporal import CampaignResult, Refused
from pika_async.temporal._campaign.sentences import NO_ROOM, STOPPED

INVALID = Refused(error="InvalidRequestError", meaning="There is no such model.")


def told(outcome):
    result = CampaignResult(index=0, request=GenerationRequest("a red panda"), outcome=outcome)
    one = entry(result, "/store", Path())
    return row(one), facts(result, one)


@every_row("outcome", [STOPPED, NO_ROOM], ids=["stopped", "no room"])
def test_what_was_never_sent_did_not_fail(outcome):
    """Its row says why, and machines are told the kind of it."""
    row, facts = told(outcome)
    assert (row.standing, row.error) == (Standing.WAITING, outcome.meaning)
    assert facts["error"] == {"kind": "NotSubmittedError", "message": outcome.meaning, "code": None}
    assert not facts["ok"]


def test_what_the_service_has_refused_failed():
    row, facts = told(INVALID)
    assert (row.standing, row.error) == (Standing.FAILED, INVALID.meaning)
    assert facts["error"]["kind"] == "InvalidRequestError"
