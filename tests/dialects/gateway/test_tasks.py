"""The newer wrapping: a job as a task of the gateway software's table."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversations import meant
from support.tables import every_row

from pika_async import (
    APIError,
    DecodeError,
    Failed,
    NotFoundError,
    PikaError,
    Queued,
    Running,
    Succeeded,
    Unknown,
    Video,
)
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async.dialects import Endpoint, Gateway, Handle

GATEWAY = Gateway()
ENDPOINT = Endpoint(base_url="https://h.example", api_key="k")
LINK = "https://cdn.example/v.mp4"
OTHER = "https://cdn.example/other.mp4"


@pytest.fixture(scope="session")
def seen(answer):
    """What an answer says of the job "j"."""

    def look(body, status: int = 200):
        return meant(GATEWAY.poll(ENDPOINT, Handle("j")), answer(body, status))

    return look


def task(**fields):
    """A task as the software's table tells of it, all fields there and most of them empty."""
    known = {
        "id": 4711,
        "created_at": 1766737710,
        "task_id": "j",
        "platform": "pika",
        "user_id": 1,
        "status": "",
        "fail_reason": "",
        "submit_time": 1766737710,
        "start_time": 0,
        "finish_time": 0,
        "progress": "0%",
        "properties": {"input": "a cat"},
        "data": None,
    }
    return known | fields


def wrapped(task, **beside):
    return {"code": "success", "message": "", "data": task} | beside


def done(url: str = LINK) -> Succeeded:
    return Succeeded(videos=(Video(id="j", job_id="j", url=url),))


class TestStatus:
    WORDS = (
        ("NOT_START", Queued()),
        ("SUBMITTED", Queued()),
        ("QUEUED", Queued()),
        ("IN_PROGRESS", Running(progress=50)),
        ("SUCCESS", done()),
        ("FAILURE", Failed(reason="out of memory")),
        ("UNKNOWN", Unknown(status="UNKNOWN")),
        ("UPSCALING", Unknown(status="UPSCALING")),
        ("submitted", Queued()),
        ("Processing", Running(progress=50)),
        (" in progress ", Running(progress=50)),
        ("In-Progress", Running(progress=50)),
        ("succeed", done()),
        ("completed", done()),
        ("Failed", Failed(reason="out of memory")),
    )

    @every_row(("word", "expected"), WORDS, ids=[word for word, _ in WORDS])
    def test_each_word_in_any_case_has_its_meaning(self, seen, word, expected):
        known = {"progress": "50%"}
        if isinstance(expected, Succeeded):
            known = {"progress": "100%", "result_url": LINK}
        if isinstance(expected, Failed):
            known = {"progress": "100%", "fail_reason": "out of memory"}
        assert seen(wrapped(task(status=word, **known))) == expected

    @every_row(
        ("progress", "expected"),
        [("50%", 50), ("100%", 100), ("0%", 0), (50, 50), ("50", 50), ("", None), (None, None)],
        ids=repr,
    )
    def test_progress_is_percent_with_or_without_its_sign(self, seen, progress, expected):
        body = wrapped(task(status="IN_PROGRESS", progress=progress))
        assert seen(body) == Running(progress=expected)

    def test_the_whole_answer_is_raw(self, seen):
        body = wrapped(task(status="IN_PROGRESS"))
        assert seen(body).raw == body


SAYS = task(status="IN_PROGRESS", progress="50%")
SHAPES = {
    "in data": wrapped(SAYS),
    "code 0": wrapped(SAYS, code=0),
    "success True": {"success": True, "data": SAYS},
    "without a code": {"data": SAYS},
    "without the wrapping": SAYS,
    "without an id in it": wrapped({"status": "IN_PROGRESS", "progress": "50%"}),
    "with the id of the service behind it": wrapped({**SAYS, "task_id": "upstream"}),
    "with a number as its id": wrapped({**SAYS, "task_id": 77}),
    "as the one item of a list": wrapped([SAYS]),
    "among other jobs": wrapped([task(task_id="other", status="SUCCESS"), SAYS]),
    "as a text that holds JSON": wrapped(json.dumps(SAYS)),
    "of a gateway behind a gateway": wrapped(wrapped(SAYS)),
    "of three gateways": wrapped(wrapped(wrapped(SAYS))),
    "under a success of the request": {"status": "success", "data": SAYS},
    "under two of them": wrapped({"status": "success", "data": SAYS}),
    "with an error beside that it is no part of": wrapped(SAYS, code="busy"),
    "as another vendor's task": wrapped(
        {"task_id": "j", "task_status": "processing", "task_info": {}, "progress": 50}, code=0
    ),
    "as a video object": {
        "id": "j", "object": "video", "status": "in_progress", "progress": 50
    },
}  # fmt: skip


