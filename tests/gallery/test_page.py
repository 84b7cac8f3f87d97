"""The page, as a browser parses it."""

from __future__ import annotations

import base64
import hashlib
import re
import tracemalloc
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.journals import (
    NOW,
    START,
    add,
    cards_of,
    create,
    html_of,
    page_of,
    succeeded,
    video,
)

from pika_async import Failed, InvalidRequestError, JobTimeoutError
from pika_async._gallery import Folder, opened, page, totals_of

HOSTILE = [
    "<script>alert(1)</script>",
    "</script></style></noscript></title><img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }} {% for x in y %}",
    "<!-- --> ]]> &lt;b&gt; &#x3c;",
    "javascript:alert(1)",
    "\u202egnp.exe\u2066",
    "\x00\x08\x1b[31m\x7f\x9f\ud800",
    "</noscript><video src=x autoplay>",
]
TIMES = {"sent_at": START, "accepted_at": START + 1, "running_at": START + 4, "ended_at": START + 9}


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "j.journal"


def card(journal, **options):
    (found,) = cards_of(journal, **options)
    return found


def one_of_each(journal):
    add(journal, "done", "succeeded", state=succeeded(), job_id="job-1", **TIMES)
    add(journal, "fell", "failed", state=Failed(reason="it fell"), job_id="job-2", **TIMES)
    add(journal, "broke off", "uncertain", sent_at=START + 2)
    add(journal, "on its way", "submitted", job_id="job-4", accepted_at=START + 3)
    add(journal, "not yet", "waiting")


class TestHostile:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_nothing_that_others_wrote_becomes_markup(self, journal, text):
        add(journal, "plain", "succeeded", state=succeeded(), options={"seed": "plain"})
        calm = Counter(element.tag for element in page_of(journal).walk())
        journal.unlink()
        add(journal, text, "succeeded", state=succeeded(), options={"seed": text})
        wild = Counter(element.tag for element in page_of(journal).walk())
        assert wild == calm

    @pytest.mark.parametrize("text", HOSTILE)
    def test_every_place_that_shows_what_others_wrote_escapes_it(self, journal, text):
        # What stands outside of JSON is text that SQLite takes.
        stored = text.encode("utf-8", "replace").decode()
        # As format 1 wrote it: of that, the meaning too is what stands in the file.
        problem = {
            "kind": text,
            "text": text,
            "headline": text,
            "meaning": text,
            "answer": {"status": 429, "code": text, "request_id": text, "body": text},
        }
        clip = video(
            text,
            url=f"https://media.test/{text}",
            poster_url=f"https://media.test/{text}",
            share_url=f"https://media.test/{text}",
        )
        states = [succeeded(clip), Failed(reason=text, code=text, videos=(clip,)), None]
        for number, state in enumerate(states):
            add(
                journal,
                text,
                "uncertain" if state is None else "succeeded" if number == 0 else "failed",
                state=state,
                problem=problem if state is None else None,
                job_id=stored,
                options={text: text, "camera": {text: text}},
                past=[{"status": "failed", "job_id": stored, "problem": problem}],
                fingerprint=f"{stored}{number}",
                **TIMES,
            )
        html = html_of(journal)
        html.encode()
        assert_harmless(page_of(journal))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)

    @pytest.mark.parametrize(
        "link", ["javascript:alert(1)", "data:text/html,x", "file:///x", "//x"]
    )
    def test_only_links_of_the_web_are_links(self, journal, link):
        clip = video(url=link, poster_url=link, thumbnail_url=link, share_url=link)
        add(journal, status="succeeded", state=succeeded(clip))
        found = card(journal)
        assert_harmless(found)
        assert found.every("a") == found.every("video") == []
        assert link in found.text

    def test_text_that_turns_its_direction_is_shown_with_the_mark_and_kept_apart(self, journal):
        add(journal, "a \u202egnp.exe")
        prompt = card(journal).one("p", "prompt")
        assert prompt.text == "a ⟨U+202E⟩gnp.exe"
        assert prompt["dir"] == "auto"

    @given(st.text(st.characters(codec=None), min_size=1))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    def test_whatever_the_prompt_the_page_is_whole(self, tmp_path, text):
        journal = tmp_path / "any.journal"
        journal.unlink(missing_ok=True)
        add(journal, text, "succeeded", state=succeeded(video(text)), job_id="job", **TIMES)
        found = page_of(journal)
        assert len(found.every("article")) == len(found.every("video")) == 1
        assert_harmless(found)


