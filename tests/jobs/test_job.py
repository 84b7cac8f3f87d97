"""One job being waited for, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
from contextlib import aclosing
from decimal import Decimal
from fractions import Fraction

import anyio
import pytest
from support.jobs import BROKEN, DONE, LINKLESS, Service, attached, running, submitted
from support.tables import every_row
from support.virtual_time import in_virtual_time, now

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    ExponentialPolling,
    Failed,
    FixedPolling,
    JobEnded,
    JobFailedError,
    JobTimeoutError,
    ModerationError,
    NotFoundError,
    PermissionDeniedError,
    Queued,
    RateLimitError,
    RetryPolicy,
    Running,
    ServerError,
    Succeeded,
    TransportError,
    TransportTimeoutError,
    Unknown,
    Video,
)
from pika_async._jobs.job import ended
from pika_async._log import Teller
from pika_async._meaning import Action, Advice, Started


def states(transitions):
    return [transition.state for transition in transitions]


async def seen(job, **how):
    return [transition async for transition in job.transitions(**how)]


BREAKS = {
    "reset": TransportError("reset"),
    "truncated": TransportError("truncated"),
    "timed-out": TransportTimeoutError("timed out"),
    "not-reached": TransportError("refused", started=Started.NO),
    "408": APIError(status=408, started=Started.MAYBE),
    "425": APIError(status=425),
    "429": RateLimitError(status=429),
    "500": ServerError(status=500, started=Started.MAYBE),
    "503-own-shape": ServerError(status=503),
    "503-retry-after": ServerError(status=503, retry_after=2.0),
    "redirect": APIError(status=307),
    "html-with-200": DecodeError("a web page", status=200),
    "no-json-with-200": DecodeError("not JSON", status=200, started=Started.MAYBE),
    "error-in-200": APIError(status=200, code="7"),
    "not-found": NotFoundError(status=404),
}


class TestTransitions:
    @in_virtual_time
    async def test_the_first_comes_at_once_from_what_is_known(self):
        service = Service(DONE)
        first = await anext(submitted(service).transitions())
        assert (first.previous, first.state, first.elapsed) == (None, Queued(), 0.0)
        assert (service.polls, now()) == (0, 1000.0)

    @in_virtual_time
    async def test_each_change_comes_once_progress_included_up_to_the_terminal_one(self):
        service = Service(Queued(), running(), running(10), running(10), running(5), DONE)
        steps = await seen(submitted(service))
        assert states(steps) == [Queued(), running(), running(10), running(5), DONE]
        assert [step.previous for step in steps] == [None, *states(steps)[:-1]]
        assert [step.elapsed for step in steps] == [0, 2, 3, 5, 6]
        assert [step.polls for step in steps] == [0, 2, 3, 5, 6]
        assert {step.job_id for step in steps} == {"job-1"}

    @in_virtual_time
    async def test_an_unknown_status_is_shown_and_polled_on(self):
        service = Service(Unknown(status="dreaming"), DONE)
        assert states(await seen(submitted(service))) == [
            Queued(),
            Unknown(status="dreaming"),
            DONE,
        ]

    @in_virtual_time
    async def test_a_re_attached_job_is_looked_at_before_anything_is_said(self):
        service = Service(running(40), DONE)
        steps = await seen(attached(service))
        assert states(steps) == [running(40), DONE]
        assert steps[0].previous is None
        assert service.polled_at == [1000.0, 1001.0]

    @in_virtual_time
    async def test_a_job_known_to_be_finished_yields_its_end_without_a_poll(self):
        service = Service(DONE)
        job = submitted(service)
        await job.result()
        steps = await seen(job)
        assert [(step.previous, step.state) for step in steps] == [(None, DONE)]
        assert service.polls == 1

    @in_virtual_time
    async def test_a_slow_consumer_still_sees_every_change(self):
        job = submitted(Service(running(1), running(2), running(3), DONE))
        slow = []
        async with anyio.create_task_group() as group:
            group.start_soon(job.result)
            async for step in job.transitions():
                slow.append(step.state)
                await anyio.sleep(10)
        assert slow == [Queued(), running(1), running(2), running(3), DONE]

    @in_virtual_time
    async def test_a_finished_iterator_stays_finished(self):
        iterator = submitted(Service(DONE)).transitions()
        assert len([step async for step in iterator]) == 2
        assert [step async for step in iterator] == []

    @in_virtual_time
    async def test_it_can_be_closed_like_an_async_generator(self):
        service = Service(DONE)
        async with aclosing(submitted(service).transitions()) as iterator:
            await anext(iterator)
        assert [step async for step in iterator] == []
        assert service.polls == 0

    @in_virtual_time
    async def test_failure_is_a_last_transition_not_an_error(self):
        assert states(await seen(submitted(Service(BROKEN))))[-1] == BROKEN

    @in_virtual_time
    async def test_leaving_the_loop_leaves_no_task_and_no_poll(self):
        service = Service(running(10), DONE)
        async for step in submitted(service).transitions():
            if step.state == running(10):
                break
        gc.collect()
        await anyio.sleep(100)
        assert service.polls == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}


class TestSharing:
    @in_virtual_time
    async def test_two_watchers_cost_the_polls_of_one(self):
        alone, shared = (
            Service(running(1), running(50), DONE, takes=0.1),
            Service(running(1), running(50), DONE, takes=0.1),
        )
        await submitted(alone).result()
        job = submitted(shared)
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(job.result)
        assert shared.polls == alone.polls == 3

    @in_virtual_time
    async def test_all_watchers_see_all_changes(self):
        job = submitted(Service(running(1), running(50), DONE, takes=0.1))
        told = []

        async def watch():
            told.append(states(await seen(job)))

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(watch)
        assert told == [[Queued(), running(1), running(50), DONE]] * 3

    @in_virtual_time
    async def test_when_the_one_that_polls_is_cancelled_another_takes_over(self):
        service = Service(running(1), DONE, takes=0.5)
        job = submitted(service)
        first = asyncio.create_task(job.result())
        second = asyncio.create_task(job.result())
        await anyio.sleep(1.2)  # the first poll is under way
        assert service.polls == 1
        first.cancel()
        assert await second == DONE
        assert service.polls == 2
        with pytest.raises(asyncio.CancelledError):
            await first

    @in_virtual_time
    async def test_a_poll_that_another_gave_up_is_not_the_last_look_of_who_waited_for_it(self):
        service = Service(DONE, takes=2.0)
        job = submitted(service)
        first = asyncio.create_task(job.result())
        second = asyncio.create_task(job.result(timeout=2.0))
        await anyio.sleep(2.5)  # the deadline of the second is over, its grace is not
        assert service.polls == 1
        first.cancel()
        assert await second == DONE
        assert service.polls == 2

    @in_virtual_time
    async def test_an_error_that_ends_the_waiting_reaches_every_watcher_by_one_poll(self):
        service = Service(AuthenticationError(status=401), takes=0.1)
        job = submitted(service)
        results = await asyncio.gather(*(job.result() for _ in range(5)), return_exceptions=True)
        assert [type(result) for result in results] == [AuthenticationError] * 5
        assert service.polls == 1

    @in_virtual_time
    async def test_a_late_watcher_joins_without_polls_of_its_own(self):
        service = Service(running(1), running(2), DONE, takes=0.1)
        job = submitted(service)
        early = asyncio.create_task(job.result())
        await anyio.sleep(1.5)
        late = await seen(job)
        assert states(late) == [running(1), running(2), DONE]
        assert await early == DONE
        assert service.polls == 3

    @in_virtual_time
    async def test_each_watcher_has_its_own_deadline(self):
        service = Service(running(1))
        job = submitted(service, polling=FixedPolling(10.0))
        patient = asyncio.create_task(job.result(timeout=100))
        with pytest.raises(JobTimeoutError):
            await job.result(timeout=3)
        assert (now(), service.polls) == (1003.0, 1)
        service.script = [DONE]
        assert await patient == DONE


class TestDeadline:
    @in_virtual_time
    async def test_the_error_says_how_the_job_stood_in_words(self):
        job = submitted(Service(running(16)))
        with pytest.raises(JobTimeoutError, match=r"\(last known state: running 16 %, 3 polls\)"):
            await job.result(timeout=3)

    @in_virtual_time
    async def test_it_is_checked_before_sleeping_past_it_and_a_last_look_is_taken(self):
        service = Service(running(1))
        job = submitted(service, polling=FixedPolling(10.0))
        with pytest.raises(JobTimeoutError):
            await job.result(timeout=25)
        assert service.polled_at == [1010.0, 1020.0, 1025.0]
        assert now() == 1025.0

    @in_virtual_time
    async def test_watchers_with_one_deadline_share_the_last_look(self):
        service = Service(running(1))
        job = submitted(service, polling=FixedPolling(10.0))
        results = await asyncio.gather(
            *(job.result(timeout=5) for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [JobTimeoutError] * 3
        assert service.polled_at == [1005.0]

    @in_virtual_time
    async def test_a_look_that_another_began_early_is_not_the_last_one(self):
        service = Service(running(1), DONE, takes=0.1)
        job = submitted(service, polling=FixedPolling(5.0))
        refreshing = asyncio.create_task(job.refresh())
        await anyio.sleep(0.05)
        assert await job.result(timeout=2) == DONE
        assert now() == pytest.approx(1002.15)
        await refreshing

    @in_virtual_time
    async def test_an_empty_answer_ends_a_series_of_failures(self):
        failure = ServerError(status=502, started=Started.MAYBE)
        service = Service(failure, *[None] * 5, failure, DONE)
        retry = RetryPolicy(outage_budget=3.0, initial=1.0, jitter=0.0)
        assert await submitted(service, retry=retry).result() == DONE

    @in_virtual_time
    async def test_an_outage_that_is_over_is_no_cause(self):
        service = Service(TransportError("reset"), running(1))
        with pytest.raises(JobTimeoutError) as caught:
            await submitted(service).result(timeout=20)
        assert caught.value.__cause__ is None

    @in_virtual_time
    async def test_what_the_last_look_shows_is_told_before_the_error(self):
        service = Service(running(1), running(2))
        iterator = submitted(service, polling=FixedPolling(10.0)).transitions(timeout=15)
        told = [await anext(iterator), await anext(iterator), await anext(iterator)]
        assert states(told) == [Queued(), running(1), running(2)]
        with pytest.raises(JobTimeoutError):
            await anext(iterator)
        assert service.polls == 2

    @in_virtual_time
    async def test_a_finish_seen_by_the_last_look_counts(self):
        job = submitted(Service(running(1), DONE), polling=FixedPolling(10.0))
        assert await job.result(timeout=11) == DONE

    @in_virtual_time
    async def test_zero_means_one_look(self):
        service = Service(running(1))
        with pytest.raises(JobTimeoutError):
            await submitted(service).result(timeout=0)
        assert (service.polls, now()) == (1, 1000.0)

    @in_virtual_time
    async def test_zero_finds_what_is_finished(self):
        assert await attached(Service(DONE)).result(timeout=0) == DONE

    @in_virtual_time
    async def test_none_waits_for_ever(self):
        service = Service(*[running(1)] * 5000, DONE)
        assert await submitted(service, polling=FixedPolling(60)).result(timeout=None) == DONE
        assert now() > 1000 + 3 * 86400

    @in_virtual_time
    async def test_a_look_under_way_at_the_deadline_is_the_last_one_and_bounded(self):
        service = Service(running(1), takes=2.0)
        with pytest.raises(JobTimeoutError):
            await submitted(service).result(timeout=2)
        assert service.polled_at == [1001.0]
        assert service.limits == [1.0 + 3.0]

    @in_virtual_time
    async def test_a_watcher_does_not_wait_for_the_hanging_poll_of_a_more_patient_one(self):
        service = Service(DONE, takes=500.0)
        job = submitted(service)
        patient = asyncio.create_task(job.result())
        await anyio.sleep(1.5)
        with pytest.raises(JobTimeoutError):
            await job.result(timeout=5)
        assert now() == 1000 + 1.5 + 5 + 5
        assert await patient == DONE

    @in_virtual_time
    async def test_the_error_says_that_the_job_runs_on_and_how_to_come_back(self):
        with pytest.raises(JobTimeoutError) as caught:
            await submitted(Service(running(40))).result(timeout=3)
        assert isinstance(caught.value, TimeoutError)
        assert (caught.value.job_id, caught.value.state) == ("job-1", running(40))
        assert "client.job('job-1').result()" in str(caught.value)
        assert "do not submit it again" in str(caught.value)

    @in_virtual_time
    async def test_the_error_keeps_the_outage_that_hid_the_job(self):
        outage = TransportError("reset")
        with pytest.raises(JobTimeoutError) as caught:
            await submitted(Service(outage)).result(timeout=20)
        assert caught.value.__cause__ is outage

    @every_row("timeout", [-1, math.nan, "60", True])
    def test_a_bad_timeout_is_refused_by_name(self, timeout):
        with pytest.raises(ValueError, match="timeout: .* is not allowed; allowed are seconds"):
            attached_anywhere().transitions(timeout=timeout)


def attached_anywhere():
    async def make():
        return attached(Service(DONE))

    return asyncio.run(make())


class TestResult:
    @in_virtual_time
    async def test_success_comes_back_as_the_state(self):
        assert await submitted(Service(running(), DONE)).result() == DONE

    @in_virtual_time
    async def test_failure_is_raised_with_its_state_and_what_it_means_for_the_money(self):
        state = Failed(reason="server overloaded", videos=DONE.videos)
        with pytest.raises(JobFailedError, match="server overloaded") as caught:
            await submitted(Service(state)).result()
        assert (caught.value.job_id, caught.value.state) == ("job-1", state)
        assert type(caught.value) is JobFailedError
        assert "new paid job" in str(caught.value)
        assert "1 video(s)" in str(caught.value)

    @in_virtual_time
    async def test_refused_content_is_a_moderation_error(self):
        with pytest.raises(ModerationError, match="prompt not allowed"):
            await submitted(Service(BROKEN)).result()


class TestRefresh:
    @in_virtual_time
    async def test_it_is_one_poll_now(self):
        service = Service(running(7))
        job = submitted(service)
        assert await job.refresh() == running(7) == job.state
        assert (service.polls, now()) == (1, 1000.0)

    @in_virtual_time
    async def test_it_raises_what_waiting_would_have_waited_out(self):
        with pytest.raises(RateLimitError) as caught:
            await submitted(Service(RateLimitError(status=429))).refresh()
        assert caught.value.job_id == "job-1"

    @in_virtual_time
    async def test_it_shares_a_poll_that_is_under_way(self):
        service = Service(running(7), takes=1.0)
        job = submitted(service)
        assert await asyncio.gather(job.refresh(), job.refresh()) == [running(7)] * 2
        assert service.polls == 1

    @in_virtual_time
    async def test_it_polls_again_when_the_shared_poll_was_cancelled(self):
        service = Service(running(7), takes=1.0)
        job = submitted(service)
        first = asyncio.create_task(job.refresh())
        second = asyncio.create_task(job.refresh())
        await anyio.sleep(0.5)
        first.cancel()
        assert await second == running(7)
        assert service.polls == 2

    @in_virtual_time
    async def test_a_finished_job_gets_its_renewed_links(self):
        renewed = Succeeded(videos=(Video(id="v1", job_id="job-1", url="https://new.example/1"),))
        job = submitted(Service(DONE, renewed))
        await job.result()
        assert await job.refresh() == renewed == job.state

    @in_virtual_time
    async def test_the_raw_answer_is_the_newest_even_if_the_state_is_the_same(self):
        job = submitted(Service(Queued(raw={"n": 1})))
        await job.refresh()
        assert job.state.raw == {"n": 1}

    @in_virtual_time
    async def test_a_finished_job_never_goes_back(self):
        job = submitted(Service(DONE, running(3)))
        await job.result()
        assert await job.refresh() == DONE

    @in_virtual_time
    async def test_where_nothing_is_known_it_says_so(self):
        assert await attached(Service(None)).refresh() == Unknown(status="")


class TestStubbornness:
    @pytest.mark.parametrize("error", BREAKS.values(), ids=BREAKS)
    @in_virtual_time
    async def test_one_bad_poll_does_not_end_the_waiting(self, error):
        service = Service(running(1), error, DONE)
        assert await submitted(service).result() == DONE

    @pytest.mark.parametrize("error", BREAKS.values(), ids=BREAKS)
    @in_virtual_time
    async def test_an_outage_is_waited_out_until_the_budget_ends_then_raised_itself(self, error):
        service = Service(running(1), error)
        with pytest.raises(type(error)) as caught:
            await submitted(service).result()
        assert caught.value is error
        assert caught.value.job_id == "job-1"
        assert "client.job('job-1')" in str(error) or isinstance(error, NotFoundError)
        # The first failure came at 1002; the last look exactly at the end of the budget.
        assert service.polled_at[-1] == now() == pytest.approx(1302.0)

    @in_virtual_time
    async def test_one_success_starts_the_count_anew(self):
        outage = TransportError("reset")
        script = [outage] * 3 + [running(1)] + [outage] * 3 + [running(2)] + [outage] * 3 + [DONE]
        job = submitted(Service(*script), retry=RetryPolicy(outage_budget=4.0, jitter=0.0))
        assert await job.result() == DONE

    @in_virtual_time
    async def test_failing_polls_back_off(self):
        service = Service(*[TransportError("reset")] * 5, DONE)
        retry = RetryPolicy(initial=1.0, factor=2.0, maximum=5.0, jitter=0.0)
        await submitted(service, retry=retry).result()
        gaps = [b - a for a, b in zip(service.polled_at, service.polled_at[1:], strict=False)]
        assert gaps == [1.0, 2.0, 4.0, 5.0, 5.0]

    @in_virtual_time
    async def test_retry_after_is_honoured(self):
        service = Service(RateLimitError(status=429, retry_after=7.0), DONE)
        await submitted(service).result()
        assert service.polled_at == [1001.0, 1008.0]

    @pytest.mark.parametrize("cls", [AuthenticationError, PermissionDeniedError])
    @in_virtual_time
    async def test_a_refused_key_is_raised_at_once(self, cls):
        service = Service(running(1), cls(status=401))
        with pytest.raises(cls) as caught:
            await submitted(service).result()
        assert service.polls == 2
        assert "client.job('job-1')" in str(caught.value)

    @in_virtual_time
    async def test_a_budget_of_zero_raises_the_first_failure(self):
        job = submitted(Service(TransportError("reset")), retry=RetryPolicy(outage_budget=0.0))
        with pytest.raises(TransportError):
            await job.result()


class TestAppearance:
    @in_virtual_time
    async def test_a_job_just_submitted_has_60_s_to_be_found(self):
        service = Service(*[NotFoundError(status=404)] * 4, DONE)
        assert await submitted(service).result() == DONE

    @pytest.mark.parametrize("answer", [NotFoundError(status=400, code="task_not_exist"), None])
    @in_virtual_time
    async def test_after_60_s_a_submitted_job_is_not_found(self, answer):
        with pytest.raises(NotFoundError) as caught:
            await submitted(Service(answer), polling=FixedPolling(7.0)).result()
        assert now() == pytest.approx(1060.0)
        assert caught.value.job_id == "job-1"

    @in_virtual_time
    async def test_a_re_attached_job_that_is_not_found_ends_at_once(self):
        service = Service(NotFoundError(status=404))
        with pytest.raises(NotFoundError, match="another key or base URL"):
            await attached(service).result()
        assert service.polls == 1

    @in_virtual_time
    async def test_a_re_attached_job_answered_with_nothing_has_60_s_too(self):
        service = Service(None)
        with pytest.raises(NotFoundError):
            await attached(service).result()
        assert now() == pytest.approx(1060.0)

    @in_virtual_time
    async def test_an_answer_without_videos_changes_nothing_that_is_known(self):
        steps = await seen(submitted(Service(None, None, running(1), DONE)))
        assert states(steps) == [Queued(), running(1), DONE]

    @in_virtual_time
    async def test_a_job_seen_before_may_vanish_for_a_moment(self):
        for gone in (None, NotFoundError(status=404)):
            service = Service(running(1), gone, DONE)
            assert await attached(service).result() == DONE


class TestMissingLinks:
    @in_virtual_time
    async def test_finished_without_a_link_is_shown_as_running_and_looked_at_again(self):
        steps = await seen(submitted(Service(LINKLESS, LINKLESS, DONE)))
        assert states(steps) == [Queued(), Running(progress=100), DONE]

    @in_virtual_time
    async def test_after_60_s_it_is_a_failure_that_keeps_the_videos(self):
        service = Service(LINKLESS)
        with pytest.raises(JobFailedError, match="no link") as caught:
            await submitted(service, polling=ExponentialPolling(jitter=0.0)).result()
        assert caught.value.state.videos == LINKLESS.videos
        assert now() == pytest.approx(1001.0 + 60.0)

    @in_virtual_time
    async def test_a_link_missing_in_a_mixed_outcome_is_waited_for_too(self):
        mixed = Failed(reason="one broke", videos=LINKLESS.videos)
        whole = Failed(reason="one broke", videos=DONE.videos)
        assert states(await seen(submitted(Service(mixed, whole))))[-1] == whole
        assert states(await seen(submitted(Service(mixed))))[-1] == mixed


class TestLinksThatComeLate:
    """A job that has ended without a link is paid for: whoever asks again looks again."""

    @staticmethod
    async def given_up(*then, **policies):
        """A job whose link has not come for a minute; ``then``: what later looks bring."""
        service = Service(LINKLESS)
        job = submitted(service, **policies)
        with pytest.raises(JobFailedError, match="no link"):
            await job.result()
        service.script = [LINKLESS] * service.polls + list(then)
        return job, service, service.polls

    @in_virtual_time
    async def test_waiting_for_it_again_finds_the_link(self):
        job, service, polls = await self.given_up(DONE)
        assert await job.result() == DONE
        assert service.polls == polls + 1
        assert await job.result() == DONE
        assert service.polls == polls + 1

    @in_virtual_time
    async def test_watching_it_again_shows_the_link(self):
        job, _, _ = await self.given_up(DONE)
        assert states(await seen(job)) == [DONE]

    @in_virtual_time
    async def test_a_batch_that_waits_for_it_again_finds_the_link(self):
        job, _, _ = await self.given_up(DONE)
        heard = []
        assert await ended(job, 10.0, heard.append) == DONE

    @in_virtual_time
    async def test_a_look_that_finds_none_costs_one_poll_and_leaves_what_is_known(self):
        job, service, polls = await self.given_up(LINKLESS)
        begun = now()
        (step,) = await seen(job)
        assert isinstance(step.state, Failed)
        with pytest.raises(JobFailedError, match="no link"):
            await job.result(timeout=None)
        assert (service.polls, now()) == (polls + 2, begun)

    @in_virtual_time
    async def test_a_bad_poll_is_waited_out(self):
        job, _, _ = await self.given_up(TransportError("reset"), ServerError(status=500), DONE)
        assert await job.result() == DONE

    @in_virtual_time
    async def test_where_no_look_succeeds_in_time_what_is_known_stays(self):
        job, _, _ = await self.given_up(TransportError("reset"))
        with pytest.raises(JobFailedError, match="no link"):
            await job.result(timeout=5)
        (step,) = await seen(job, timeout=0)
        assert isinstance(step.state, Failed)

    @in_virtual_time
    async def test_a_refused_key_is_said(self):
        job, _, _ = await self.given_up(AuthenticationError(status=401))
        with pytest.raises(AuthenticationError) as caught:
            await job.result()
        assert caught.value.job_id == "job-1"

    @in_virtual_time
    async def test_many_who_ask_at_once_share_one_look(self):
        job, service, polls = await self.given_up(DONE)
        service.takes = 0.1
        assert await asyncio.gather(*(job.result() for _ in range(9))) == [DONE] * 9
        assert service.polls == polls + 1

    @in_virtual_time
    async def test_watchers_that_have_ended_stay_ended(self):
        service = Service(LINKLESS)
        job = submitted(service)
        watcher = job.transitions()
        assert isinstance([step async for step in watcher][-1].state, Failed)
        service.script = [DONE]
        assert await job.refresh() == DONE
        assert [step async for step in watcher] == []

    @in_virtual_time
    async def test_the_link_is_told_as_a_change_and_as_the_end(self):
        told = []
        job, _, _ = await self.given_up(DONE, tell=Teller(told.append))
        del told[:]
        await job.result()
        change, end = told
        assert (type(change.previous), change.state) == (Failed, DONE)
        assert (type(end), end.state) == (JobEnded, DONE)

    @in_virtual_time
    async def test_of_a_mixed_outcome_the_missing_link_is_looked_for_too(self):
        mixed = Failed(reason="one broke", videos=LINKLESS.videos)
        whole = Failed(reason="one broke", videos=DONE.videos)
        service = Service(mixed)
        job = submitted(service)
        assert states(await seen(job))[-1] == mixed
        service.script = [whole]
        assert states(await seen(job)) == [whole]
        polls = service.polls
        await seen(job)
        assert service.polls == polls

    @in_virtual_time
    async def test_the_error_says_to_look_again_and_never_to_buy_again(self):
        job, _, _ = await self.given_up()
        with pytest.raises(JobFailedError) as caught:
            await job.result()
        assert caught.value.advice == Advice(Action.WAIT_FOR_JOB, "job-1")
        assert "client.job('job-1').result()" in str(caught.value)
        assert "new paid job" not in str(caught.value)


class TestPolicies:
    @in_virtual_time
    async def test_the_policy_sees_the_job_and_gets_a_random_number(self):
        asked = []

        class Policy:
            def delay(self, observation, random_number):
                asked.append((observation, random_number))
                return 2.0

            def finished(self, observation):
                asked.append((observation, "finished"))

        service = Service(running(30), running(30), DONE)
        job = submitted(service, polling=Policy(), randoms=[0.1, 0.2, 0.3, 0.4])
        await job.result()
        planned = [(o.state, o.elapsed, o.unchanged_for, o.polls, r) for o, r in asked]
        assert planned[:3] == [
            (Queued(), 0.0, 0.0, 0, 0.1),
            (running(30), 2.0, 0.0, 1, 0.2),
            (running(30), 4.0, 2.0, 2, 0.3),
        ]
        assert [(o.state, o.elapsed) for o, what in asked if what == "finished"] == [(DONE, 6.0)]
        assert asked[0][0].request is job.request

    @in_virtual_time
    async def test_a_job_found_finished_at_the_first_look_teaches_nothing(self):
        told = []

        class Policy(FixedPolling):
            def finished(self, observation):
                told.append(observation)

        await attached(Service(DONE), polling=Policy(1.0)).result()
        assert told == []
        await attached(Service(running(1), DONE), polling=Policy(1.0)).result()
        assert len(told) == 1

    @pytest.mark.parametrize("answer", [math.nan, -1.0, math.inf, LookupError("mine")], ids=repr)
    @in_virtual_time
    async def test_one_that_fails_is_told_of_once_and_a_backoff_takes_its_place(
        self, answer, caplog
    ):
        class Policy(FixedPolling):
            def delay(self, observation, random_number):
                if not observation.polls:
                    return 1.0
                if isinstance(answer, Exception):
                    raise answer
                return answer

        service = Service(*[running(number) for number in range(8)], DONE)
        job = submitted(service, polling=Policy(1.0))
        results = await asyncio.gather(*(job.result() for _ in range(4)))
        assert results == [DONE] * 4
        assert service.polls == 9
        assert len([one for one in caplog.records if "polling policy" in one.getMessage()]) == 1

    @pytest.mark.parametrize("answer", [Decimal("1.5"), Fraction(3, 2), 2, True], ids=repr)
    @in_virtual_time
    async def test_any_number_is_a_time_to_wait(self, answer, caplog):
        """A Decimal was one that could not be added to a clock, and took the job's id with it."""

        class Policy(FixedPolling):
            def delay(self, observation, random_number):
                return answer

        service = Service(running(1), DONE)
        assert await submitted(service, polling=Policy(1.0)).result() == DONE
        assert service.polled_at[1] - service.polled_at[0] == float(answer)
        assert "polling policy" not in caplog.text

    @in_virtual_time
    async def test_one_that_cannot_hear_of_the_end_costs_nobody_the_result(self, caplog):
        class Policy(FixedPolling):
            def finished(self, observation):
                raise LookupError("mine")

        assert await submitted(Service(DONE), polling=Policy(1.0)).result() == DONE
        assert "polling policy" in caplog.text

    @in_virtual_time
    async def test_exponential_polling_spreads_a_long_job_over_few_polls(self):
        service = Service(*[running()] * 20, DONE)
        await submitted(service, polling=ExponentialPolling(jitter=0.0)).result()
        gaps = [b - a for a, b in zip(service.polled_at, service.polled_at[1:], strict=False)]
        assert gaps[:6] == pytest.approx([1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0])
        assert set(gaps[6:]) == {10.0}


class TestLogging:
    @in_virtual_time
    async def test_one_info_line_per_outcome_not_per_poll(self, caplog):
        caplog.set_level(logging.INFO, "pika_async")
        job = submitted(Service(*[running(1)] * 50, DONE))
        await asyncio.gather(job.result(), job.result())
        assert [record.levelname for record in caplog.records] == ["INFO"]
        assert "job-1" in caplog.text
        assert "51 polls" in caplog.text

    @in_virtual_time
    async def test_prompts_are_not_logged_at_info(self, caplog):
        caplog.set_level(logging.INFO, "pika_async")
        await submitted(Service(DONE)).result()
        assert "red panda" not in caplog.text