class TestWrappings:
    @every_row("body", SHAPES.values(), ids=SHAPES)
    def test_the_state_is_found_in_each(self, seen, body):
        assert seen(body) == Running(progress=50)

    def test_a_job_may_be_answered_in_both_ways_one_after_the_other(self, seen):
        looks = [
            seen({"id": "j", "videos": [{"status": "pending", "progress": 13}]}),
            seen(wrapped(task(status="IN_PROGRESS", progress="50%"))),
            seen({"id": "j", "videos": [{"status": "pending", "progress": 60}]}),
            seen(wrapped(task(status="SUCCESS", result_url=LINK))),
        ]
        assert looks == [Running(progress=13), Running(progress=50), Running(progress=60), done()]


FEED = {
    "id": "v-1",
    "status": "finished",
    "resultUrl": OTHER,
    "videoPoster": "https://cdn.example/p.jpg",
    "seed": 2**63,
    "duration": 5,
}


PLACES = {
    "result_url": {"result_url": LINK},
    "video_url": {"video_url": LINK},
    "url": {"url": LINK},
    "output": {"output": LINK},
    "output as a list": {"output": [LINK, OTHER]},
    "output as an object": {"output": {"video_url": LINK}},
    "output as a list of objects": {"output": [{"url": LINK}]},
    "content": {"content": {"video_url": LINK}},
    "metadata": {"metadata": {"url": LINK}},
    "videos as a list of links": {"videos": [LINK]},
    "where the reason of a failure goes": {"fail_reason": LINK},
    "data.url": {"data": {"url": LINK}},
    "data.video_url": {"data": {"video_url": LINK}},
    "data.output": {"data": {"output": LINK}},
    "data as a list": {"data": [{"url": LINK}]},
    "data as a text that holds JSON": {"data": json.dumps({"video_url": LINK})},
    "a feed of videos in data": {"data": {"videos": [{"status": "finished", "url": LINK}]}},
    "another vendor's result": {"task_result": {"videos": [{"url": LINK, "duration": "5"}]}},
    "the same in data": {"data": {"task_result": {"videos": [{"url": LINK}]}}},
    "with blanks around it": {"result_url": f" {LINK}\n"},
    "after empty ones": {"result_url": "", "url": None, "output": [], "video_url": LINK},
}


