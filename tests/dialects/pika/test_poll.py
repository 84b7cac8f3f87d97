"""One look at a job of Pika's own API: its document, and its link apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import answer
from support.conversations import asked, meant
from support.documents import ANY_JSON, DOCUMENTS, STATUSES
from support.tables import every_row

from pika_async import (
    AuthenticationError,
    DecodeError,
    Failed,
    JobState,
    Money,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    Queued,
    Running,
    ServerError,
    Succeeded,
    Unknown,
)
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async._states import lacks_links
from pika_async.dialects import Endpoint, Handle, Pika

PIKA = Pika()
HERE = Endpoint(base_url="https://api.dev.pika.art", api_key="key-0123456789")
LINK = "https://cdn.pika.art/a.mp4"
ONE = {"media_type": "video", "video": {"url": LINK, "content_type": "video/mp4"}}


def look(*answers):
    return meant(PIKA.poll(HERE, Handle("media_1")), *answers)


def document(status, **more):
    return answer({"id": "media_1", "status": status, **more})


def urls(state):
    return [video.url for video in state.videos]


def error_of(*answers) -> PikaError:
    with pytest.raises(PikaError) as caught:
        look(*answers)
    return caught.value


def test_it_asks_for_the_document_with_the_key():
    request = asked(PIKA.poll(HERE, Handle("media_1")))
    assert (request.method, request.url) == (
        "GET",
        "https://api.dev.pika.art/v1/media/jobs/media_1",
    )
    assert request.headers == {"X-API-Key": "key-0123456789"}


@every_row(
    ("job_id", "segment"),
    [("..", "%2E%2E"), ("a/b?c#d", "a%2Fb%3Fc%23d"), ("ü", "%C3%BC"), ("a b", "a%20b")],
)
def test_whatever_a_job_is_called_is_one_segment_of_the_path(job_id, segment):
    request = asked(PIKA.poll(HERE, Handle(job_id)))
    assert request.url == f"https://api.dev.pika.art/v1/media/jobs/{segment}"


class TestTheDocument:
    @every_row(
        ("status", "state"),
        [
            ("queued", Queued()),
            ("running", Running()),
            ("RUNNING ", Running()),
            ("post_processing", Unknown(status="post_processing")),
            ("cancelling", Unknown(status="cancelling")),
            # Said of requests, too.
            ("error", Unknown(status="error")),
            ("fail", Unknown(status="fail")),
        ],
    )
    def test_its_status_is_the_state_and_what_is_new_is_polled_on(self, status, state):
        assert look(document(status, output=None, error=None)) == state

    @every_row(
        ("status", "code", "meaning"),
        [
            ("cancelled", "cancelled", None),
            ("Expired", "Expired", None),
            ("rejected", "rejected", None),
            ("Timed Out", "Timed Out", None),
            ("NSFW", "NSFW", "moderation"),
            ("failure", None, None),
        ],
    )
    def test_a_word_that_is_sure_to_end_a_job_fails_it_and_says_how(self, status, code, meaning):
        state = look(document(status, output=None, error=None))
        assert isinstance(state, Failed)
        assert (state.code, state.meaning) == (code, meaning)
        assert repr(status.lower().replace(" ", "_")) in state.reason

    def test_the_code_of_the_service_goes_before_the_word(self):
        error = {"code": "timed_out", "message": "took too long"}
        state = look(document("expired", output=None, error=error))
        assert state == Failed(reason="took too long", code="timed_out")

    def test_such_a_word_is_believed_of_the_job_that_it_names_alone(self):
        unnamed = answer({"status": "rejected", "message": "busy"})
        assert look(unnamed) == Unknown(status="rejected")

    @every_row("status", ["succeeded", "SUCCESS", "Finished", "done", "complete"])
    def test_another_word_for_completed_is_believed_where_the_link_is_there(self, status):
        state = look(document(status, output=ONE))
        assert isinstance(state, Succeeded)
        assert urls(state) == [LINK]
        assert look(document(status, output=None)) == Unknown(status=status)

    @every_row(
        ("output", "found"),
        [
            (ONE, [LINK]),
            ({"media_type": "videos", "videos": [{"url": LINK}, {"url": LINK + "2"}]},
             [LINK, LINK + "2"]),
            ({"videos": [{"url": LINK}]}, [LINK]),
            ({"media_type": "image", "image": {"url": LINK}}, [LINK]),
            ({"media_type": "audio", "audio": {"url": LINK}}, [LINK]),
            ({"media_type": "transcript", "transcript": {"url": LINK}}, [LINK]),
            ({"transcript": {"url": LINK}}, [LINK]),
            ({"media_type": "images", "images": [{"url": LINK}]}, [LINK]),
            ({"media_type": "mesh", "mesh": {"url": LINK}}, [LINK]),
            ({"media_type": "video", "video": LINK}, [LINK]),
            ({"media_type": "videos", "videos": [LINK]}, [LINK]),
            ({"media_type": "video", "url": LINK}, [LINK]),
            ({"media_type": "video", "videos": [{"url": LINK}]}, [LINK]),
            ({"media_type": "videos", "video": {"url": LINK}}, [LINK]),
            ({"image": {"url": LINK + ".png"}, "video": {"url": LINK}}, [LINK]),
            ({"media_type": "videos", "videos": [{"url": LINK}, {}]}, [LINK, ""]),
        ],
    )  # fmt: skip
    def test_its_links_are_found_whatever_kind_of_medium_was_paid_for(self, output, found):
        state = look(document("completed", output=output))
        assert isinstance(state, Succeeded)
        assert urls(state) == found

    @every_row(
        ("content", "found"),
        [
            # There is no other than the path.
            (answer(b"", 409), "https://api.dev.pika.art/files/a.mp4"),
            (answer({}), "https://api.dev.pika.art/files/a.mp4"),
            # The path may be one that wants the key.
            (answer({"url": LINK}), LINK),
            (answer({"url": "//cdn.pika.art/a.mp4"}), LINK),
        ],
    )
    def test_a_path_in_place_of_a_link_is_at_the_service_if_it_gives_no_other(self, content, found):
        output = {"media_type": "video", "video": {"url": "/files/a.mp4"}}
        assert urls(look(document("completed", output=output), content)) == [found]

    @every_row("content", [answer({}), answer(b"", 409), answer({"message": "not ready"}, 400)])
    def test_without_a_link_the_document_may_say_why_and_the_link_is_waited_for(self, content):
        error = {"code": "content_moderation", "message": "filtered"}
        billing = {"state": "settled", "charge_micro_usd": 7}
        state = look(document("completed", output=None, error=error, billing=billing), content)
        assert isinstance(state, Failed)
        assert (state.reason, state.meaning, state.charge) == ("filtered", "moderation", Money(7))
        assert lacks_links(state)

    def test_videos_without_a_name_are_named_by_their_place(self):
        output = {"media_type": "videos", "videos": [{"url": LINK}, {"url": LINK}, {"id": "own"}]}
        videos = look(document("completed", output=output)).videos
        assert [video.id for video in videos] == ["media_1", "media_1-2", "own"]
        assert {video.job_id for video in videos} == {"media_1"}

    def test_a_failed_job_keeps_its_reason_and_what_it_means(self):
        error = {"code": "content_moderation", "message": "not allowed"}
        assert look(document("failed", error=error)) == Failed(
            reason="not allowed", code="content_moderation", meaning="moderation"
        )

    def test_a_failed_job_keeps_the_videos_that_it_did_make(self):
        state = look(document("failed", error="half of it", output=ONE))
        assert (state.reason, urls(state)) == ("half of it", [LINK])

    @every_row("status", [402, 403, 404, 409, 429, 500, 503])
    def test_it_counts_under_any_status_where_it_is_of_this_job(self, status):
        body = {"id": "media_1", "status": "failed", "error": "no"}
        assert look(answer(body, status)) == Failed(reason="no")
        gone = {**body, "status": "deleted"}
        assert look(answer(gone, status)) == Failed(reason="no", code="deleted")

    def test_of_another_job_it_is_not_believed(self):
        assert type(error_of(answer({"id": "media_2", "status": "failed"}))) is DecodeError
        assert type(error_of(answer({"id": "media_2", "status": "failed"}, 404))) is NotFoundError

    @every_row("body", [b"", b"  ", b"null"])
    def test_an_empty_answer_tells_nothing(self, body):
        assert look(answer(body)) is None


class TestTheCharge:
    @every_row(
        ("billing", "charge"),
        [
            ({"state": "settled", "charge_micro_usd": 200_000}, Money(200_000)),
            ({"state": "settled", "charge_micro_usd": 0}, Money(0)),
            ({"state": "settled", "charge_micro_usd": 2e5}, Money(200_000)),
            ({"charge_micro_usd": 7}, Money(7)),
            ({"state": "pending", "charge_micro_usd": 200_000}, None),
            ({"state": "unavailable", "charge_micro_usd": None}, None),
            ({"state": "settled", "charge_micro_usd": None}, None),
            ({"state": "settled", "charge_micro_usd": True}, None),
            ({"state": "settled", "charge_micro_usd": -200_000}, None),
            ({"state": "settled", "charge_micro_usd": 2**63}, None),
            ({"state": "settled", "charge_micro_usd": 1e300}, None),
            ({"state": "settled", "charge_micro_usd": 0.5}, None),
            ({"state": "settled", "charge_micro_usd": "200000"}, Money(200_000)),
            ({"state": "settled", "charge_micro_usd": "0"}, Money(0)),
            ({"state": "settled", "charge_micro_usd": "-200000"}, None),
            ({"state": "settled", "charge_micro_usd": str(2**63)}, None),
            ({"state": "settled", "charge_micro_usd": "9" * 5000}, None),
            ({"state": "settled", "charge_micro_usd": "0.2"}, None),
            ({"state": "settled", "charge_micro_usd": "$200000"}, None),
            ({"state": "settled", "charge_micro_usd": "\u0662"}, None),
            ({"state": "settled", "charge_micro_usd": ""}, None),
            ({}, None),
            (None, None),
            ("settled", None),
        ],
    )
    def test_it_is_what_the_bill_says_once_it_is_settled(self, billing, charge):
        done = document("completed", output=ONE, billing=billing)
        assert look(done).charge == charge
        assert meant(PIKA.charge(HERE, Handle("media_1")), done) == charge

    def test_of_a_failed_job_it_is_told_too(self):
        billing = {"state": "settled", "charge_micro_usd": 0}
        assert look(document("failed", error="x", billing=billing)).charge == Money(0)

    def test_a_limit_that_is_met_while_the_job_runs_is_not_taken_to_be_free(self):
        """It may be the vendor's, after it had begun; at the door nothing has begun."""
        failed = document("failed", error={"code": "rate_limited", "message": "slow down"})
        state = look(failed)
        assert (state.code, state.charge) == ("rate_limited", None)
        assert PIKA.decode_submit(failed).state.charge == Money(0)

    def test_it_is_asked_for_by_one_more_look(self):
        request = asked(PIKA.charge(HERE, Handle("media_1")))
        assert request == asked(PIKA.poll(HERE, Handle("media_1")))

    def test_of_an_unknown_job_it_is_an_error(self):
        with pytest.raises(NotFoundError):
            meant(PIKA.charge(HERE, Handle("media_1")), answer({"message": "no"}, 404))


