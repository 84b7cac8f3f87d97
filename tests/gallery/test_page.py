"""The page, as a browser parses it."""

from __future__ import annotations

import base64
import hashlib
import re
import sqlite3
import tracemalloc
from collections import Counter
from contextlib import closing
from datetime import timedelta, timezone
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.entries import attempt, entry
from support.journals import (
    NOW,
    START,
    add,
    cards_of,
    create,
    html_of,
    page_of,
    parsed,
    succeeded,
    video,
)

from pika_async import Failed, InvalidRequestError, JobTimeoutError, Money
from pika_async._gallery import (
    Album,
    Folder,
    Standing,
    campaign_page,
    opened,
    page,
    totals_of,
)
from pika_async._journal.history import Limits
from pika_async._journal.records import limits_record

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
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
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

    @pytest.mark.parametrize(("known", "job"), [({}, "JOB_ID"), ({"job_id": "job-7"}, "job-7")])
    def test_it_offers_what_costs_nothing_first_and_what_pays_last(self, journal, known, job):
        add(journal, status="uncertain", sent_at=START, number=7, **known)
        found = card(journal, settle_line="pika-async settle j --service fal")
        assert [one.one("code").text for one in found.every("span", "command")] == [
            f"pika-async settle j --service fal --job 00007={job}",
            "pika-async settle j --service fal --drop 00007",
            "pika-async settle j --service fal --resubmit 00007",
        ]
        advice = [one.text for one in found.every("p", "advice")]
        assert ["to be paid for" in one for one in advice] == [False, False, False, True]

    def test_an_earlier_uncertain_submit_is_not_to_be_submitted_once_more(self, journal):
        past = {"status": "uncertain", "sent_at": START}
        add(journal, status="succeeded", state=succeeded(), past=[past])
        earlier = card(journal).one("div", "earlier")
        assert "may be billed too" in earlier.text
        assert "pika-async" not in earlier.text

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


class TestMoney:
    MONEY: ClassVar = {"charged": 450_000, "charged_currency": "USD"}

    def test_a_card_tells_what_its_video_cost(self, journal):
        add(journal, status="succeeded", state=succeeded(), **self.MONEY)
        found = card(journal).one("b", "cost")
        assert (found.text, found["title"]) == ("$0.45", "What the service says it cost")

    def test_what_is_only_expected_is_told_from_what_was_charged(self, journal):
        add(journal, status="submitted", job_id="j", quoted=450_000, quoted_currency="USD")
        assert card(journal).one("span", "cost").text == "about $0.45"

    def test_a_price_is_shown_only_where_no_other_is_known(self, journal):
        add(journal, status="submitted", job_id="j")
        found = card(journal, price=Money(200_000))
        assert found.one("span", "cost").text == "about $0.20"

    def test_what_cost_nothing_has_no_price(self, journal):
        add(journal)
        add(journal, status="failed", problem=InvalidRequestError("no", status=422))
        found = cards_of(journal, price=Money(200_000))
        assert [one.every("span", "cost") for one in found] == [[], []]

    def test_what_earlier_attempts_cost_is_told_with_them(self, journal):
        past = {"status": "failed", "job_id": "old", "state": Failed(reason="fell"), **self.MONEY}
        add(journal, status="succeeded", state=succeeded(), past=[past, past], **self.MONEY)
        assert card(journal).one("summary").text == "2 earlier attempts, $0.90"

    def test_sums_are_told_by_outcome_and_by_run(self, journal):
        add(journal, "a", "succeeded", state=succeeded(), run=1, job_id="1", **self.MONEY, **TIMES)
        later = {name: at + 3600 for name, at in TIMES.items()}
        failed = {"state": Failed(reason="x"), "charged": 0, "charged_currency": "USD"}
        add(journal, "b", "failed", run=2, job_id="2", **failed, **later)
        quoted = {"quoted": 500_000, "quoted_currency": "USD"}
        add(journal, "c", "uncertain", run=2, sent_at=START + 3603, **quoted)
        of_time, by_outcome, by_run = page_of(journal).every("table")
        assert of_time.one("thead").text.startswith("1 job that succeeded")
        assert lines_of(by_outcome) == [
            ["By outcome", "submits", "charged", "estimated"],
            ["succeeded", "1", "$0.45", "—"],
            ["failed", "1", "$0.00", "—"],
            ["uncertain", "1", "—", "$0.50"],
            ["together", "3", "$0.45", "$0.50"],
        ]
        head, first, second = lines_of(by_run)
        assert head[:2] == ["By run", "began (UTC)"]
        assert first == ["1", "2023-11-14 22:13", "9.0 s", "1", "1", "0", "0", "$0.45", "—"]
        assert second == ["2", "2023-11-14 23:13", "9.0 s", "2", "0", "1", "1", "$0.00", "$0.50"]

    def test_what_is_uncertain_is_told_in_money(self, journal):
        add(journal, status="uncertain", quoted=450_000, quoted_currency="USD")
        found = page_of(journal)
        assert "may be billed, $0.45 in all" in found.one("p", "warning").text
        assert any("$0.45 more may be billed" in tile.text for tile in found.every("div", "tile"))

    def test_where_some_price_is_not_known_that_is_said(self, journal):
        add(journal, "a", "succeeded", state=succeeded(), job_id="1", **self.MONEY)
        add(journal, "b", "succeeded", state=succeeded(), job_id="2")
        assert "of 1 submit no price is known" in page_of(journal).text


