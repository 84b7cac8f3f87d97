"""What workers and decisions tell: of each lost submit, and of many decisions at the end."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from support.tables import every_row

from pika_async import GenerationRequest, Money, SubmissionUncertainError, SubmitUncertain
from pika_async.cli._campaign.engine import CampaignTrail
from pika_async.cli._campaign.settled import Summary
from pika_async.cli._campaign.uncertain import tell_of
from pika_async.cli._campaign.worker import Telling
from pika_async.temporal import (
    CampaignResult,
    Decision,
    Declined,
    Dropped,
    Finished,
    PromptUnderWay,
    Resolved,
    Uncertain,
    Why,
    _under_way,
)
from pika_async.temporal._names import campaign_of, id_of_page, id_of_repair

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.NO_ANSWER)


def lost(fingerprint="66e0818e1f0f479b"):
    error = SubmissionUncertainError(
        "the connection broke off",
        request=GenerationRequest("a red panda"),
        fingerprint=fingerprint,
        sent_at=datetime(2026, 11, 28, 2, 40, 10, tzinfo=UTC),
    )
    return SubmitUncertain(submit_id="x", error=error)


@pytest.fixture
def worker():
    """What a worker tells, and how it is told events of a line."""
    said = []

    def telling(service="gateway", **more):
        trail = CampaignTrail(campaign="", server="h:1", service=service)
        return Telling(lambda note: said.append(note.text), quiet=True, trail=trail, **more), said

    return telling


@pytest.fixture
def of_a_line():
    token = _under_way._UNDER_WAY.set(PromptUnderWay(campaign="foxes", index=2))
    yield
    _under_way._UNDER_WAY.reset(token)


class TestALostSubmit:
    def test_it_is_told_which_prompt_what_it_means_and_what_to_do(self, worker, of_a_line):
        telling, said = worker()
        telling(lost())
        assert said[0].startswith("warning: prompt 3 of the campaign foxes: the connection broke")
        assert "fingerprint 66e0818e1f0f" in said[0]
        assert "may be billed; no second one is asked for" in said[1]
        assert said[2:] == [
            f"  pika-async campaign resolve foxes 3 {way} --server h:1"
            for way in ("--adopt JOB_ID", "--resubmit", "--drop")
        ]

    def test_each_is_told_and_the_engines_word_of_it_is_not(self, worker, of_a_line):
        """Each may cost money; what differs in numbers alone is else told twice a minute."""
        telling, said = worker(queue="night")
        telling(lost())
        telling(lost("a948904f2f0f479b"))
        telling.of_engine(
            "warning: Completing activity as failed ({}): pika.lost: (fingerprint a948904f2f0f)."
        )
        assert len([line for line in said if line.startswith("warning: ")]) == 2
        assert said[-1] == "  pika-async campaign resolve foxes 3 --drop --queue night --server h:1"

    @pytest.mark.parametrize(
        ("service", "means"),
        [("pika", "sent again with its key"), ("fal", "looked for at the service now")],
    )
    def test_where_the_service_can_tell_nothing_is_to_be_done(
        self, worker, of_a_line, service, means
    ):
        telling, said = worker(service)
        telling(lost())
        assert means in said[1]
        assert "nothing needs to be done" in said[1]

    def test_one_of_no_campaign_is_told_without_a_line(self, worker):
        telling, said = worker()
        telling(lost())
        assert said == [f"warning: a submit is uncertain: {lost().error.headline}"]


@every_row("campaign", ["foxes", "a/page/b", "x/repair/1-1/y", "of 2026/again"])
def test_the_campaign_is_read_off_the_ids_of_its_pages_and_repairs(campaign):
    for name in (id_of_page(campaign, 7), id_of_page(campaign, 1234567)):
        assert campaign_of(name) == campaign_of(f"{name}/again") == campaign
    for tries in (1, 2, 11):
        assert campaign_of(id_of_repair(campaign, 61500, 3, tries)) == campaign
    assert campaign_of(campaign) is None


def resolved(index, outcome=None, **more):
    return Resolved(index=index, outcome=outcome, **more)


DECISIONS = {
    0: Decision(index=0, adopt="one"),
    **{index: Decision(index=index, resubmit=True) for index in (1, 2, 3, 5, 6)},
    4: Decision(index=4, drop=True),
}


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Finished(job_id="one", videos=()), "      3  a red panda  (succeeded)  → drop"),
        (Dropped(), "      3  a red panda  (given up)  → drop"),
        (None, "      3  a red panda  (its page has not ended)  → drop"),
        (
            UNSURE,
            "      3  at an unknown time  ?  a red panda  (it was sent, and no answer came)  → drop",  # noqa: E501
        ),
    ],
)
def test_of_what_is_decided_about_it_is_told_how_it_stands(capfd, outcome, told):
    """A file of decisions may be given again, when most of it is settled."""
    result = CampaignResult(index=2, request=GenerationRequest("a red panda"), outcome=outcome)
    tell_of(result, as_json=False, decided="drop")
    assert capfd.readouterr().out == f"{told}\n"


class TestTheSummary:
    ENDS = (
        (resolved(0, Finished(job_id="one", videos=())), 0),
        (resolved(1, Finished(job_id="two", videos=()), cost=Money.of("0.2")), 0),
        (resolved(2, UNSURE, cost=Money.of("0.2")), 1),
        (resolved(3, Declined(job_id="three", reason="no"), cost=Money(0)), 1),
        (resolved(4, Dropped()), 0),
        (resolved(5, problem="no"), 1),
    )

    def told(self, *, as_json=False):
        said = []
        summary = Summary(DECISIONS)
        for one, code in self.ENDS:
            summary.add(one, code)
        summary.tell(7, lambda note: said.append(note.text), as_json=as_json)
        return summary.code, said

    def test_one_line_says_how_many_came_to_what_and_what_that_cost(self):
        code, said = self.told()
        assert code == 1
        assert said == [
            (
                "7 prompts: 1 adopted, 1 submitted again, 1 given up, 1 without a video, "
                "1 still uncertain, 1 not settled, 1 not begun or not waited for; about $0.40 for "
                "what was submitted again"
            )
        ]

    def test_machines_are_told_the_same(self, capfd):
        self.told(as_json=True)
        (told,) = map(json.loads, capfd.readouterr().out.splitlines())
        assert (told["event"], told["adopted"], told["left"]) == ("settled", 1, 1)
        assert told["cost"] == {"micros": 400_000, "currency": "USD"}

    def test_where_nothing_was_to_be_done_nothing_is_said(self):
        said = []
        Summary({}).tell(0, said.append, as_json=False)
        assert said == []