def assert_harmless(root):
    for element in root.walk():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), name
            assert name != "style"
            if name in ("src", "href", "poster"):
                assert re.match(r"https?://[^\s\"'<>]+$|#i\d+$|[\w.%/~-]+$", value or ""), value
    assert {element.tag for element in root.walk()} & {"iframe", "object", "embed", "base"} == set()


class TestPolicy:
    def test_the_policy_allows_our_style_and_script_by_their_digest_and_nothing_else(self, journal):
        one_of_each(journal)
        found = page_of(journal)
        (policy,) = (
            meta["content"] for meta in found.every("meta") if "http-equiv" in meta.attributes
        )
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
        assert "unsafe" not in policy
        for name in ("style", "script"):
            (content,) = found.one(name).children
            digest = base64.b64encode(hashlib.sha256(str(content).encode()).digest()).decode()
            assert rules[f"{name}-src"] == f"'sha256-{digest}'"

    def test_the_page_stands_before_anything_it_governs(self, journal):
        one_of_each(journal)
        head = page_of(journal).one("head")
        tags = [(child.tag, *child.attributes) for child in head.walk()[1:]]
        assert tags[:2] == [("meta", "charset"), ("meta", "http-equiv", "content")]

    def test_nothing_is_loaded_from_elsewhere_but_pictures_and_videos(self, journal):
        one_of_each(journal)
        found = page_of(journal)
        assert found.every("link") == []
        assert [one for one in found.every("script") if "src" in one.attributes] == []
        assert "url(" not in found.one("style").text
        assert "@import" not in found.one("style").text


