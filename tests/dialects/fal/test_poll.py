"""One look at a job: its status, and the result of one that is done."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fal import ENDPOINT, FAL, HANDLE, JOB, PAGE, QUEUE, answer, complaint, talk
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    Failed,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    Queued,
    QuotaExceededError,
    Running,
    Succeeded,
    Unknown,
)
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async._states import lacks_links
from pika_async.dialects import Endpoint, Fal, Handle

LINK = "https://v3.fal.media/files/a/output.mp4"
DONE = {"status": "COMPLETED", "request_id": "j", "response_url": JOB}
VIDEO = {"video": {"url": LINK, "content_type": "video/mp4"}}


def look(*answers, handle: Handle = HANDLE, endpoint: Endpoint = ENDPOINT, dialect: Fal = FAL):
    return talk(dialect.poll(endpoint, handle), *answers)


def ended(result, status: Any = DONE):
    """The state of a job that is done, from its result."""
    return look(answer(200, status), result)[0]


def urls(sent) -> list[str]:
    return [request.url for request in sent]


class TestStatus:
    @every_row("code", [200, 202])
    @every_row(
        ("body", "state"),
        [
            ({"status": "IN_QUEUE", "queue_position": 0}, Queued(position=0)),
            ({"status": "IN_QUEUE", "queue_position": 4}, Queued(position=4)),
            ({"status": "IN_QUEUE", "queue_position": 4.0}, Queued(position=4)),
            ({"status": "IN_QUEUE", "queue_position": -1}, Queued(position=0)),
            ({"status": "IN_QUEUE", "queue_position": None}, Queued()),
            ({"status": "IN_QUEUE", "queue_position": "4"}, Queued()),
            ({"status": "IN_QUEUE", "queue_position": True}, Queued()),
            ({"status": "IN_QUEUE"}, Queued()),
            ({"status": "IN_PROGRESS", "logs": None}, Running()),
            ({"status": "IN_PROGRESS", "progress": 50}, Running()),
            ({"status": "in_progress"}, Running()),
            ({"status": " In Progress "}, Running()),
            ({"status": "in-queue", "queue_position": 2}, Queued(position=2)),
            ({"status": "POST_PROCESSING"}, Unknown(status="POST_PROCESSING")),
            ({"status": "Post-processing"}, Unknown(status="Post-processing")),
            ({"status": "CANCELLING"}, Unknown(status="CANCELLING")),
        ],
    )
    def test_any_2xx_says_how_the_job_stands(self, code, body, state) -> None:
        seen, sent = look(answer(code, body))
        assert seen == state
        assert seen.raw == body
        assert urls(sent) == [f"{JOB}/status"]
        assert sent[0].method == "GET"
        assert sent[0].headers == {"Authorization": "Key id:secret"}

    @every_row("body", [b"", b"  ", b"null"])
    def test_an_empty_answer_tells_nothing(self, body) -> None:
        assert look(answer(200, body))[0] is None

    @every_row("body", [[], {}, {"status": None}, {"status": 5}, b"{", PAGE])
    def test_an_answer_of_another_shape_is_a_failed_look(self, body) -> None:
        with pytest.raises(DecodeError) as caught:
            look(answer(200, body))
        assert after_poll(caught.value) is Verdict.AGAIN

    @every_row(
        ("status", "body", "kind"),
        [
            (401, {"detail": "no such key"}, AuthenticationError),
            (403, {"detail": "forbidden"}, PermissionDeniedError),
            (403, {"detail": "User is locked. Reason: Exhausted balance."}, QuotaExceededError),
            (404, PAGE, NotFoundError),
            (405, {"detail": "Method Not Allowed"}, APIError),
            (400, {"detail": "Bad Request"}, InvalidRequestError),
            (429, b"", APIError),
            (500, {"detail": "x", "error_type": "internal_error"}, APIError),
            (502, PAGE, APIError),
            (307, b"", APIError),
        ],
    )
    def test_what_says_nothing_of_the_job_is_waited_out(self, status, body, kind) -> None:
        with pytest.raises(kind) as caught:
            look(answer(status, body))
        assert after_poll(caught.value) is Verdict.AGAIN

    @every_row("body", [{"status": "NOT_FOUND"}, {"detail": "no such application"}])
    def test_an_id_that_is_unknown_is_not_found(self, body) -> None:
        with pytest.raises(NotFoundError) as caught:
            look(answer(404, body))
        assert after_poll(caught.value) is Verdict.GRACE

    def test_an_id_that_is_none_is_refused_at_once(self) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            look(answer(422, complaint("not a UUID", "uuid_parsing", "request_id")))
        assert after_poll(caught.value) is Verdict.RAISE


class TestCommonWords:
    """Words of the trade, which fal may say some day: the result decides, as after its own."""

    GONE = (answer(404, {"status": "NOT_FOUND"}),) * 2

    @every_row("word", ["SUCCEEDED", "success", "Finished", "OK", "FAILED", "cancelled", "ERROR"])
    def test_a_video_that_is_there_is_had_whatever_the_word(self, word) -> None:
        """A video that was paid for is never given up for a word."""
        state = ended(answer(200, VIDEO), {"status": word})
        assert isinstance(state, Succeeded)
        assert state.video.url == LINK

    @every_row("word", ["FAILED", "ERROR", "succeeded"])
    def test_the_failure_that_the_result_tells_is_the_reason(self, word) -> None:
        """Whoever ends at the word alone never learns why."""
        detail = [{"loc": ["body"], "msg": "too small", "type": "image_too_small"}]
        state = ended(answer(422, {"detail": detail}), {"status": word})
        assert state == Failed(reason="too small", code="image_too_small")

    @every_row("word", ["FAILED", "Cancelled", "EXPIRED", "timed out"])
    def test_one_that_is_sure_to_end_a_job_without_a_result_fails_it(self, word) -> None:
        """It is the code, and the reason where none is given."""
        state, _ = look(answer(200, {"status": word}), *self.GONE)
        assert state == Failed(reason=f"the service said {word!r} and gave no reason", code=word)

    def test_a_result_without_a_link_does_not_make_a_failure_a_success(self) -> None:
        """An empty result of a job that was stopped is none."""
        state = ended(answer(200, {}), {"status": "CANCELLED", "error": "stopped"})
        assert state == Failed(reason="stopped", code="CANCELLED")

    @every_row("word", ["ERROR", "OK", "SUCCESS", "finished"])
    def test_any_other_without_a_result_is_polled_on(self, word) -> None:
        """It may be said of the request."""
        state, _ = look(answer(200, {"status": word, "error": "busy"}), *self.GONE)
        assert state == Unknown(status=word)

    @every_row("result", [answer(502, PAGE), answer(401, {"detail": "no such key"})])
    @every_row("word", ["FAILED", "SUCCESS"])
    def test_a_result_that_tells_nothing_of_the_job_is_a_failed_look(self, word, result) -> None:
        """The next look asks again."""
        with pytest.raises(APIError) as caught:
            ended(result, {"status": word})
        assert after_poll(caught.value) is Verdict.AGAIN


class TestAddresses:
    HINTS = Handle(
        "j",
        {
            "status_url": f"{QUEUE}/me/other/requests/j/status",
            "response_url": f"{QUEUE}/me/other/requests/j",
        },
    )

    def test_those_that_the_service_gave_come_first(self) -> None:
        done = {"status": "COMPLETED", "response_url": f"{QUEUE}/me/other/requests/j/response"}
        state, sent = look(answer(200, done), answer(200, VIDEO), handle=self.HINTS)
        assert isinstance(state, Succeeded)
        assert urls(sent) == [self.HINTS.hints["status_url"], done["response_url"]]

    @every_row("word", ["completed", "Completed", " COMPLETED "])
    def test_a_job_is_done_in_whatever_letters_that_is_said(self, word) -> None:
        """A word in other letters keeps nobody waiting for a video that is there."""
        result = {"video": {"url": LINK}}
        seen, _ = look(answer(200, {"status": word}), answer(200, result))
        assert isinstance(seen, Succeeded)

    def test_of_a_job_of_another_app_the_result_is_looked_for_there(self) -> None:
        job = f"{QUEUE}/me/mine/requests/j"
        handle, gone = Handle("j", {"status_url": f"{job}/status"}), answer(404)
        done = answer(200, {"status": "COMPLETED"})
        _, sent = look(done, gone, gone, answer(200, VIDEO), handle=handle)
        assert urls(sent)[1:] == [job, JOB, f"{job}/response"]

    def test_those_at_another_origin_are_never_asked(self) -> None:
        elsewhere = "https://queue.fal.run.example/fal-ai/pika/requests/j"
        handle = Handle("j", {"status_url": f"{elsewhere}/status", "response_url": elsewhere})
        done = {"status": "COMPLETED", "response_url": elsewhere}
        _, sent = look(answer(200, done), answer(200, VIDEO), handle=handle)
        assert urls(sent) == [f"{JOB}/status", JOB]

    @every_row("status", [404, 405, 413])
    def test_a_wrong_address_of_a_status_is_followed_by_the_right_one(self, status) -> None:
        wrong = f"{QUEUE}/fal-ai/pika/v2.2/text-to-video/requests/j/status"
        state, sent = look(
            answer(status, {"detail": "x"}),
            answer(200, {"status": "IN_PROGRESS"}),
            handle=Handle("j", {"status_url": wrong}),
        )
        assert state == Running()
        assert urls(sent) == [wrong, f"{JOB}/status"]

    @every_row("status", [404, 405, 413])
    @every_row("body", [{"detail": "x"}, {"status": "NOT_FOUND"}, PAGE, b""])
    def test_a_wrong_address_of_a_result_is_followed_by_all_others(self, status, body) -> None:
        named = f"{QUEUE}/fal-ai/pika/v2.2/text-to-video/requests/j"
        wrong = answer(status, body)
        done = {"status": "COMPLETED", "response_url": named}
        state, sent = look(answer(200, done), wrong, wrong, answer(200, VIDEO))
        assert isinstance(state, Succeeded)
        assert urls(sent)[1:] == [named, JOB, f"{JOB}/response"]

    @every_row("status", [404, 405, 413])
    def test_a_job_whose_result_is_nowhere_has_not_failed(self, status) -> None:
        wrong = answer(status, {"status": "NOT_FOUND"})
        with pytest.raises(APIError) as caught:
            look(answer(200, DONE), wrong, wrong)
        assert after_poll(caught.value) is Verdict.AGAIN

    def test_a_job_that_is_known_to_have_failed_may_have_no_result(self) -> None:
        gone = answer(404, {"status": "NOT_FOUND"})
        status = {**DONE, "error": "The runner broke", "error_type": "runner_disconnected"}
        state, _ = look(answer(200, status), gone, gone)
        assert state == Failed(reason="The runner broke", code="runner_disconnected")

    @every_row("result", [answer(502, PAGE), answer(403, {"detail": "locked"})])
    def test_what_the_status_says_of_a_failure_waits_for_the_result(self, result) -> None:
        status = {**DONE, "error": "The runner broke", "error_type": "runner_disconnected"}
        with pytest.raises(APIError) as caught:
            ended(result, status)
        assert after_poll(caught.value) is Verdict.AGAIN

    def test_the_address_that_the_submit_gave_is_asked_where_the_status_names_none(self) -> None:
        result = f"{QUEUE}/me/results/j"
        _, sent = look(
            answer(200, {"status": "COMPLETED"}),
            answer(200, VIDEO),
            handle=Handle("j", {"response_url": result}),
        )
        assert urls(sent)[1:] == [result]

    def test_the_app_of_an_endpoint_is_where_its_jobs_are_asked_for(self) -> None:
        for app in ("me/mine", "workflows/me/mine"):
            _, sent = look(answer(200, {"status": "IN_QUEUE"}), dialect=Fal(app=app))
            assert urls(sent) == [f"{QUEUE}/{app}/requests/j/status"]

    def test_an_odd_id_is_one_segment_of_the_path(self) -> None:
        for job_id, segment in (("a/b?c", "a%2Fb%3Fc"), ("..", "%2E%2E"), ("é", "%C3%A9")):
            _, sent = look(answer(200, {"status": "IN_QUEUE"}), handle=Handle(job_id))
            assert urls(sent) == [f"{QUEUE}/fal-ai/pika/requests/{segment}/status"]


class TestResult:
    def test_a_video_is_told_with_its_link(self) -> None:
        state = ended(answer(200, VIDEO, X_Fal_Billable_Units="5"))
        assert (state.video.id, state.video.job_id, state.video.url) == ("j", "j", LINK)
        assert (state.video.duration, state.video.seed, state.charge) == (None, None, None)
        assert state.raw == VIDEO

    @every_row(
        ("body", "links"),
        [
            ({"video": {"url": LINK, "content_type": None, "file_size": None}}, [LINK]),
            ({"video": {"url": "/files/a.mp4"}}, [f"{QUEUE}/files/a.mp4"]),
            ({"video": {"url": "//v3.fal.media/files/a/output.mp4"}}, [LINK]),
            ({"videos": [{"url": "https://a"}, {"url": "https://b"}]}, ["https://a", "https://b"]),
            ({"images": [{"url": "https://a"}], "seed": 1}, ["https://a"]),
            ({"image": {"url": "https://a"}}, ["https://a"]),
            ({"status": "COMPLETED", "response": {"video": {"url": "https://a"}}}, ["https://a"]),
            ({"response": {"video": None}}, [""]),
            ({"audio": {"url": "https://a"}, "timings": {}}, ["https://a"]),
            ({"video": None, "images": [{"url": "https://a"}]}, ["https://a"]),
            ({"video": None}, [""]),
            ({"video": {"url": None}}, [""]),
            ({"video": {"url": ""}}, [""]),
            ({"video": {"url": 5}}, [""]),
            ({"video": "https://a"}, [""]),
            ({"video": {"url": "https://a/\ud800"}}, [""]),
            ({}, [""]),
        ],
    )
    def test_links_are_taken_from_where_apps_put_them(self, body, links) -> None:
        state = ended(answer(200, body))
        assert isinstance(state, Succeeded)
        assert [video.url for video in state.videos] == links
        assert lacks_links(state) == (links == [""])
        assert len({video.id for video in state.videos}) == len(links)

    @every_row(
        ("seed", "duration", "told"),
        [(7, 5, (7, 5)), (7.0, 5.5, (7, 5.5)), (None, None, (None, None)), ("7", "5", (None, None)),
         (True, True, (None, None)), (1e400, 1e400, (None, None)), (0.5, 10**400, (None, None))],
    )  # fmt: skip
    def test_seed_and_length_are_told_where_they_are_numbers(self, seed, duration, told) -> None:
        body = {"video": {"url": LINK, "duration": duration}, "seed": seed}
        state = ended(answer(200, body))
        assert (state.video.seed, state.video.duration) == told
        assert state.video.duration is None or type(state.video.duration) is float

    @every_row(
        ("hint", "told", "seed"),
        [("7", None, 7), ("7", 8, 8), ("7", 0, 0), ("7", "x", 7), ("x", None, None), ("", 8, 8)],
    )
    def test_a_seed_that_the_result_does_not_tell_is_the_one_that_was_sent(
        self, hint, told, seed
    ) -> None:
        handle = Handle(HANDLE.job_id, {**HANDLE.hints, "seed": hint})
        state, _ = look(answer(200, DONE), answer(200, {**VIDEO, "seed": told}), handle=handle)
        assert state.video.seed == seed

    def test_a_result_without_a_link_may_say_why_and_the_link_is_waited_for(self) -> None:
        state = ended(answer(200, {"video": None, "error": "filtered", "status": "COMPLETED"}))
        assert isinstance(state, Failed)
        assert (state.reason, state.code) == ("filtered", None)
        assert lacks_links(state)

    def test_the_result_decides_whatever_the_status_said_of_an_error(self) -> None:
        state = ended(answer(200, VIDEO), {**DONE, "error": "x", "error_type": "y"})
        assert isinstance(state, Succeeded)

    @every_row(
        ("status", "body"),
        [
            (400, {"detail": "Request is still in progress"}),
            (200, {"status": "IN_PROGRESS", "request_id": "j"}),
            (202, {"status": "IN_QUEUE", "queue_position": 0}),
        ],
    )
    def test_a_result_that_is_not_there_yet_is_waited_for(self, status, body) -> None:
        assert ended(answer(status, body)) == Running()

    @every_row(
        ("status", "body"),
        [
            (400, {"detail": "Bad Request"}),
            (400, PAGE),
            (401, {"detail": "no such key"}),
            (401, {"detail": "no such key", "error_type": "unauthorized"}),
            (403, {"detail": "User is locked. Reason: Exhausted balance."}),
            (403, complaint("no", "content_policy_violation")),
            (408, {"detail": "Timeout"}),
            (409, {"detail": "Conflict"}),
            (422, b""),
            (422, PAGE),
            (425, b""),
            (429, {"detail": "Too many requests", "error_type": "rate_limit"}),
            (499, b""),
            (500, b""),
            (500, {"message": "Internal Server Error"}),
            (502, PAGE),
            (503, PAGE),
            (504, b"upstream request timeout"),
            (504, b"Gateway Timeout"),
            (307, b""),
        ],
    )
    def test_what_says_nothing_of_the_job_is_a_failed_look(self, status, body) -> None:
        with pytest.raises(APIError) as caught:
            ended(answer(status, body))
        assert after_poll(caught.value) is Verdict.AGAIN

    @every_row("body", [b"", b"null", [], b"{", PAGE, "text"])
    def test_a_success_without_an_object_is_a_failed_look(self, body) -> None:
        with pytest.raises(DecodeError) as caught:
            ended(answer(200, body))
        assert after_poll(caught.value) is Verdict.AGAIN

    @every_row(
        ("status", "body", "reason", "code", "meaning"),
        [
            (422, complaint("too long", "string_too_long", "prompt"), "prompt: too long",
             "string_too_long", None),
            (422, complaint("not allowed", "content_policy_violation", "prompt"),
             "prompt: not allowed", "content_policy_violation", "moderation"),
            (422, {"detail": "No video was made"}, "No video was made", None, None),
            (422, {"detail": [{"type": "no_media_generated"}]},
             "the service said 'no_media_generated' and gave no reason", "no_media_generated",
             None),
            (422, {"detail": "x", "error_type": "content_policy_violation"}, "x",
             "content_policy_violation", "moderation"),
            (400, {"detail": "x", "error_type": "bad_request"}, "x", "bad_request", None),
            (400, complaint("too small", "image_too_small", "image_url"), "image_url: too small",
             "image_too_small", None),
            (402, {"detail": "Exhausted balance"}, "Exhausted balance", "quota", "quota"),
            (422, {"detail": "User is locked. Reason: TOP_UP."}, "User is locked. Reason: TOP_UP.",
             "quota", "quota"),
            (499, {"detail": "cancelled", "error_type": "client_cancelled"}, "cancelled",
             "client_cancelled", None),
            (500, {"detail": "x", "error_type": "internal_error"}, "x", "internal_error", None),
            (500, {"detail": "Internal Server Error"}, "Internal Server Error", None, None),
            (503, {"error_type": "runner_disconnected"},
             "the service said 'runner_disconnected' and gave no reason", "runner_disconnected",
             None),
            (504, {"detail": "x", "error_type": "generation_timeout"}, "x", "generation_timeout",
             None),
            (422, {"detail": "x", "error_type": "newer_than_us"}, "x", "newer_than_us", None),
        ],
    )  # fmt: skip
    def test_a_failure_is_told_with_its_reason_and_its_code(
        self, status, body, reason, code, meaning
    ) -> None:
        """The code is fal's own; what it means is told in a word of ours beside it."""
        state = ended(answer(status, body))
        assert state == Failed(reason=reason, code=code, meaning=meaning)
        assert len(str(state.raw)) < 1_000

    def test_what_kind_of_failure_may_stand_in_the_header_alone(self) -> None:
        response = answer(422, {"detail": "x"}, X_Fal_Error_Type="content_policy_violation")
        assert ended(response) == Failed(
            reason="x", code="content_policy_violation", meaning="moderation"
        )


WORDS = ["status", "detail", "error", "error_type", "queue_position", "response_url", "video",
         "videos", "images", "url", "type", "msg", "loc", "duration", "seed"]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["IN_QUEUE", "IN_PROGRESS", "COMPLETED", LINK, JOB]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5)
    ),
    max_leaves=12,
)
STATUSES = st.sampled_from([200, 200, 202, 307, 400, 401, 403, 404, 405, 413, 422, 429, 499, 500])


@given(st.sampled_from([200, 202, 404, 500]), JSON, st.lists(st.tuples(STATUSES, JSON), min_size=6))
def test_any_answers_are_a_state_or_an_error_of_this_package(code, status, results) -> None:
    try:
        state, _ = look(answer(code, status), *(answer(*one) for one in results))
    except PikaError as error:
        str(error)
        after_poll(error)
    else:
        assert state is None or isinstance(state.raw, dict)


@given(JSON)
def test_a_job_fails_by_its_result_alone(status) -> None:
    body = {**status, "status": "COMPLETED"} if isinstance(status, dict) else {**DONE}
    assert isinstance(look(answer(200, body), answer(200, VIDEO))[0], Succeeded)
