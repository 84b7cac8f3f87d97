"""Until when: what a watcher does next, row by row; how long failures are waited out."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import (
    AuthenticationError,
    Failed,
    NotFoundError,
    PermissionDeniedError,
    Running,
    ServerError,
    Succeeded,
    TransportError,
    Video,
)
from pika_async._jobs.patience import (
    Now,
    Patience,
    last_look_grace,
    next_step,
)
from pika_async._meaning import Started
from pika_async._states import lacks_links

LINKED = Succeeded(videos=(Video(id="v", job_id="j", url="https://cdn.example/v.mp4"),))
LINKLESS = Succeeded(videos=(Video(id="v", job_id="j", url=""),))

# What is so; what is done. `now` is 100 where nothing else is said.
ROWS = {
    "nothing is due": ({"due": 130.0}, 130.0),
    "a look is due": ({"due": 100.0}, Now.LOOK),
    "a look was due": ({"due": 70.0}, Now.LOOK),
    "the deadline comes before the next look": ({"due": 130.0, "deadline": 110.0}, 110.0),
    "the deadline is now": ({"due": 130.0, "deadline": 100.0}, Now.LOOK),
    "the deadline has passed": ({"due": 130.0, "deadline": 90.0}, Now.LOOK),
    "somebody looked at the deadline": ({"deadline": 90.0, "looked_at": 90.0}, Now.GIVE_UP),
    "somebody looked after the deadline": ({"deadline": 90.0, "looked_at": 95.0}, Now.GIVE_UP),
    "the last look has been taken": ({"last_look_taken": True}, Now.GIVE_UP),
    "somebody is looking": ({"due": 130.0, "look_under_way": True}, Now.LOOK),
    "somebody is looking at the deadline": (
        {"due": 130.0, "deadline": 100.0, "look_under_way": True},
        Now.LOOK,
    ),
    "for ever": ({"due": 130.0, "deadline": math.inf}, 130.0),
}


def step(**so):
    given = {
        "now": 100.0,
        "due": 130.0,
        "deadline": 1000.0,
        "looked_at": 40.0,
        "look_under_way": False,
        "last_look_taken": False,
    }
    return next_step(**(given | so))


@every_row("row", ROWS)
def test_what_a_watcher_does_next(row):
    so, expected = ROWS[row]
    assert step(**so) == expected


moments = st.floats(0, 1000)


@given(
    now=moments,
    due=moments,
    deadline=moments,
    looked_at=moments,
    look_under_way=st.booleans(),
    last_look_taken=st.booleans(),
)
def test_nobody_sleeps_into_the_past_nor_past_a_deadline_nor_beside_a_look(**so):
    taken = step(**so)
    if isinstance(taken, float):
        assert so["now"] < taken <= so["deadline"]
        assert not so["look_under_way"]


@every_row(("timeout", "grace"), [(0, 3.0), (3, 3.0), (7, 7.0), (1200, 10.0), (math.inf, 10.0)])
def test_a_last_look_may_last_in_proportion_to_what_was_asked_for(timeout, grace):
    assert last_look_grace(timeout) == grace


def patient(*, lately: bool = True, seen: bool = False) -> Patience:
    return Patience(expected_since=100.0, submitted_lately=lately, outage_budget=300.0, seen=seen)


class TestFailures:
    def test_those_in_a_row_are_waited_out_for_the_outage_budget(self):
        patience = patient()
        broken = TransportError("reset")
        assert patience.failed(broken, 200.0) == 500.0
        assert patience.failed(broken, 300.0) == 500.0

    def test_one_answer_begins_the_count_anew(self):
        patience = patient()
        patience.failed(ServerError(status=502), 200.0)
        patience.seen, patience.failures = True, 0
        assert patience.failed(ServerError(status=502), 400.0) == 700.0

    def test_a_refused_key_is_waited_out_not_at_all(self):
        assert patient().failed(AuthenticationError(status=401), 200.0) == -math.inf

    @every_row(
        "error",
        [
            AuthenticationError(status=401, is_api_answer=False),
            PermissionDeniedError(status=403, is_api_answer=False),
            NotFoundError(status=404, is_api_answer=False),
        ],
        ids=["401", "403", "404"],
    )
    @every_row("lately", [True, False], ids=["just submitted", "re-attached"])
    def test_a_page_or_nothing_is_waited_out_for_the_outage_budget_whatever_its_status(
        self, error, lately
    ):
        assert patient(lately=lately).failed(error, 200.0) == 500.0

    @every_row(
        ("lately", "seen", "until"),
        [
            (True, False, 160.0),
            (False, False, -math.inf),
            (True, True, 420.0),
            (False, True, 420.0),
        ],
        ids=["just submitted", "re-attached", "seen before", "re-attached and seen before"],
    )
    def test_not_found_is_waited_out_where_the_job_may_be_there(self, lately, seen, until):
        error = NotFoundError(status=404, code="task_not_exist")
        assert patient(lately=lately, seen=seen).failed(error, 120.0) == until

    def test_an_empty_answer_is_waited_out_for_a_reattached_job_too(self):
        empty = NotFoundError("the answer holds no videos", status=200)
        assert patient(lately=False).failed(empty, 120.0) == 160.0

    def test_what_an_error_has_learnt_of_the_job_changes_nothing(self):
        error = ServerError(status=502, started=Started.MAYBE)
        first = patient().failed(error, 200.0)
        assert first == 500.0


class TestAppearing:
    @every_row(
        ("now", "seen", "may"),
        [(159.9, False, True), (160.0, False, False), (120.0, True, False)],
    )
    def test_a_job_has_a_minute_to_appear(self, now, seen, may):
        assert patient(seen=seen).may_yet_appear(now) is may

    def test_an_answer_without_a_word_ends_a_row_of_failures(self):
        patience = patient()
        patience.failed(ServerError(status=502), 110.0)
        assert patience.may_yet_appear(120.0)
        assert patience.failures == 0


class TestLinks:
    def test_a_finished_job_without_a_link_runs_for_a_minute_more(self):
        patience = patient()
        assert patience.with_links(LINKLESS, 200.0) == Running(progress=100)
        assert patience.must_be_linked_by == 260.0
        assert patience.with_links(LINKLESS, 259.9) == Running(progress=100)

    def test_then_it_has_failed_and_keeps_the_videos(self):
        patience = patient()
        patience.with_links(LINKLESS, 200.0)
        state = patience.with_links(LINKLESS, 260.0)
        assert isinstance(state, Failed)
        assert state.videos == LINKLESS.videos

    def test_a_link_that_comes_ends_the_minute(self):
        patience = patient()
        patience.with_links(LINKLESS, 200.0)
        assert patience.with_links(LINKED, 230.0) is LINKED
        assert patience.must_be_linked_by == math.inf

    def test_a_link_that_comes_after_the_minute_is_a_success_all_the_same(self):
        patience = patient()
        patience.with_links(LINKLESS, 200.0)
        assert isinstance(patience.with_links(LINKLESS, 260.0), Failed)
        assert patience.with_links(LINKED, 9_000.0) is LINKED

    def test_a_look_long_after_the_minute_says_the_same_as_at_its_end(self):
        patience = patient()
        patience.with_links(LINKLESS, 200.0)
        at_its_end = patience.with_links(LINKLESS, 260.0)
        assert patience.with_links(LINKLESS, 9_000.0) == at_its_end

    @every_row(
        ("state", "lacks"),
        [
            (LINKLESS, True),
            (Failed(reason="no link came", videos=LINKLESS.videos), True),
            (Failed(reason="one failed", videos=LINKED.videos + LINKLESS.videos), True),
            (LINKED, False),
            (Failed(reason="one failed", videos=LINKED.videos), False),
            (Failed(reason="no"), False),
            (Running(progress=100), False),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_a_state_tells_whether_the_link_may_still_come(self, state, lacks):
        assert lacks_links(state) is lacks

    def test_a_job_that_failed_keeps_its_reason(self):
        patience = patient()
        failed = Failed(reason="no", videos=LINKLESS.videos)
        patience.with_links(failed, 200.0)
        assert patience.with_links(failed, 260.0) is failed
