"""What the gateway's feed says of a job."""

from __future__ import annotations

import json
import pickle

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
from pika_async._states import lacks_links
from pika_async.dialects import Endpoint, Gateway, Handle, HTTPResponse

GATEWAY = Gateway()
ENDPOINT = Endpoint(base_url="https://h.example", api_key="k")
LINK = "https://cdn.example/v.mp4"


def state_of(response: HTTPResponse):
    return meant(GATEWAY.poll(ENDPOINT, Handle("j")), response)


@pytest.fixture(scope="session")
def seen(answer):
    """The state of a job whose feed holds these videos."""

    def look(*videos: dict):
        return state_of(answer({"id": "j", "videos": list(videos)}))

    return look


def video(**fields) -> Video:
    return Video(**{"id": "j", "job_id": "j", "url": "", **fields})


class TestRecordedAnswers:
    def test_a_finished_one_gives_every_field_of_its_video(self, payload, answer):
        body = payload("feed_finished")
        state = state_of(answer(body))
        cdn = "https://cdn.pika.art/v1/66e0818e"
        assert state == Succeeded(
            videos=(
                Video(
                    id="66e0818e-2d1b-4b8e-9c55-0b7c0a4f5f10",
                    job_id="j",
                    url=f"{cdn}/Plane_fly_seed3183047765.mp4",
                    share_url=f"{cdn}/Plane_fly_seed3183047765_share.mp4",
                    poster_url=f"{cdn}/poster.jpg",
                    thumbnail_url=f"{cdn}/thumbnail.jpg",
                    duration=5,
                    seed=3183047765,
                ),
            )
        )
        assert state.raw == body
        assert state.video.raw == body["videos"][0]

    def test_a_sparse_pending_one_is_running(self, payload, answer):
        body = payload("feed_pending_sparse")
        state = state_of(answer(body))
        assert state == Running(progress=13)
        assert state.raw == body

    def test_a_queued_one_is_queued_at_no_known_position(self, payload, answer):
        body = payload("feed_queued")
        state = state_of(answer(body))
        assert state == Queued(position=None)
        assert state.raw == body

    def test_a_finished_one_without_a_link_has_an_empty_url(self, payload, answer):
        state = state_of(answer(payload("feed_no_link_yet")))
        assert isinstance(state, Succeeded)
        assert [video.url for video in state.videos] == [""]

    def test_a_failed_one_says_why_and_what_kind_of_why(self, payload, answer):
        body = payload("feed_error")
        state = state_of(answer(body))
        assert state == Failed(reason="prompt not allowed", code="moderation")
        assert state.raw == body

    def test_a_mixed_one_has_failed_and_keeps_the_finished(self, payload, answer):
        state = state_of(answer(payload("feed_mixed")))
        assert isinstance(state, Failed)
        assert state.reason == "ran out of memory"
        assert [video.id for video in state.videos] == ["v-1"]

    def test_another_services_leftovers_are_kept_in_raw_and_mislead_nobody(self, payload, answer):
        body = payload("feed_leftovers")
        state = state_of(answer(body))
        assert state.video.url == "https://cdn.pika.art/v1/66e0818e/a.mp4"
        assert state.video.thumbnail_url is None
        assert state.raw == body
        assert state.video.raw["newer_than_us"] == {"fps": 24}


