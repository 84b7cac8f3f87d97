"""What is said of a campaign: what it waits for, until when, and what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import anyio.lowlevel
import pytest
from support.tables import every_row

from pika_async import FieldError, Money
from pika_async.cli._campaign import crowded, words
from pika_async.cli._campaign.engine import CampaignTrail
from pika_async.temporal import CampaignProgress, RepairsWaiting, Waiting
from pika_async.temporal._campaign import sentences
from pika_async.temporal._campaign.grants import Grants
from pika_async.temporal._messages.pages import Short

SINCE = datetime(2026, 11, 28, 2, 40, 10, tzinfo=UTC)
WAITING = Waiting(
    reason="too many requests (HTTP 429). Nothing was started.",
    since=SINCE,
    until=SINCE + timedelta(minutes=5),
    tries=7,
)


def progress(**changes):
    told = dict.fromkeys(
        ("taken", "submitted", "in_flight", "succeeded", "failed", "refused", "uncertain"), 0
    )
    return CampaignProgress(prompts=100, **(told | {"searchable": True} | changes))


def said(of):
    return list(words.lines(of, CampaignTrail(campaign="summer")))


def local(time):
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def test_a_campaign_that_waits_for_room_says_until_when_why_and_what_to_do():
    lines = said(progress(waiting=WAITING))
    (wait,) = (line for line in lines if "no submit leaves" in line)
    assert local(WAITING.until) in wait
    assert f"7 tries since {local(SINCE)}" in wait
    assert "too many requests (HTTP 429)" in wait
    assert any("nothing needs to be done" in line for line in lines)
    assert lines[-1] == "  pika-async campaign resume summer --max-in-flight N"


@every_row("also", [{"paused": "lunch"}, {"stopped": True}, {"ended": True}])
def test_one_that_submits_nothing_anyway_says_only_why(also):
    assert not any("no submit leaves" in line for line in said(progress(waiting=WAITING, **also)))


def test_the_line_now_and_then_says_it_too():
    assert "after 7 tries" in words.going(progress(waiting=WAITING))
    assert words.going(progress(paused="lunch")).endswith("; paused: lunch")


def test_machines_are_told_times_in_seconds():
    told = json.loads(json.dumps(words.facts(progress(waiting=WAITING), "summer")))
    assert told["waiting"] == {
        "reason": WAITING.reason,
        "since": SINCE.timestamp(),
        "until": WAITING.until.timestamp(),
        "tries": 7,
    }


def test_places_that_are_kept_for_jobs_that_may_run_are_told_of_with_their_end():
    """Else nobody would know why so few are in flight."""
    one = progress(uncertain=2, unseen=2, unseen_until=SINCE)
    assert any(f"2 places are kept until {local(SINCE)}" in line for line in said(one))
    assert words.facts(one, "summer")["unseen_until"] == SINCE.timestamp()


COUNTS = {
    "stopped: what was never sent is told as such, also of pages that were open": (
        {"succeeded": 30, "refused": 11, "not_submitted": 10, "stopped": True, "ended": True},
        "30 succeeded, 1 refused, 69 not submitted",
    ),
    "under way, and one page has no room left for its lines": (
        {"succeeded": 30, "refused": 10, "not_submitted": 10, "in_flight": 5},
        "30 succeeded, 5 in flight, 55 to come, 10 not submitted",
    ),
    "refused by the service": ({"succeeded": 99, "refused": 1}, "99 succeeded, 1 refused"),
}


@every_row("name", COUNTS)
def test_what_was_never_sent_is_not_told_as_refused(name):
    """Nobody has refused it, and it is not done."""
    changes, expected = COUNTS[name]
    one = progress(**changes)
    assert words.counts(one) == expected
    assert words.finished(one) == one.succeeded + one.refused - one.not_submitted


def test_what_was_never_sent_is_submitted_by_a_decision_and_pages_not_begun_by_a_start():
    """A start takes up no page that has ended, so it would promise what it cannot do."""
    submit = "  pika-async campaign resolve summer --all submit"
    carry_on = "  pika-async campaign start NAME --store PLACE --carry-on"
    stopped = {"succeeded": 90, "stopped": True, "ended": True}
    all_begun = said(progress(refused=10, not_submitted=10, **stopped))
    assert submit in all_begun
    assert carry_on not in all_begun
    some_begun = said(progress(refused=4, not_submitted=4, **stopped))
    assert {submit, carry_on} <= set(some_begun)
    none_begun = said(progress(**stopped))
    assert carry_on in none_begun
    assert submit not in none_begun


def test_a_campaign_whose_lines_have_all_ended_was_not_ended_by_the_server():
    """Some of them were never sent, since their page had no room for more tries."""
    done = progress(succeeded=90, refused=10, not_submitted=10, ended=True)
    assert said(done)[0] == "campaign summer: ended"


def test_one_that_has_no_place_says_so_and_how_to_get_some():
    """Else it looks as if it went on, and nobody would know why nothing is submitted."""
    lines = said(progress(share=0))
    assert any("so nothing is submitted" in line for line in lines)
    assert "  pika-async campaign resume summer --max-in-flight N" in lines
    kept = {"share": 6, "unseen": 6, "unseen_until": SINCE}
    assert any("so nothing is submitted" in line for line in said(progress(**kept)))
    for going in (
        *({"share": 1}, {"share": 0, "in_flight": 1}, {"share": 0, "paused": "lunch"}),
        kept | {"unseen": 5},
    ):
        assert not any("so nothing is submitted" in line for line in said(progress(**going)))


def test_whoever_watches_one_that_has_no_place_is_told_since_when():
    """Also right after `start` and `resume`, which follow it in one line."""
    one = progress(share=0, crowded_since=SINCE)
    for told in (words.going(one), *said(one)):
        if "have all places" in told:
            assert f"since {local(SINCE)}" in told
    assert "have all places" in words.going(one)
    assert words.facts(one, "summer")["crowded_since"] == SINCE.timestamp()
    for going in ({"in_flight": 1}, {"paused": "lunch"}, {"waiting": WAITING}):
        going_on = words.going(progress(share=0, crowded_since=SINCE, **going))
        assert "have all places" not in going_on


def _too_little() -> str:
    grants = Grants()
    grants.ask(Short(page=0, least=Money.of(1), most=Money.of(5)))
    return grants.used_up(Money.of(20), 0, 1)


NO_PRICE = sentences.NO_PRICE.format(currency="USD", prompt=3)


@every_row(
    ("reason", "words"),
    [
        ("lunch", ""),
        ("The key is wrong (HTTP 401). Nothing was started.", ""),
        (_too_little(), " --budget AMOUNT"),
        (NO_PRICE, " --price AMOUNT"),
        (f"{NO_PRICE} Also: {_too_little()}", " --budget AMOUNT --price AMOUNT"),
    ],
)
def test_one_that_is_paused_is_resumed_by_the_line_that_works_for_its_reason(reason, words):
    """With another one it would be paused again at once, or something be filled in for nothing."""
    lines = said(progress(paused=reason, budget=Money.of(20)))
    told = [line for line in lines if "campaign resume" in line and line.startswith("  ")]
    assert told == [f"  pika-async campaign resume summer{words}"]


def test_where_the_service_knows_nothing_of_what_is_submitted_both_ways_to_go_on_are_shown():
    """An address that is mended, and a model that is gone, look alike from here."""
    lines = said(progress(paused=sentences.KNOWS_NOTHING.format(meaning="No such path.")))
    told = [line for line in lines if line.startswith("  pika-async campaign resume")]
    plain = "  pika-async campaign resume summer"
    assert told == [plain, f"{plain} --refuse-unknown"]


def test_what_was_decided_since_is_counted_and_what_it_cost_is_told():
    """Counts, sum and exit code are those of now."""
    now = progress(
        succeeded=97,
        uncertain=1,
        dropped=2,
        charged=Money.of(20),
        repairs_cost=Money.of(2),
        repaired=7,
        repairs_known=True,
        ended=True,
    )
    lines = said(now)
    assert "100 prompts: 97 succeeded, 1 uncertain, 2 given up" in lines
    assert "cost: $22.00: $20.00 charged, $2.00 for what is or was submitted again" in lines
    assert "7 prompts decided about since, and counted as what they are now" in lines
    assert not any("not seen from here" in line for line in lines)
    assert words.finished(now) == 100
    assert not words.all_done(now)


def test_what_jobs_in_flight_may_cost_is_in_the_sum():
    """It is spent as far as the budget goes, and was missing between a submit and its end."""
    now = progress(
        charged=Money.of(20),
        estimated=Money.of("3.6"),
        reserved=Money.of("4.5"),
        budget=Money.of(40),
    )
    assert (
        "cost: $28.10: $20.00 charged, $3.60 estimated, $4.50 reserved for jobs in flight; the "
        "budget is $40.00"
    ) in said(now)
    assert "cost: $4.50 reserved for jobs in flight" in said(progress(reserved=Money.of("4.5")))
    assert now.cost == Money.of("28.1")


def test_where_its_store_is_elsewhere_it_is_said_that_decisions_are_not_counted():
    assert any("its store is not seen from here" in line for line in said(progress(ended=True)))
    assert not any("not seen from here" in line for line in said(progress()))


def test_of_pages_that_were_ended_by_hand_it_is_said_what_to_do():
    """There is nobody who will ever write their results down."""
    lines = said(progress(uncertain=50, stranded=(3,), ended=True))
    assert any("written down: pages 3" in line for line in lines)
    assert "  pika-async campaign resolve summer --all adopt" in lines


def test_of_one_that_ended_before_its_end_it_is_said_how_the_rest_is_started():
    """A name is used once, and a store says that it was started."""
    line = "  pika-async campaign start NAME --store PLACE --carry-on"
    assert line in said(progress(succeeded=60, ended=True))
    for none_left in ({"succeeded": 100, "ended": True}, {"succeeded": 60}):
        assert line not in said(progress(**none_left))


def test_what_is_to_be_said_next_repeats_the_store_where_it_is_taken():
    trail = CampaignTrail(campaign="summer", store="my folder", server="h:1")
    assert trail.line_of("resolve", "summer", "3", "--drop") == (
        "pika-async campaign resolve summer 3 --drop --store 'my folder' --server h:1"
    )
    assert "--store" not in trail.line_of("resume", "summer")


def test_of_one_that_the_server_has_forgotten_the_store_tells():
    lines = said(progress(succeeded=60, ended=True, forgotten=True, searchable=False))
    # Nobody knows whether it was started as one that is found.
    assert not any("search attributes" in line for line in lines)
    assert lines[0].endswith("the server has forgotten it, and this is what its store tells")


@every_row(
    ("text", "expected"),
    [
        ("the job 66e0-818e has failed (HTTP 502)", "the job  has failed (HTTP "),
        ("a word of v2, and x\u0663y", "a word of  and "),
        ("no number at all", "no number at all"),
        ("", ""),
    ],
)
def test_what_differs_in_ids_and_numbers_alone_is_alike(text, expected):
    """A word with a digit in it counts for nothing, whatever else is in it."""
    assert words.alike(text) == expected


def test_a_long_word_takes_no_longer_than_many_short_ones():
    """As in a message that quotes a page of letters: begun anew at each, this would take hours."""
    assert words.alike("a" * 1_000_000) == words.alike("a" * 1_000_000)


CROWDED = RepairsWaiting(
    repairs=3, account="films", limit=4, kept=2, kept_until=SINCE + timedelta(minutes=15)
)


class Deciding:
    """A campaign whose repairs begin to wait for places after a while."""

    def __init__(self, *, ended=False):
        self.answers = [None, CROWDED]
        self.ended = ended

    async def repairs_waiting(self):
        return self.answers.pop(0)

    async def progress(self):
        return progress(ended=self.ended)


class TestRepairsThatWait:
    async def test_it_is_said_once_for_what_for_how_long_and_how_to_get_more(self, monkeypatch):
        monkeypatch.setattr(crowded, "LOOK", 0.0)
        said = []
        trail = CampaignTrail(campaign="summer", server="h:1")
        campaign = Deciding()
        async with crowded.telling(campaign, trail, lambda note: said.append(note.text)):
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
        assert campaign.answers == []
        assert said[0].startswith("3 prompts wait for a place: all of the 4 places of the account")
        assert "Nothing needs to be done" in said[0]
        until = local(CROWDED.kept_until)
        assert said[1] == f"2 are kept until {until} for jobs that may run, though nobody can tell"
        assert said[-1] == "  pika-async campaign resume summer --max-in-flight N --server h:1"
        assert len(said) == 4

    async def test_a_campaign_that_has_ended_is_not_told_to_resume(self, monkeypatch):
        """That is refused, and whoever did as they were told would stand there."""
        monkeypatch.setattr(crowded, "LOOK", 0.0)
        said = []
        trail = CampaignTrail(campaign="summer")
        async with crowded.telling(
            Deciding(ended=True), trail, lambda note: said.append(note.text)
        ):
            for _ in range(50):
                await anyio.lowlevel.checkpoint()
        assert len(said) == 2
        assert "resume" not in " ".join(said)

    async def test_what_the_work_says_no_to_comes_out_as_it_is(self):
        """It is told as a sentence, which no group of errors is."""
        with pytest.raises(FieldError):
            async with crowded.telling(Deciding(), CampaignTrail(campaign="summer"), print):
                raise FieldError("index", 7, "0 to 3")