def lines_of(table):
    return [
        [cell.text for cell in row.walk() if cell.tag in ("th", "td")] for row in table.every("tr")
    ]


class TestSimulated:
    HERE = "http://127.0.0.1:8700"

    def banner(self, journal):
        return [one.text for one in page_of(journal).every("p", "simulated")]

    def add(self, journal, base_url, url):
        add(journal, status="succeeded", state=succeeded(video(url=url)), base_url=base_url)

    @pytest.mark.parametrize("url", [HERE, "http://localhost:1", "http://[::1]:81"])
    def test_a_journal_of_this_machine_says_so_in_large_letters(self, journal, url):
        self.add(journal, url, f"{url}/a.mp4")
        (banner,) = self.banner(journal)
        assert banner.startswith(f"SIMULATED Every job went to {url}")
        assert page_of(journal).one("p", "simulated").one("strong").text == "SIMULATED"

    def test_nothing_of_it_is_called_to_be_paid_for(self, journal):
        """A number beside those letters must not say the opposite."""
        self.add(journal, self.HERE, f"{self.HERE}/a.mp4")
        assert "0 jobs accepted" in [tile.text for tile in page_of(journal).every("div", "tile")]

    def test_one_that_is_named_so_is_one(self, tmp_path):
        journal = tmp_path / "shots.txt.journal.simulated"
        add(journal)
        (banner,) = self.banner(journal)
        assert banner.startswith("SIMULATED The jobs of this journal are simulated")

    def test_paid_jobs_have_no_such_letters(self, journal):
        self.add(journal, "https://api.test", "https://media.test/a.mp4")
        add(journal)
        assert self.banner(journal) == []

    def test_journals_that_do_not_tell_where_jobs_went_are_not_taken_for_simulated(self, journal):
        self.add(journal, None, f"{self.HERE}/a.mp4")
        assert self.banner(journal) == []

    def test_a_gateway_on_this_machine_with_videos_elsewhere_may_well_be_paid(self, journal):
        self.add(journal, self.HERE, "https://media.test/a.mp4")
        (banner,) = self.banner(journal)
        assert banner.startswith(
            "PARTLY SIMULATED? 1 submit of 1 went to a service on this machine"
        )

    def test_where_only_some_went_to_this_machine_their_number_is_told(self, journal):
        self.add(journal, self.HERE, f"{self.HERE}/a.mp4")
        self.add(journal, "https://api.test", "https://media.test/a.mp4")
        (banner,) = self.banner(journal)
        assert banner.startswith("PARTLY SIMULATED? 1 submit of 2 went")


class TestAgain:
    def test_the_commands_that_go_on_are_told_with_what_they_do(self, journal):
        one_of_each(journal)
        found = page_of(journal, batch_line="pika-async batch j.txt")
        lines = [one.one("code").text for one in found.every("span", "command")]
        assert lines[:4] == [
            # It costs nothing, so it comes first.
            "pika-async settle j.journal",
            "pika-async batch j.txt --resubmit-uncertain",
            "pika-async batch j.txt --retry-failed",
            "pika-async batch j.txt",
        ]
        assert lines[4:]
        assert all(line.startswith("pika-async settle j.journal --") for line in lines[4:])
        texts = [one.text for one in found.every("p", "again")]
        # Whoever copies one of them would spend without a limit.
        assert all("has no limit by itself: --budget sets one" in text for text in texts)
        assert [one.text.partition(":")[0] for one in found.every("p", "again")] == [
            "1 request failed. To submit it again, as new jobs to be paid for",
            "1 job in flight, 1 request not sent. To go on where it stopped",
        ]

    def test_where_the_journal_remembers_a_budget_they_are_said_to_keep_to_it(self, journal):
        one_of_each(journal)
        with closing(sqlite3.connect(journal)) as connection, connection:
            record = limits_record(Limits(budget=Money.of(20)))
            connection.execute("UPDATE runs SET limits = ?", (record,))
        texts = [one.text for one in page_of(journal).every("p", "again")]
        assert texts
        assert all("The budget of $20.00 holds: the journal remembers it" in one for one in texts)

    def test_without_a_line_the_journal_is_named(self, journal):
        add(journal)
        line = page_of(journal).one("span", "command").one("code").text
        assert line == "pika-async batch FILE --journal j.journal"

    def test_where_all_has_succeeded_there_is_nothing_to_do(self, journal):
        add(journal, status="succeeded", state=succeeded())
        assert page_of(journal).every("span", "command") == []