class TestStatusWords:
    WORDS = (
        ("queued", Queued()),
        ("pending", Running()),
        ("started", Running()),
        ("processing", Running()),
        ("running", Running()),
        ("not_start", Queued()),
        ("submitted", Queued()),
        ("in_progress", Running()),
        ("succeed", Succeeded(videos=(video(),))),
        *((word, Succeeded(videos=(video(),))) for word in ("finished", "completed")),
        *((word, Succeeded(videos=(video(),))) for word in ("succeeded", "success")),
        *((word, Succeeded(videos=(video(),))) for word in ("complete", "done")),
        ("", Unknown(status="")),
        ("daydreaming", Unknown(status="daydreaming")),
    )

    @every_row(("word", "expected"), WORDS, ids=[repr(word) for word, _ in WORDS])
    def test_each_has_its_meaning(self, seen, word, expected):
        assert seen({"status": word}) == expected

    # Those that say no more than that it failed, and those that say in which way.
    PLAIN = ("error", "errored", "fail", "failed", "failure")
    KINDS = (
        *("cancelled", "canceled", "aborted", "declined", "deleted", "expired", "rejected"),
        *("terminated", "timed_out", "nsfw", "content_moderated", "request_moderated"),
    )
    FAILURES = (*PLAIN, *KINDS)

    @every_row("word", FAILURES)
    def test_each_for_failure_fails_and_is_quoted_where_no_reason_is_given(self, seen, word):
        state = seen({"status": word})
        assert isinstance(state, Failed)
        assert "gave no reason" in state.reason
        assert repr(word) in state.reason

    @every_row("word", PLAIN)
    def test_one_that_says_no_more_than_that_it_failed_is_no_code(self, seen, word):
        assert seen({"status": word}).code is None

    @every_row("word", ["Expired", "REJECTED", " aborted ", "Timed Out", "cancelled"], ids=repr)
    def test_one_that_says_in_which_way_it_ended_is_the_code_as_it_came(self, seen, word):
        state = seen({"status": word, "error": "no longer kept"})
        assert state == Failed(reason="no longer kept", code=word.strip())

    @every_row(
        ("word", "reason", "meaning"),
        [
            ("nsfw", "", "moderation"),
            ("Content Moderated", "try another prompt", "moderation"),
            ("rejected", "prompt not allowed", "moderation"),
            ("rejected", "You have reached its generate limit", "quota"),
            ("expired", "", None),
        ],
    )
    def test_it_means_the_same_as_at_every_service(self, seen, word, reason, meaning):
        state = seen({"status": word, "error": reason})
        assert (state.code, state.meaning) == (word, meaning)

    @every_row("word", ["QUEUED", "Queued", " queued\n"], ids=repr)
    def test_case_and_blanks_do_not_matter(self, seen, word):
        assert seen({"status": word}) == Queued()

    def test_an_unknown_one_is_kept_to_the_letter(self, seen):
        assert seen({"status": "Day Dreaming "}) == Unknown(status="Day Dreaming ")

    @every_row("junk", [None, 3, True, [], {}, ["finished"]], ids=repr)
    def test_what_is_no_word_is_an_unknown_status_and_stays_in_raw(self, seen, junk):
        state = seen({"status": junk})
        assert state == Unknown(status="")
        assert state.raw["videos"] == [{"status": junk}]

    def test_a_video_without_a_status_is_unknown(self, seen):
        assert seen({"id": "v", "progress": 50}) == Unknown(status="")

    @given(st.text())
    def test_no_word_ends_a_job_that_is_not_known_to_end_it(self, seen, word):
        state = seen({"status": word})
        ends = {*self.FAILURES, *(word for word, state in self.WORDS if state.is_terminal)}
        assert state.is_terminal is (word.strip().lower() in ends)