class TestLinks:
    @every_row("fields", PLACES.values(), ids=PLACES)
    def test_the_link_of_a_success_is_found_in_each_place(self, seen, fields):
        assert seen(wrapped(task(status="SUCCESS", **fields))).video.url == LINK

    def test_without_one_it_is_empty_and_waited_for(self, seen):
        assert seen(wrapped(task(status="SUCCESS", progress="100%"))) == done("")

    def test_without_one_the_task_may_say_why(self, seen):
        state = seen(wrapped(task(status="SUCCESS", fail_reason="filtered", message="ok")))
        assert state == Failed(reason="filtered", videos=done("").videos)
        assert seen(wrapped(task(status="SUCCESS", fail_reason="x", url=LINK))) == done(LINK)

    @every_row(
        "junk",
        [
            *("soon", 5, True, {"url": 5}, [[]], "data:video/mp4;base64,AAAA", "v.mp4"),
            # Where the task itself lies, say.
            *("/v1/tasks/j", "/v1/mp4", "/", "// see below"),
        ],
        ids=repr,
    )
    def test_what_is_no_link_is_none(self, seen, junk):
        assert seen(wrapped(task(status="SUCCESS", result_url=junk))) == done("")

    @every_row(
        ("given", "whole"),
        [
            ("/v1/v.mp4", "https://h.example/v1/v.mp4"),
            ("/files/a.webm?s=1", "https://h.example/files/a.webm?s=1"),
            ("//cdn.example/v", "https://cdn.example/v"),
        ],
    )
    def test_one_without_a_host_is_at_the_gateway_where_it_is_surely_a_file(
        self, seen, given, whole
    ):
        assert seen(wrapped(task(status="SUCCESS", result_url=given))) == done(whole)

    def test_what_was_sent_is_no_result(self, seen):
        echo = {"promptText": "a cat", "video": OTHER, "image": OTHER, "input": {"url": OTHER}}
        assert seen(wrapped(task(status="SUCCESS", data=echo))) == done("")
        assert seen(wrapped({**echo, **task(status="SUCCESS")})) == done("")

    def test_a_feed_within_gives_the_details_and_the_gateway_gives_the_link(self, seen):
        state = seen(wrapped(task(status="SUCCESS", result_url=LINK, data={"videos": [FEED]})))
        assert (state.video.id, state.video.url, state.video.seed) == ("v-1", LINK, 2**63)
        assert state.video.poster_url == FEED["videoPoster"]

    def test_without_a_link_of_its_own_that_of_the_feed_counts(self, seen):
        assert seen(wrapped(task(status="SUCCESS", data={"videos": [FEED]}))).video.url == OTHER

    def test_several_videos_keep_their_own_links_and_names(self, seen):
        several = [
            {"status": "finished", "resultUrl": f"https://cdn.example/{n}"} for n in range(3)
        ]
        state = seen(wrapped(task(status="SUCCESS", result_url=LINK, data={"videos": several})))
        assert [video.url[-1] for video in state.videos] == ["0", "1", "2"]
        assert [video.id for video in state.videos] == ["j", "j-2", "j-3"]

    BARE = (
        {"id": "j", "status": "completed", "video_url": LINK},
        {"id": "j", "status": "succeeded", "url": LINK},
        {"id": "j", "status": "succeeded", "output": [LINK]},
        {"id": "j", "status": "succeeded", "data": [{"url": LINK}]},
        {"id": "j", "object": "video", "status": "completed", "metadata": {"url": LINK}},
        {"task_id": "j", "status": "succeeded", "url": LINK, "format": "mp4"},
        {"data": {"status": "succeeded", "url": LINK}},
        {"code": 0, "data": {"id": "j", "status": "succeeded", "output": LINK}},
    )

    @every_row("body", BARE, ids=json.dumps)
    def test_a_success_with_a_link_needs_no_more(self, seen, body):
        assert seen(body) == done()

    def test_a_link_counts_for_more_than_a_feed_that_lags_behind(self, seen):
        stale = {"videos": [{"status": "pending", "progress": 13}]}
        state = seen(wrapped(task(status="SUCCESS", result_url=LINK, data=stale)))
        assert state == done()


class TestAFeedInTheWrapping:
    @every_row(
        ("video", "expected"),
        [
            ({"status": "queued"}, Queued()),
            ({"status": "pending", "progress": 13}, Running(progress=13)),
            ({"status": "finished", "resultUrl": LINK}, done()),
            ({"status": "error", "error": "no"}, Failed(reason="no")),
        ],
        ids=lambda value: value["status"] if isinstance(value, dict) else "",
    )
    @every_row(
        "wrap",
        [
            wrapped,
            lambda feed: wrapped({"data": feed}),
            lambda feed: wrapped({"task_id": "j", "data": feed}),
            lambda feed: wrapped(wrapped(feed)),
            lambda feed: wrapped({**feed, "status": ""}),
            lambda feed: wrapped(json.dumps(feed)),
        ],
        ids=["data", "data.data", "beside the id", "twice", "empty status", "as text"],
    )
    def test_it_is_read_as_without_the_wrapping(self, seen, wrap, video, expected):
        assert seen(wrap({"id": "j", "videos": [video]})) == expected

    @every_row("word", ["success", "SUCCESS", "completed"])
    def test_a_success_of_the_request_ends_no_video_that_is_being_made(self, seen, word):
        feed = {"status": word, "videos": [{"status": "pending", "progress": 13}]}
        assert seen(wrapped(feed)) == Running(progress=13)