class TestFacts:
    def test_metadata_are_shown_by_name(self, journal):
        add(journal, options={"metadata": {"sku": "A-1", "owner": "me"}})
        found = card(journal).one("dl", "metadata")
        assert [one.text for one in found.every("dt")] == ["sku", "owner"]
        assert [one.text for one in found.every("dd")] == ["A-1", "me"]
        assert card(journal).every("p", "options") == []

    @pytest.mark.parametrize("text", HOSTILE)
    def test_metadata_are_escaped(self, journal, text):
        add(journal, options={"metadata": {text: text}})
        add(journal, options={"metadata": {"a": "b"}})
        wild, calm = (Counter(one.tag for one in found.walk()) for found in cards_of(journal))
        assert wild == calm
        assert_harmless(page_of(journal))

    def test_an_aspect_ratio_is_shown_as_people_write_it(self, journal):
        add(journal, options={"aspect_ratio": 16 / 9})
        assert card(journal).one("p", "options").text == "aspect ratio 16:9"

    def test_every_attempt_tells_where_it_went(self, journal):
        past = {
            "status": "failed",
            "service": "fal",
            "base_url": "https://queue.test",
            "job_id": "o",
        }
        sent = {"service": "pika", "base_url": "https://api.test", "job_id": "j"}
        add(journal, status="submitted", past=[past], **sent)
        found = card(journal)
        assert found.one("span", "service").text == "pika at api.test"
        assert found.one("div", "earlier").text.count("fal at queue.test") == 1
        places = "Submitted to fal at https://queue.test (1), pika at https://api.test (1)."
        assert places in page_of(journal).one("p", "sub").text

    def test_times_are_those_of_the_zone_that_was_asked_for(self, journal):
        one_of_each(journal)
        found = page_of(journal, zone=timezone(timedelta(hours=-8)))
        times = [one.text for one in found.every("time")]
        assert {one[-5:] for one in times} == {"UTC-8"}
        assert times[0] == "2023-11-14 14:13:20 UTC-8"
        assert found.every("time")[0]["datetime"] == "2023-11-14T22:13:20Z"

    def test_cards_without_a_video_have_a_frame_too_so_that_cards_line_up(self, journal):
        one_of_each(journal)
        frames = [one.every("div", "frame") for one in cards_of(journal)]
        assert [len(one) for one in frames] == [1] * 5
        assert [one[0].text for one in frames[1:]] == [
            "failed",
            "uncertain",
            "in flight",
            "not sent",
        ]

    @pytest.mark.parametrize(
        ("prompt", "is_long"),
        [("a cat", False), ("x" * 120, False), ("x" * 121, True), ("a\nb\nc\nd", True)],
    )
    def test_of_a_long_prompt_the_beginning_comes_first(self, journal, prompt, is_long):
        add(journal, prompt)
        found = card(journal).one("p", "prompt")
        assert found.text == prompt
        assert ("long" in found.classes) is is_long

    @pytest.mark.parametrize(("asked_for", "told", "count"), [({}, 7, 1), ({"seed": 7}, 7, 1)])
    def test_the_seed_that_made_a_video_is_told_once(self, journal, asked_for, told, count):
        add(journal, "x", "succeeded", state=succeeded(video(seed=told)), options=asked_for)
        assert card(journal).text.count("seed 7") == count

    def test_a_request_is_named_by_the_number_of_its_files(self, journal):
        add(journal, number=5, position=0)
        assert card(journal).one("span", "index").text == "#5"

    def test_runs_are_named_in_the_timeline_and_silent_ones_too(self, journal):
        one_of_each(journal)
        later = {name: at + 3600 for name, at in TIMES.items()}
        add(journal, "later", "succeeded", state=succeeded(), run=3, **later)
        found = page_of(journal)
        assert [one.text for one in found.one("svg", "axis").every("text", "run")] == [
            "run 1",
            "run 2",
        ]
        assert "In 1 of them nothing was noted: run 3." in found.text

    def test_a_journal_whose_name_is_no_text_has_a_page(self, tmp_path):
        journal = tmp_path / "caf\udce9.journal"
        add(journal)
        assert "caf⟨U+DCE9⟩.journal" in page_of(journal).text
        html_of(journal).encode()


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
        tiles = [one.text for one in page_of(journal, price=Money(200_000)).every("div", "tile")]
        assert tiles[:3] == [
            "3 jobs accepted, and to be paid for",
            "1 uncertain submit, which may be billed too",
            (
                "$0.60 estimated, $0.20 for a job without a quote; "
                "$0.20 more may be billed for uncertain submits"
            ),
        ]

    def test_one_job_is_no_jobs(self, journal):
        add(journal, status="succeeded", state=succeeded(), **TIMES)
        tile, *_ = page_of(journal).every("div", "tile")
        assert tile.text == "1 job accepted, and to be paid for"

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


def test_the_page_of_a_campaign_offers_what_costs_nothing_first_and_what_pays_last():
    album = Album(
        name="summer",
        place="summer",
        entries=[entry(attempt(Standing.UNCERTAIN, job_id=None), number=1)],
        made_at=NOW,
    )
    line = "pika-async campaign resolve summer"
    found = parsed("".join(campaign_page(album, status_line="status", resolve_line=line)))
    assert [one.one("code").text for one in found.every("span", "command")] == [
        f"{line} 1 --adopt JOB_ID",
        f"{line} 1 --drop",
        f"{line} 1 --resubmit",
    ]