class TestProgress:
    @every_row(
        ("progress", "expected"),
        [
            (0, 0),
            (13, 13),
            (100, 100),
            (13.9, 13),
            ("42", 42),
            ("42.5", 42),
            (-5, 0),
            (101, 100),
            (10**400, 100),
            (-1e300, 0),
            (None, None),
            (True, None),
            ("", None),
            ("42%", 42),
            ("100%", 100),
            ("0%", 0),
            (" 42.9 % ", 42),
            ("42\N{FULLWIDTH PERCENT SIGN}", 42),
            ("0.5", 0),
            (0.5, 0),
            ("0.5%", 0),
            ("142%", 100),
            ("-3%", 0),
            ("%", None),
            ("50/100", None),
            ("nan%", None),
            ("9" * 5000, None),
            ("half", None),
            ("nan", None),
            ("inf", None),
            ([42], None),
            ({"percent": 42}, None),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_it_is_a_whole_percentage_or_none(self, seen, progress, expected):
        assert seen({"status": "pending", "progress": progress}) == Running(progress=expected)

    @every_row("token", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
    def test_numbers_that_are_none_are_none(self, answer, token):
        body = b'{"videos": [{"status": "pending", "progress": %s}]}' % token
        assert state_of(answer(body)) == Running(progress=None)

    def test_links_without_a_host_are_at_the_gateway(self, seen):
        state = seen(
            {"status": "finished", "resultUrl": "/v/1.mp4", "videoPoster": "//cdn.example/1.jpg"},
            {"status": "finished", "resultUrl": LINK},
        )
        assert [video.url for video in state.videos] == ["https://h.example/v/1.mp4", LINK]
        assert state.video.poster_url == "https://cdn.example/1.jpg"

    def test_a_finished_video_may_lack_it(self, seen):
        assert seen({"status": "finished", "resultUrl": LINK}).video.url == LINK

    def test_it_may_fall_from_look_to_look(self, seen):
        looks = [seen({"status": "pending", "progress": n}).progress for n in (10, 60, 30)]
        assert looks == [10, 60, 30]


class TestSeveralVideos:
    @every_row(
        ("videos", "expected"),
        [
            ([("pending", 60), ("pending", 20), ("pending", 90)], Running(progress=20)),
            ([("finished", 100), ("pending", 20)], Running(progress=20)),
            ([("finished", 5), ("pending", 20)], Running(progress=20)),
            ([("error", 5), ("pending", 20)], Running(progress=20)),
            ([("pending", None), ("pending", 20)], Running(progress=20)),
            ([("pending", None), ("pending", None)], Running()),
            ([("queued", None), ("pending", 20)], Running(progress=20)),
            ([("queued", None), ("finished", 100)], Running()),
            ([("queued", None), ("error", None)], Running()),
            ([("queued", None), ("daydreaming", None)], Running()),
            ([("daydreaming", None), ("finished", 100)], Running()),
            ([("daydreaming", 7), ("pending", 20)], Running(progress=7)),
            ([("queued", None), ("queued", None)], Queued()),
            ([("daydreaming", None), ("asleep", None)], Unknown(status="daydreaming")),
        ],
        ids=lambda value: (
            " + ".join(f"{w} {p}" for w, p in value) if isinstance(value, list) else ""
        ),
    )
    def test_any_that_is_not_terminal_keeps_the_job_running_at_the_lowest_progress(
        self, seen, videos, expected
    ):
        assert seen(*({"status": word, "progress": n} for word, n in videos)) == expected

    def test_all_finished_have_succeeded_in_their_order(self, seen):
        state = seen(*({"id": f"v-{n}", "status": "finished", "resultUrl": LINK} for n in "213"))
        assert isinstance(state, Succeeded)
        assert [video.id for video in state.videos] == ["v-2", "v-1", "v-3"]
        assert {video.job_id for video in state.videos} == {"j"}

    def test_a_failure_among_the_finished_keeps_them_in_their_order(self, seen):
        state = seen(
            {"id": "a", "status": "finished", "resultUrl": LINK},
            {"id": "b", "status": "error", "error": "out of memory"},
            {"id": "c", "status": "success", "resultUrl": LINK},
        )
        assert (state.reason, [video.id for video in state.videos]) == ("out of memory", ["a", "c"])

    @given(
        st.lists(
            st.sampled_from(["finished", "pending", "queued", "error", "daydreaming"]), min_size=1
        )
    )
    def test_a_job_is_terminal_when_all_its_videos_are_and_keeps_every_finished_one(
        self, seen, words
    ):
        state = seen(*({"status": word, "resultUrl": LINK} for word in words))
        assert state.is_terminal is (set(words) <= {"finished", "error"})
        if state.is_terminal:
            assert isinstance(state, Failed) is ("error" in words)
            assert len(state.videos) == words.count("finished")


class TestFailures:
    @every_row(
        ("reason", "code"),
        [
            ("prompt not allowed", "moderation"),
            ("Prompt Not Allowed.", "moderation"),
            ("rejected by moderation", "moderation"),
            ("Your API key has reached its generate limit", "quota"),
            ("out of memory", None),
        ],
    )
    def test_a_reason_that_is_known_has_a_code(self, seen, reason, code):
        assert seen({"status": "error", "error": reason}) == Failed(reason=reason, code=code)

    @every_row("empty", ["", None, 0, False, [], {}, {"code": 5}], ids=repr)
    def test_one_without_a_reason_says_so(self, seen, empty):
        state = seen({"status": "error", "error": empty})
        assert "gave no reason" in state.reason
        assert state.code is None

    def test_one_without_the_field_says_so(self, seen):
        assert "gave no reason" in seen({"status": "cancelled"}).reason

    def test_a_reason_may_be_the_message_of_an_object(self, seen):
        state = seen({"status": "error", "error": {"message": "prompt not allowed"}})
        assert state == Failed(reason="prompt not allowed", code="moderation")

    def test_the_first_reason_there_is_is_taken(self, seen):
        state = seen(
            {"status": "error", "error": ""},
            {"status": "finished", "error": "a finished video's is none", "resultUrl": LINK},
            {"status": "error", "error": "second"},
            {"status": "error", "error": "third"},
        )
        assert state.reason == "second"

    def test_one_that_finished_without_a_link_may_say_why_and_its_link_is_waited_for(self, seen):
        filtered = {"status": "finished", "resultUrl": "", "error": "moderation: filtered"}
        state = seen(filtered)
        assert (state.reason, state.code) == ("moderation: filtered", "moderation")
        assert lacks_links(state)
        state = seen(filtered, {"status": "finished", "resultUrl": LINK})
        assert state.reason == "moderation: filtered"
        assert [video.url for video in state.videos] == ["", LINK]


class TestVideoFields:
    @every_row(
        ("field", "name"),
        [
            ("resultUrl", "url"),
            ("sharingUrl", "share_url"),
            ("videoPoster", "poster_url"),
            ("imageThumb", "thumbnail_url"),
        ],
    )
    @every_row("junk", ["", None, 5, ["https://x"], {"url": "https://x"}], ids=repr)
    def test_a_link_that_is_no_text_is_no_link(self, seen, field, name, junk):
        state = seen({"status": "finished", field: junk})
        assert state == Succeeded(videos=(video(),))
        assert getattr(state.video, name) == ("" if name == "url" else None)

    @every_row("junk", ["", None, 5, True], ids=repr)
    def test_a_video_without_a_name_has_that_of_the_job(self, seen, junk):
        assert seen({"id": junk, "status": "finished"}).video.id == "j"

    @every_row(
        ("seed", "expected"),
        [
            (3183047765, 3183047765),
            (2**53 + 1, 2**53 + 1),
            (2**64 + 1, 2**64 + 1),
            (str(2**64 + 1), 2**64 + 1),
            ("-7", -7),
            (0, 0),
            (-1, -1),
            (3183047765.0, 3183047765),
            ("3183047765.0", 3183047765),
            (True, None),
            (None, None),
            ("", None),
            ("--5", None),
            ("random", None),
            ("9" * 5000, None),
            ([7], None),
        ],
        ids=lambda value: repr(value)[:24],
    )
    def test_a_seed_is_exact_however_large(self, seen, seed, expected):
        assert seen({"status": "finished", "seed": seed}).video.seed == expected

    @every_row(
        ("duration", "expected"),
        [(5, 5), (5.04, 5.04), ("5.04", 5.04), (True, None), ("5 s", None), (None, None)],
        ids=repr,
    )
    def test_a_duration_is_a_number_of_seconds(self, seen, duration, expected):
        told = seen({"status": "finished", "duration": duration}).video.duration
        assert told == expected
        assert told is None or type(told) is float


BULK = "A" * 1_500_000


class TestAnEcho:
    STATES = (
        ({"status": "queued"}, Queued()),
        ({"status": "pending", "progress": 13}, Running(progress=13)),
        ({"status": "finished", "resultUrl": LINK}, Succeeded(videos=(video(url=LINK),))),
        ({"status": "error", "error": "no"}, Failed(reason="no")),
        ({"status": "daydreaming"}, Unknown(status="daydreaming")),
    )

    @every_row(("item", "expected"), STATES, ids=[item["status"] for item, _ in STATES])
    @every_row(
        "echo",
        [
            lambda item: {"id": "j", "input": {"image": BULK}, "videos": [item]},
            lambda item: {"id": "j", "videos": [item], "input": {"image": BULK}},
            lambda item: {"id": "j", "videos": [{**item, "input": {"image": BULK}}]},
            lambda item: {"id": "j", "videos": [item], "pixels": [[255] * 1_000] * 500},
        ],
        ids=["before the videos", "beside them", "in a video", "as numbers"],
    )
    def test_the_state_is_read_beside_it_and_keeps_none_of_it(self, answer, item, expected, echo):
        state = state_of(answer(echo(item)))
        assert state == expected
        assert len(pickle.dumps(state)) < 400_000

    def test_what_comes_with_a_short_answer_is_kept_whole(self, seen):
        item = {"status": "pending", "input": {"image": "A" * 7_000}}
        assert seen(item).raw["videos"] == [item]

    @every_row("word", ["error", "pending"])
    def test_what_is_kept_does_not_grow_with_the_number_of_videos(self, answer, word):
        many = {"id": "j", "videos": [{"status": word, "error": "A" * 1_000}] * 5_000}
        assert len(pickle.dumps(state_of(answer(many)))) < 400_000

    def test_an_answer_that_is_nested_deeply_keeps_no_more_than_can_be_walked(self, answer):
        deep = b'{"videos": [{"status": "error", "error": "no", "x": %s}]}'
        state = state_of(answer(deep % (b"[" * 500 + b"]" * 500)))
        assert state == Failed(reason="no")
        assert json.dumps(state.raw).count("[") < 60

    @every_row("status", [200, 400, 500])
    def test_no_error_keeps_it(self, answer, status):
        with pytest.raises(PikaError) as caught:
            state_of(answer({"error": "busy", "input": {"image": BULK}}, status))
        assert len(pickle.dumps(caught.value)) < 5_000


class TestNothingToTell:
    @every_row(
        "body",
        [
            b"",
            b" \r\n",
            b"null",
            b"{}",
            b'{"videos": []}',
            b'{"videos": null}',
            b'{"id": "j", "promptText": "Plane fly"}',
            b'{"id": "j", "videos": {}}',
            b'{"code": 0, "message": "success"}',
        ],
        ids=repr,
    )
    def test_an_answer_without_videos_is_none(self, answer, body):
        assert state_of(answer(body)) is None

    @every_row("status", [200, 202, 204])
    def test_so_is_an_empty_one_of_any_2xx(self, answer, status):
        assert state_of(answer(b"", status)) is None

    def test_videos_count_for_more_than_an_error_beside_them(self, answer):
        body = {"code": "busy", "error": "stale", "videos": [{"status": "queued"}]}
        assert state_of(answer(body)) == Queued()


class TestErrors:
    @every_row("status", [200, 400, 404])
    def test_an_unknown_job_is_not_found_with_any_status(self, payload, answer, status):
        with pytest.raises(NotFoundError) as caught:
            state_of(answer(payload("error_task_not_exist"), status))
        assert (caught.value.status, caught.value.code) == (status, "task_not_exist")
        assert after_poll(caught.value) is Verdict.GRACE

    @every_row(
        "body",
        [{"success": False}, {"error": "busy"}, {"code": "service_busy", "data": None}],
        ids=json.dumps,
    )
    def test_a_2xx_that_says_error_is_an_api_error_to_wait_out(self, answer, body):
        with pytest.raises(APIError) as caught:
            state_of(answer(body))
        assert after_poll(caught.value) is Verdict.AGAIN

    @every_row(
        ("body", "words"),
        [
            (b"<!doctype html><title>New API</title>", "a web page"),
            (b"OK", "not JSON"),
            (b'{"videos": [', "not JSON"),
            (b'{"videos": []} {"videos": []}', "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b"[]", "no JSON object"),
            (b'"finished"', "no JSON object"),
            (b'{"videos": "soon"}', "no list of objects"),
            (b'{"videos": 3}', "no list of objects"),
            (b'{"videos": {"0": {}}}', "no list of objects"),
            (b'{"videos": [null]}', "no list of objects"),
            (b'{"videos": [{"status": "queued"}, "finished"]}', "no list of objects"),
        ],
        ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else "",
    )
    def test_what_is_not_the_apis_is_a_decode_error_to_wait_out(self, answer, body, words):
        with pytest.raises(DecodeError, match=words) as caught:
            state_of(answer(body))
        assert caught.value.status == 200
        assert caught.value.body == body.decode("utf-8", "replace")
        assert after_poll(caught.value) is Verdict.AGAIN


names = st.sampled_from(
    [
        "id",
        "videos",
        "status",
        "progress",
        "error",
        "resultUrl",
        "sharingUrl",
        "seed",
        "duration",
        "code",
        "success",
        "message",
        "data",
    ]
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["queued", "pending", "finished", "error", "--5", "9" * 5000, "1e999", "\ud800"]
    )
)
junk = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | names, inner, max_size=6)
    ),
    max_leaves=20,
)
# Arbitrary JSON seldom gets as far as a video; this always does, and mostly to a state.
told = st.fixed_dictionaries(
    {"status": st.sampled_from(["queued", "pending", "finished", "error", "of tomorrow"])},
    optional={
        "progress": st.integers(-300, 300) | st.floats() | leaves,
        "resultUrl": st.just(LINK) | junk,
    },
)
ended = st.sampled_from(["finished", "error"]).flatmap(
    lambda status: st.lists(
        st.builds(lambda rest: {**rest, "status": status, "resultUrl": LINK}, told),
        min_size=1,
        max_size=3,
    )
)
feeds = st.builds(
    lambda rest, videos: {**rest, "videos": videos},
    st.dictionaries(names, leaves),
    st.lists(st.dictionaries(names, junk) | told, max_size=3) | ended,
)