REASONS = {
    "fail_reason": {"fail_reason": "prompt not allowed"},
    "another vendor's": {"task_status_msg": "prompt not allowed"},
    "the message of an error": {"error": {"code": 400, "message": "prompt not allowed"}},
    "an error as text": {"error": "prompt not allowed"},
    "error_message": {"error_message": "prompt not allowed"},
    "a message": {"message": "prompt not allowed"},
}


class TestFailures:
    @every_row("fields", REASONS.values(), ids=REASONS)
    def test_the_reason_is_the_services_and_has_its_code(self, seen, fields):
        state = seen(wrapped(task(status="FAILURE", **fields)))
        assert state == Failed(reason="prompt not allowed", code="moderation")

    @every_row("empty", ["", None, 0, [], {}], ids=repr)
    def test_without_one_it_says_so(self, seen, empty):
        state = seen(wrapped(task(status="FAILURE", fail_reason=empty)))
        assert state == Failed(reason="the service said 'failure' and gave no reason")

    def test_videos_that_did_finish_are_kept(self, seen):
        feed = {"videos": [FEED, {"status": "error", "error": "no"}]}
        state = seen(wrapped(task(status="FAILURE", fail_reason="one failed", data=feed)))
        assert isinstance(state, Failed)
        assert [video.url for video in state.videos] == [OTHER]

    @every_row("status", [200, 400, 404, 500])
    def test_a_job_that_failed_has_failed_under_any_status_where_it_is_named(self, seen, status):
        body = wrapped(task(status="FAILURE", fail_reason="no"), code="task_failed")
        assert seen(body, status) == Failed(reason="no")

    @every_row(
        ("word", "code"),
        [("failed", None), ("failure", None), ("cancelled", "cancelled"), ("EXPIRED", "EXPIRED")],
    )
    @every_row("status", [200, 400])
    def test_what_names_the_job_and_says_failed_needs_no_more(self, seen, word, code, status):
        body = {"id": "j", "status": word, "error": "no"}
        assert seen(body, status) == seen(wrapped(body), status) == Failed(reason="no", code=code)

    @every_row(
        "body",
        [
            wrapped({"status": "error", "message": "busy"}),
            wrapped({"status": "failed", "message": "busy"}),
            wrapped({"id": "another", "status": "failed", "message": "busy"}),
            {"status": "error", "message": "rate limited"},
            {"status": "failed", "error": "busy"},
            {"id": "j", "status": "error", "message": "busy"},
            {"id": "j", "status": "fail", "message": "busy"},
            {"status": "rejected", "message": "busy"},
            wrapped({"status": "expired", "message": "busy"}),
            {"code": "busy", "data": {"status": "failed", "message": "busy"}},
            {"code": "busy", "data": task(task_id="another", status="FAILURE")},
            task(task_id="another", status="FAILURE"),
        ],
        ids=lambda body: json.dumps(body)[:60],
    )
    def test_a_word_that_may_be_said_of_the_request_ends_no_job(self, seen, body):
        with pytest.raises((APIError, DecodeError)) as caught:
            seen(body)
        assert after_poll(caught.value) is Verdict.AGAIN

    def test_a_reason_is_not_endless_and_can_be_written_down(self, seen):
        state = seen(wrapped(task(status="FAILURE", fail_reason="\ud800" + "A" * 1_500_000)))
        assert len(state.reason) == 8_000
        assert state.reason.encode()