class TestCards:
    def test_there_is_a_card_for_each_request_in_its_order(self, journal):
        one_of_each(journal)
        cards = cards_of(journal)
        assert [one.one("p", "prompt").text for one in cards] == [
            "done",
            "fell",
            "broke off",
            "on its way",
            "not yet",
        ]
        assert [one["data-state"] for one in cards] == [
            "succeeded",
            "failed",
            "uncertain",
            "running",
            "waiting",
        ]

    def test_a_video_has_controls_a_poster_and_loads_nothing_before_it_is_played(self, journal):
        add(journal, "a red panda", "succeeded", state=succeeded())
        found = card(journal).one("video")
        assert found.attributes == {
            "controls": None,
            "playsinline": None,
            "preload": "none",
            "poster": "https://media.test/poster.jpg",
            "src": "https://media.test/job.mp4",
            "aria-label": "Video: a red panda",
        }

    def test_without_a_poster_the_first_frame_is_one(self, journal):
        add(journal, status="succeeded", state=succeeded(video()))
        found = card(journal).one("video")
        assert found["preload"] == "metadata"
        assert "poster" not in found.attributes

    def test_the_thumbnail_stands_in_for_a_poster(self, journal):
        clip = video(thumbnail_url="https://media.test/small.jpg")
        add(journal, status="succeeded", state=succeeded(clip))
        assert card(journal).one("video")["poster"] == "https://media.test/small.jpg"

    def test_a_saved_file_is_played_rather_than_the_services_link(self, journal, tmp_path):
        (tmp_path / "00000-a-red-panda-job.mp4").write_bytes(b"12345")
        add(
            journal,
            status="succeeded",
            state=succeeded(),
            files='[{"name": "00000-a-red-panda-job.mp4", "size": 5, "place": 0}]',
        )
        found = card(journal, folder=Folder(path=tmp_path, page_folder=tmp_path))
        assert found.one("video")["src"] == "00000-a-red-panda-job.mp4"
        assert [link["href"] for link in found.every("a")] == [
            "00000-a-red-panda-job.mp4",
            "https://media.test/job.mp4",
        ]

    def test_every_video_of_a_job_is_shown(self, journal):
        clips = (video(), video(url="https://media.test/second.mp4"))
        add(journal, status="succeeded", state=succeeded(*clips))
        assert [one["src"] for one in card(journal).every("video")] == [
            "https://media.test/job.mp4",
            "https://media.test/second.mp4",
        ]

    def test_videos_that_a_failed_job_did_finish_are_shown(self, journal):
        add(journal, status="failed", state=Failed(reason="half done", videos=(video(),)))
        assert card(journal).one("video")["src"] == "https://media.test/job.mp4"

    def test_a_video_without_a_link_is_told(self, journal):
        add(journal, status="failed", state=Failed(reason="no link", videos=(video(url=""),)))
        assert card(journal).one("p", "empty").text == "A video without a link"

    def test_a_failure_has_its_reason_and_its_kind(self, journal):
        add(journal, status="failed", state=Failed(reason="it fell", code="moderation"))
        found = card(journal)
        assert found.one("p", "why").text == "it fell"
        assert found.one("p", "advice").text == "Kind of failure: moderation."

    def test_a_refused_request_has_the_services_answer(self, journal):
        problem = InvalidRequestError("no such model", status=422)
        add(journal, status="failed", problem=problem)
        found = card(journal, words=lambda money, advice: f"{money.value}, {advice.action.value}")
        assert found.one("p", "why").text == (
            "the service refused the request (HTTP 422): no such model."
        )
        assert found.one("p", "advice").text == "not_charged, change_request"

    def test_a_failure_of_which_nothing_was_noted_is_a_card_all_the_same(self, journal):
        add(journal, status="failed")
        assert card(journal)["data-state"] == "failed"

    def test_an_uncertain_submit_has_its_time_its_fingerprint_and_what_to_do(self, journal):
        add(journal, status="uncertain", sent_at=START, fingerprint="f" * 64)
        found = card(journal)
        assert found.one("time")["datetime"] == "2023-11-14T22:13:20Z"
        assert "f" * 64 in found.text
        assert "may be billed" in found.text
        assert "--resubmit-uncertain" in found.text

    def test_an_earlier_uncertain_submit_is_not_to_be_submitted_once_more(self, journal):
        past = {"status": "uncertain", "sent_at": START}
        add(journal, status="succeeded", state=succeeded(), past=[past])
        earlier = card(journal).one("div", "earlier")
        assert "may be billed too" in earlier.text
        assert "--resubmit-uncertain" not in earlier.text

    def test_a_job_in_flight_says_what_its_last_look_met(self, journal):
        problem = JobTimeoutError("not finished in time", job_id="job-4", state=None)
        add(journal, status="submitted", job_id="job-4", accepted_at=START, problem=problem)
        assert card(journal).one("p", "why").text == "job job-4: not finished in time"

    def test_a_submit_under_way_is_told_from_one_that_broke_off(self, journal):
        add(journal, status="submitting", sent_at=NOW - 3, started=NOW - 9)
        found = card(journal)
        assert found.one("span", "badge").text == "sending"
        assert found["data-state"] == "running"

    def test_times_are_said_and_a_job_id_can_be_copied(self, journal):
        add(journal, status="succeeded", state=succeeded(), job_id="job-1", **TIMES)
        found = card(journal)
        assert found.one("p", "times").text == "queued 3.0 s generated 5.0 s"
        assert found.one("code", "id").text == "job-1"
        assert found.one("button", "copy")["type"] == "button"

    def test_what_was_asked_for_beside_the_prompt_is_shown(self, journal):
        add(journal, options={"seed": 7, "image": {"path": "cat.png"}, "extend": True})
        assert card(journal).one("p", "options").text == "seed 7 image cat.png extend yes"

    def test_requests_that_the_last_run_has_not_met_stand_apart(self, journal):
        add(journal, "left out", run=1)
        add(journal, "kept", run=2)
        found = page_of(journal)
        last, others = found.every("div", "grid")
        assert [one.one("p", "prompt").text for one in last.every("article")] == ["kept"]
        assert [one.one("p", "prompt").text for one in others.every("article")] == ["left out"]
        assert found.one("h3").text == "Not met in the last run"
        assert others.one("span", "old").text == "run 1"