class TestTheLinkApart:
    MISSING = (
        None,
        {},
        {"media_type": "video"},
        {"media_type": "video", "video": {}},
        {"media_type": "video", "video": {"url": ""}},
        {"media_type": "video", "video": {"url": None}},
        {"media_type": "video", "video": {"url": "data:video/mp4;base64,AAAA"}},
        {"media_type": "videos", "videos": []},
        {"media_type": "video", "image": {"url": "https://cdn.pika.art/poster.png"}},
        {"media_type": "video", "video": {}, "image": {"url": "https://cdn.pika.art/poster.png"}},
    )

    @every_row("output", MISSING)
    def test_where_the_document_has_none_it_is_asked_for_in_the_same_look(self, output):
        conversation = PIKA.poll(HERE, Handle("media_1"))
        next(conversation)
        second = conversation.send(document("completed", output=output))
        assert (second.method, second.url) == (
            "GET",
            "https://api.dev.pika.art/v1/media/jobs/media_1/content",
        )
        assert second.headers == {"X-API-Key": "key-0123456789"}
        with pytest.raises(StopIteration) as end:
            conversation.send(answer({"url": LINK}))
        assert urls(end.value.value) == [LINK]

    @every_row(
        "apart",
        [
            answer({"message": "not ready"}, 409),
            answer({"message": "not found"}, 404),
            answer(b"", 425),
            answer({"url": None}),
            answer({"url": "not-a-link"}),
            answer({}),
            answer(b"<html>"),
        ],
        ids=["409", "404", "425", "null", "no link", "nothing", "a page"],
    )
    def test_where_there_is_none_yet_the_video_is_finished_without_a_link(self, apart):
        state = look(document("completed", output=None), apart)
        assert isinstance(state, Succeeded)
        assert lacks_links(state)

    @every_row("status", [429, 500, 502, 504])
    def test_where_it_breaks_the_look_failed_and_is_taken_again(self, status):
        error = error_of(document("completed"), answer(b"", status))
        assert after_poll(error) is Verdict.AGAIN

    def test_the_charge_of_the_document_is_kept(self):
        billing = {"state": "settled", "charge_micro_usd": 9}
        state = look(document("completed", billing=billing), answer({"url": LINK}))
        assert state.charge == Money(9)