class TestNotUnderstood:
    @every_row(
        "body",
        [
            wrapped({"task_id": "j"}),
            wrapped({"task_id": "j", "phase": "rendering"}),
            wrapped({"task_id": "j", "status": 3}),
            wrapped({"task_id": "j", "status": {"name": "SUCCESS"}}),
            wrapped({"task_id": "j", "result_url": LINK}),
            wrapped({"status": "success"}),
            wrapped("pending"),
            wrapped(7),
            wrapped([1, 2]),
            wrapped(wrapped(wrapped(wrapped(wrapped(wrapped(task(status="SUCCESS"))))))),
            {"id": "j", "result": {"status": "done"}},
            {"id": "j", "status": "ok"},
            {"id": "j", "status": "success"},
            {"id": "j", "status": "daydreaming"},
            {"result": "pending"},
        ],
        ids=lambda body: json.dumps(body)[:60],
    )
    def test_it_is_waited_out_and_says_what_came(self, seen, body):
        with pytest.raises(DecodeError, match="does not say how the job stands") as caught:
            seen(body)
        assert not isinstance(caught.value, NotFoundError)
        assert after_poll(caught.value) is Verdict.AGAIN
        assert json.dumps(body)[:20] in str(caught.value).replace("\\'", "'")
        assert caught.value.body == json.dumps(body)[:500]

    @every_row(
        "body",
        [
            {"code": "success", "data": None},
            {"code": "success", "message": "", "data": {}},
            {"code": 0, "message": "success", "data": []},
            {"success": True, "message": "ok", "data": ""},
            {"id": "j", "status": "", "state": "completed", "thumbnail": ""},
        ],
        ids=json.dumps,
    )
    def test_an_object_without_anything_tells_nothing(self, seen, body):
        assert seen(body) is None

    def test_an_error_without_a_task_is_that_error(self, seen):
        with pytest.raises(NotFoundError):
            seen({"code": "task_not_exist", "message": "task_not_exist", "data": None})


names = st.sampled_from(
    [
        *("id", "task_id", "status", "task_status", "progress", "fail_reason", "result_url"),
        *("url", "data", "videos", "code", "success", "error", "message", "output"),
        *("task_result", "content"),
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["j", "SUCCESS", "FAILURE", "IN_PROGRESS", "50%", LINK, "\ud800", "9" * 5000])
    | st.sampled_from(['{"status": "SUCCESS"}', '[{"task_id": "j"}]', "[", '"{}"'])
)
junk = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.text(max_size=2), inner, max_size=8)
    ),
    max_leaves=30,
)
# Arbitrary JSON seldom gets as far as an end; this mostly does.
told = st.fixed_dictionaries(
    {"task_id": st.just("j"), "status": st.sampled_from(["SUCCESS", "FAILURE", "IN_PROGRESS"])},
    optional={"result_url": st.just(LINK) | leaves, "fail_reason": leaves, "data": junk},
)
tasks = (told | st.dictionaries(names, junk, max_size=8)).map(wrapped)
spellings = st.sampled_from(
    [
        str.encode,
        lambda text: text.encode("utf-16"),
        lambda text: json.dumps(text).encode(),
        lambda text: gzip.compress(text.encode(), mtime=0),
        lambda text: text.encode()[:-1],
    ]
)


@given(
    body=st.builds(lambda value, spell: spell(json.dumps(value)), junk | tasks, spellings),
    status=st.sampled_from([200, 400, 401, 403, 404, 500]),
)
def test_no_answer_whatever_leads_to_anything_but_a_state_none_or_a_pika_error(seen, body, status):
    try:
        state = seen(body, status)
    except PikaError as error:
        assert str(error).encode()  # noqa: PT017 - raising is optional
        after_poll(error)
    else:
        assert state is None or isinstance(state, Queued | Running | Succeeded | Failed | Unknown)
        assert repr(state).encode()


@given(tasks)
def test_only_a_job_that_is_said_to_have_failed_has_failed(seen, body):
    try:
        state = seen(body)
    except PikaError:
        return
    if isinstance(state, Failed):
        assert any(word in json.dumps(body) for word in ("FAILURE", "fail", "error"))
    if isinstance(state, Succeeded):
        assert "SUCCESS" in json.dumps(body)