class TestAround:
    def test_filters_have_the_counts_of_what_they_show(self, journal):
        one_of_each(journal)
        buttons = [one for one in page_of(journal).every("button") if "data-show" in one.attributes]
        assert [(one["data-show"], one.text) for one in buttons] == [
            ("", "all 5"),
            ("succeeded", "succeeded 1"),
            ("failed", "failed 1"),
            ("uncertain", "uncertain 1"),
            ("running", "in flight 1"),
            ("waiting", "not sent 1"),
        ]

    def test_nothing_is_hidden_from_whoever_runs_no_scripts(self, journal):
        one_of_each(journal)
        assert [one for one in page_of(journal).walk() if "hidden" in one.attributes] == []

    def test_totals_tell_what_is_to_be_paid_for(self, journal):
        one_of_each(journal)
        tiles = [one.text for one in page_of(journal, price=Decimal("0.20")).every("div", "tile")]
        assert tiles[:3] == [
            "3 jobs accepted, and to be paid for",
            "1 uncertain submit, which may be billed too",
            "$0.60 estimated, $0.20 for a job without a quote; "
            "$0.20 more may be billed for uncertain submits",
        ]

    def test_without_a_price_no_money_is_named(self, journal):
        one_of_each(journal)
        found = page_of(journal)
        assert "estimated" not in found.text
        assert "The service does not tell what a job costs" in found.text

    def test_the_timeline_has_a_row_a_request_that_leads_to_its_card(self, journal):
        one_of_each(journal)
        found = page_of(journal)
        rows = found.one("svg", "rows").every("a")
        assert [row["href"] for row in rows] == [f"#{one['id']}" for one in found.every("article")]
        assert [[rect["class"] for rect in row.every("rect")] for row in rows] == [
            ["row", "queued", "generated"],
            ["row", "queued", "failed"],
            ["row", "uncertain"],
            ["row", "open"],
            ["row"],
        ]
        assert rows[0].one("title").text == "#0 done: succeeded, queued 3.0 s, generated 5.0 s"

    def test_a_journal_in_which_nothing_was_noted_has_no_timeline(self, journal):
        add(journal)
        assert page_of(journal).every("svg", "rows") == []

    def test_an_empty_journal_is_a_page_that_says_so(self, journal):
        create(journal)
        found = page_of(journal)
        assert found.one("p", "empty-journal").text.startswith("No request has been noted")
        assert found.every("article") == []

    def test_uncertain_submits_are_told_at_the_top(self, journal):
        add(journal, status="uncertain", sent_at=START)
        assert page_of(journal).one("p", "warning").text.startswith("1 submit broke off")

    def test_the_title_is_the_journals_name(self, tmp_path):
        journal = tmp_path / "<b>&.journal"
        add(journal)
        assert page_of(journal).one("title").text == "<b>&.journal: 1 request"


def peak(journal):
    """The most memory taken, in bytes."""
    tracemalloc.start()
    try:
        with opened(journal, now=NOW) as gallery:
            totals = totals_of(gallery.entries(), gallery.runs)
            for _ in page(gallery, totals):
                pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_journal(tmp_path):
    long = "a red panda " * 1000
    journals = {count: tmp_path / f"{count}.journal" for count in (4, 40)}
    for count, journal in journals.items():
        for number in range(count):
            add(journal, f"{number} {long}", "succeeded", state=succeeded(), **TIMES)
    # What is made once, templates among it, is not to count.
    peak(journals[4])
    grown = peak(journals[40]) - peak(journals[4])
    assert grown < 36 * len(long) / 4


def test_a_reason_of_900_kilobytes_is_shown_by_its_beginning(journal):
    long = "it fell. " * 100_000
    add(journal, "fell", "failed", state=Failed(reason=long), job_id="job-1", **TIMES)
    (why,) = [
        one.text for one in page_of(journal).walk() if "why" in one.attributes.get("class", "")
    ]
    assert why.startswith("it fell. it fell.")
    assert why.endswith("… (900,000 characters)")
    assert len(why) < 3_000