class TestWhatIsNoDocument:
    @every_row(
        ("response", "cls", "verdict"),
        [
            (answer({"message": "Job not found"}, 404), NotFoundError, Verdict.GRACE),
            (answer(b"", 404), NotFoundError, Verdict.AGAIN),
            (answer(b"<html>", 404), NotFoundError, Verdict.AGAIN),
            (answer({"message": "unknown key"}, 401), AuthenticationError, Verdict.RAISE),
            (answer({"message": "not active"}, 403), PermissionDeniedError, Verdict.RAISE),
            (answer(b"", 401), AuthenticationError, Verdict.AGAIN),
            (answer(b"<html>", 403), PermissionDeniedError, Verdict.AGAIN),
            (answer({}, 403), PermissionDeniedError, Verdict.AGAIN),
            (answer({"message": "broke"}, 500), ServerError, Verdict.AGAIN),
            (answer({"message": "busy"}, 200), DecodeError, Verdict.AGAIN),
            (answer({"id": "media_1"}, 200), DecodeError, Verdict.AGAIN),
            (answer([], 200), DecodeError, Verdict.AGAIN),
            (answer(b"{", 200), DecodeError, Verdict.AGAIN),
            (answer(b"<html>", 200), DecodeError, Verdict.AGAIN),
        ],
    )
    def test_it_is_waited_out_unless_the_api_itself_speaks_of_the_key_or_the_job(
        self, response, cls, verdict
    ):
        error = error_of(response)
        assert type(error) is cls
        assert after_poll(error) is verdict


@given(ANY_JSON | DOCUMENTS, STATUSES, ANY_JSON | DOCUMENTS, STATUSES)
def test_any_json_is_a_state_or_nothing_or_an_error(first, status, second, other):
    conversation = PIKA.poll(HERE, Handle("media_1"))
    next(conversation)
    state = None
    try:
        conversation.send(answer(first, status))
        conversation.send(answer(second, other))
    except StopIteration as end:
        state = end.value
    except PikaError as error:
        str(error)
    assert state is None or isinstance(state, JobState)


@given(st.binary(max_size=60), STATUSES)
def test_any_bytes_are_a_state_or_nothing_or_an_error(body, status):
    try:
        state = look(answer(body, status))
    except PikaError as error:
        str(error)
    else:
        assert state is None or isinstance(state, JobState)