@given(
    body=(junk | feeds).map(lambda value: json.dumps(value).encode()) | st.binary(),
    status=st.just(200) | st.integers(min_value=100, max_value=999),
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "Retry-After", "Date", "X-Request-Id"]),
        st.text() | st.sampled_from(["text/html", "application/json", "12"]),
    ),
)
def test_no_answer_whatever_leads_to_anything_but_a_state_none_or_a_pika_error(
    answer, body, status, headers
):
    try:
        state = state_of(answer(body, status, headers))
    except PikaError as error:
        assert after_poll(error) is not None  # noqa: PT017 - raising is optional
    else:
        assert 200 <= status < 300
        assert state is None or isinstance(state, Queued | Running | Succeeded | Failed | Unknown)


@given(feeds)
def test_what_was_understood_is_within_its_bounds_and_the_rest_is_in_raw(answer, feed):
    response = answer(feed)
    state = state_of(response) if feed["videos"] else None
    if state is None:
        return
    # Compared as text, since NaN equals nothing.
    assert json.dumps(state.raw) == json.dumps(json.loads(response.body))
    if isinstance(state, Running):
        assert state.progress is None or 0 <= state.progress <= 100
    if isinstance(state, Succeeded):
        assert len(state.videos) == len(feed["videos"])
    if isinstance(state, Failed):
        assert state.reason
