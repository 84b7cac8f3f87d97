"""What stands beside the queue: cancel, files, the history, prices and the balance."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fal import ENDPOINT, FAL, HANDLE, JOB, PAGE, QUEUE, answer, talk
from support.tables import every_row

from pika_async import (
    APIError,
    DecodeError,
    GenerationRequest,
    InvalidRequestError,
    Money,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    QuotaExceededError,
    ServerError,
)
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async.dialects import (
    Cancels,
    Fal,
    Finds,
    Handle,
    HTTPRequest,
    LimitsMedia,
    Lost,
    Quotes,
    ReadsPlace,
    TakesUploads,
    TellsBalance,
)

IMAGE = "https://host.example/a.png"
VIDEO = "https://host.example/a.mp4"


@every_row("can", [Cancels, Finds, LimitsMedia, Quotes, ReadsPlace, TakesUploads, TellsBalance])
def test_it_can_what_the_service_can(can) -> None:
    assert isinstance(FAL, can)


class TestCancel:
    @every_row("status", [200, 202])
    def test_it_is_asked(self, status) -> None:
        asked, (request, *_) = talk(
            FAL.cancel(ENDPOINT, HANDLE), answer(status, {"status": "CANCELLATION_REQUESTED"})
        )
        assert asked is True
        assert (request.method, request.url) == ("PUT", f"{JOB}/cancel")

    def test_a_job_that_has_ended_is_not_asked(self) -> None:
        ended = answer(400, {"status": "ALREADY_COMPLETED"})
        assert talk(FAL.cancel(ENDPOINT, HANDLE), ended)[0] is False

    @every_row(
        ("status", "body", "kind"),
        [
            (404, {"status": "NOT_FOUND"}, NotFoundError),
            (400, {"detail": "Bad Request"}, InvalidRequestError),
            (500, {"status": "ALREADY_COMPLETED"}, ServerError),
            (403, {"detail": "forbidden"}, PermissionDeniedError),
        ],
    )
    def test_all_else_is_an_error(self, status, body, kind) -> None:
        with pytest.raises(kind):
            talk(FAL.cancel(ENDPOINT, HANDLE), answer(status, body))

    def test_an_address_that_is_wrong_is_followed_by_the_right_one(self) -> None:
        wrong = f"{QUEUE}/fal-ai/pika/v2.2/text-to-video/requests/j/cancel"
        handle = Handle("j", {"cancel_url": wrong})
        asked, sent = talk(FAL.cancel(ENDPOINT, handle), answer(405), answer(202))
        assert asked is True
        assert [request.url for request in sent] == [wrong, f"{JOB}/cancel"]

    def test_a_job_of_another_app_is_asked_where_its_status_is(self) -> None:
        job = f"{QUEUE}/me/mine/requests/j"
        handle = Handle("j", {"status_url": f"{job}/status"})
        _, (request, *_) = talk(FAL.cancel(ENDPOINT, handle), answer(202))
        assert request.url == f"{job}/cancel"


class TestUpload:
    TICKET = {  # noqa: RUF012 - a table
        "upload_url": "https://v3.fal.media/put/1?signature=2",
        "file_url": "https://v3.fal.media/files/1.png",
    }

    def upload(self, *answers, kind: str = "image/png"):
        return talk(FAL.upload(ENDPOINT, b"\x89PNG", kind), *answers)

    def test_it_is_begun_with_the_key_and_sent_without_it(self) -> None:
        address, (begun, stored) = self.upload(answer(200, self.TICKET), answer(200))
        assert address == self.TICKET["file_url"]
        assert (begun.method, begun.host) == ("POST", "rest")
        assert begun.url == ("https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3")
        assert begun.headers["Authorization"] == "Key id:secret"
        assert json.loads(begun.body) == {"content_type": "image/png", "file_name": "image.png"}
        assert (stored.method, stored.url) == ("PUT", self.TICKET["upload_url"])
        assert (stored.host, stored.body) == (None, b"\x89PNG")
        assert stored.headers == {"Content-Type": "image/png"}

    @every_row("kind", ["video/mp4", "video/x-msvideo", "application/octet-stream"])
    def test_a_file_of_any_kind_has_a_name(self, kind) -> None:
        _, (begun, _) = self.upload(answer(200, self.TICKET), answer(200), kind=kind)
        assert json.loads(begun.body)["file_name"]

    @every_row(
        "body", [{}, {"upload_url": None}, {"upload_url": "https://x", "file_url": ""}, [], PAGE]
    )
    def test_an_answer_without_addresses_is_begun_anew(self, body) -> None:
        with pytest.raises(DecodeError) as caught:
            self.upload(answer(200, body))
        assert after_poll(caught.value) is Verdict.AGAIN

    @every_row("status", [400, 403, 404, 408, 500, 503])
    @every_row("body", [b"<Error/>", {"detail": "the address has worn out"}])
    def test_a_host_that_refuses_the_file_is_tried_again(self, status, body) -> None:
        with pytest.raises(APIError) as caught:
            self.upload(answer(200, self.TICKET), answer(status, body))
        assert after_poll(caught.value) is Verdict.AGAIN

    def test_an_account_that_is_locked_may_bring_up_nothing(self) -> None:
        locked = {"detail": "User is locked. Reason: Exhausted balance."}
        with pytest.raises(QuotaExceededError) as caught:
            self.upload(answer(403, locked))
        assert after_poll(caught.value) is Verdict.RAISE


SENT_AT = datetime(2026, 11, 28, 12, 0, 30, 250_000, tzinfo=UTC)
BODY = {"prompt": "a cat", "seed": 7, "transitions": [{"duration": 5}]}
PATH = "fal-ai/pika/v2.2/pikaframes"
LOST = Lost(
    request=HTTPRequest(
        method="POST", url=f"{QUEUE}/{PATH}", headers={}, body=json.dumps(BODY).encode()
    ),
    sent_at=SENT_AT,
)


def row(job_id: Any = "j", seconds: float = 1, **changes: Any) -> dict[str, Any]:
    return {
        "request_id": job_id,
        "endpoint_id": PATH,
        "sent_at": (SENT_AT + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"),
        "json_input": {**BODY, "resolution": "720p"},
        **changes,
    }


def page(*rows: Any, cursor: str | None = None) -> Any:
    return answer(200, {"items": list(rows), "next_cursor": cursor, "has_more": cursor is not None})


class TestFind:
    def find(self, *pages, lost: Lost = LOST):
        return talk(FAL.find(ENDPOINT, lost), *pages)

    def ids(self, *pages, lost: Lost = LOST) -> list[str]:
        return [handle.job_id for handle in self.find(*pages, lost=lost)[0]]

    def test_the_history_of_the_endpoint_is_asked_for_with_what_was_sent(self) -> None:
        _, (request,) = self.find(page())
        parts = urlsplit(request.url)
        assert (request.method, request.host) == ("GET", "platform")
        assert request.headers == {"Authorization": "Key id:secret"}
        assert parts.scheme + parts.netloc + parts.path == (
            "httpsapi.fal.ai/v1/models/requests/by-endpoint"
        )
        assert {name: value for name, (value,) in parse_qs(parts.query).items()} == {
            "endpoint_id": PATH,
            "start": "2026-11-28T11:58:30Z",
            "end": "2026-11-29T12:00:30Z",
            "expand": "payloads",
            "limit": "100",
        }

    def test_one_that_holds_all_that_was_sent_is_found_with_its_addresses(self) -> None:
        (handle,), _ = self.find(page(row()))
        assert handle == Handle("j", {"status_url": f"{JOB}/status", "response_url": JOB})

    def test_jobs_of_another_app_are_found_with_theirs(self) -> None:
        request = HTTPRequest(
            method="POST", url=f"{QUEUE}/workflows/me/mine/run", headers={}, body=LOST.request.body
        )
        (handle,), _ = self.find(page(row()), lost=Lost(request=request, sent_at=SENT_AT))
        assert handle.hints["response_url"] == f"{QUEUE}/workflows/me/mine/requests/j"

    def test_all_pages_are_read(self) -> None:
        found, sent = self.find(page(row("a"), cursor="c2"), page(row("b"), cursor=""), page())
        assert [handle.job_id for handle in found] == ["a", "b"]
        assert [parse_qs(urlsplit(one.url).query).get("cursor") for one in sent] == [None, ["c2"]]

    def test_the_last_page_is_the_one_that_says_so_whatever_its_cursor(self) -> None:
        last = {"items": [row()], "next_cursor": "c2", "has_more": False}
        assert self.ids(answer(200, last)) == ["j"]

    def test_several_are_all_told_and_each_once(self) -> None:
        assert self.ids(page(row("a"), row("b"), row("a"))) == ["a", "b"]

    @every_row(
        "other",
        [
            {"json_input": {**BODY, "seed": 8}},
            {"json_input": {"prompt": "a cat", "seed": 7}},
            {"json_input": {**BODY, "transitions": [{"duration": 6}]}},
            {"json_input": {**BODY, "transitions": [{"duration": 5}, {"duration": 5}]}},
            {"json_input": {**BODY, "transitions": {}}},
            {"json_input": None},
            {"json_input": "no JSON"},
            {"json_input": []},
            {"seconds": -121},
            {"seconds": 601},
            {"sent_at": None},
            {"sent_at": "yesterday"},
            {"job_id": None},
            {"job_id": ""},
        ],
    )
    def test_another_job_is_not_taken_for_it(self, other) -> None:
        assert self.ids(page(row(**other))) == []

    @every_row(
        "same",
        [
            {"seconds": -119},
            {"seconds": 599},
            {"sent_at": "2026-11-28T12:00:31"},
            {"sent_at": "2026-11-28T14:00:31+02:00"},
            {"json_input": json.dumps(BODY)},
            {"json_input": {**BODY, "transitions": [{"duration": 5, "prompt": None}]}},
        ],
    )
    def test_it_is_known_however_the_history_spells_it(self, same) -> None:
        assert self.ids(page(row(**same))) == ["j"]

    def test_nothing_that_was_sent_proves_nothing(self) -> None:
        for body in (None, b"", b"{}", b"[]"):
            request = HTTPRequest(method="POST", url=f"{QUEUE}/{PATH}", headers={}, body=body)
            assert self.ids(page(row()), lost=Lost(request=request, sent_at=SENT_AT)) == []

    def test_a_search_that_does_not_end_has_found_nothing(self) -> None:
        pages = [page(row(), cursor=f"c{number}") for number in range(90)]
        found, sent = self.find(*pages)
        assert (found, len(sent)) == ((), 90)

    def test_a_key_that_may_not_ask_is_told_so(self) -> None:
        refused = {"error": {"type": "authorization_error", "message": "no"}}
        with pytest.raises(PermissionDeniedError, match="no"):
            self.find(answer(403, refused))

    @given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
    def test_a_history_of_another_shape_is_no_other_error(self, value) -> None:
        with contextlib.suppress(PikaError):
            assert self.ids(page(row(json_input=value, sent_at=value), value)) == []


class TestQuote:
    def quote(self, unit: Any, price: Any = 0.04, currency: Any = "USD", **fields: Any):
        prices = [
            {"endpoint_id": "another/one", "unit_price": 9, "unit": "second", "currency": "USD"},
            {
                "endpoint_id": fields.pop("path", "fal-ai/pika/v2.2/text-to-video"),
                "unit_price": price,
                "unit": unit,
                "currency": currency,
            },
        ]
        request = GenerationRequest("x", **fields)
        return talk(FAL.quote(ENDPOINT, request), answer(200, {"prices": prices}))

    def test_the_price_of_the_endpoint_is_asked_for(self) -> None:
        _, (request,) = self.quote("second")
        assert request.url == (
            "https://api.fal.ai/v1/models/pricing?endpoint_id=fal-ai/pika/v2.2/text-to-video"
        )
        assert request.host == "platform"

    @every_row(
        ("unit", "fields", "micros"),
        [
            ("second", {}, 200_000),
            ("seconds", {"duration": 10}, 400_000),
            ("video_second", {"duration": 5}, 200_000),
            (" Second ", {"extra": {"duration": 10}}, 400_000),
            ("second", {"extra": {"duration": "10"}}, 400_000),
            ("request", {"duration": 10}, 40_000),
            ("videos", {}, 40_000),
            ("second", {"extra": {"duration": "long"}}, None),
            ("second", {"extra": {"duration": None}}, 200_000),
            ("megapixel", {}, None),
            (None, {}, None),
            ("second", {"resolution": "1080p"}, None),
            ("second", {"extra": {"resolution": "1080p"}}, None),
        ],
    )
    def test_it_is_taken_times_what_is_asked_for(self, unit, fields, micros) -> None:
        quoted = self.quote(unit, **fields)[0]
        assert quoted == (None if micros is None else Money(micros))

    @every_row("price", [-0.04, 1e300, "9" * 40, float("inf"), True])
    def test_what_no_price_can_be_is_none(self, price) -> None:
        assert self.quote("second", price)[0] is None

    @every_row(
        ("path", "fields", "micros"),
        [
            ("v2.2/pikaframes", {"keyframes": [IMAGE] * 3}, 400_000),
            ("v2.2/pikaframes", {"keyframes": [IMAGE] * 2, "keyframe_seconds": 3}, 200_000),
            (
                "v2.2/pikaframes",
                {"keyframes": [IMAGE] * 2, "extra": {"transitions": [{"duration": 20}]}},
                None,
            ),
            ("v2.2/pikascenes", {"ingredients": [IMAGE]}, None),
            ("v2.2/pikascenes", {"ingredients": [IMAGE], "resolution": "720p"}, 200_000),
            ("v2/pikaswaps", {"video": VIDEO, "region": "hat"}, None),
            ("v2/pikaswaps", {"video": VIDEO, "region": "hat", "extra": {"duration": 5}}, 200_000),
        ],
    )
    def test_the_seconds_of_each_kind(self, path, fields, micros) -> None:
        quoted = self.quote("second", path=f"fal-ai/pika/{path}", **fields)[0]
        assert quoted == (None if micros is None else Money(micros))

    def test_of_another_endpoint_only_what_costs_by_the_request_is_known(self) -> None:
        known = {"path": "owner/app", "model": "owner/app"}
        assert self.quote("request", **known)[0] == Money(40_000)
        assert self.quote("second", **known)[0] is None

    @every_row(
        ("fields", "micros"),
        [
            ({}, 200_000),
            ({"resolution": "720p"}, 200_000),
            ({"resolution": "1080p"}, None),
            ({"extra": {"resolution": "4k"}}, None),
        ],
    )
    def test_of_another_endpoint_a_large_video_may_cost_more_than_is_printed(
        self, fields, micros
    ) -> None:
        known = {"path": "owner/app", "model": "owner/app", "duration": 5}
        quoted = self.quote("second", **known, **fields)[0]
        assert quoted == (None if micros is None else Money(micros))

    @every_row("fields", [{"keyframes": [IMAGE] * 5}, {"extra": {"transitions": []}}])
    def test_of_another_endpoint_the_steps_between_images_may_be_longer_than_is_said(
        self, fields
    ) -> None:
        """Here four steps of 5 seconds; a budget that reserves 5 seconds would be passed."""
        known = {"path": "owner/app", "model": "owner/app", "duration": 5}
        assert self.quote("second", **known, **fields)[0] is None

    @every_row(
        ("price", "currency"),
        [(None, "USD"), ("x", "USD"), (True, "USD"), (1e400, "USD"), (1, ""), (1, 5)],
    )
    def test_a_price_that_is_none_is_not_told(self, price, currency) -> None:
        assert self.quote("second", price=price, currency=currency)[0] is None

    def test_an_endpoint_without_a_price_is_not_quoted(self) -> None:
        for body in ({"prices": []}, {"prices": None}, {}):
            quoted = talk(FAL.quote(ENDPOINT, GenerationRequest("x")), answer(200, body))[0]
            assert quoted is None

    def test_a_failure_is_an_error(self) -> None:
        with pytest.raises(ServerError):
            talk(FAL.quote(ENDPOINT, GenerationRequest("x")), answer(502, PAGE))

    def test_another_app_has_prices_of_its_own(self) -> None:
        conversation = Fal(app="me/pika").quote(ENDPOINT, GenerationRequest("x"))
        assert next(conversation).url.endswith("endpoint_id=me/pika/v2.2/text-to-video")


class TestBalance:
    def balance(self, response):
        return talk(FAL.balance(ENDPOINT), response)

    def test_it_is_what_is_left(self) -> None:
        credit = {"credits": {"current_balance": 24.5, "currency": "usd"}}
        left, (request,) = self.balance(answer(200, credit))
        assert left == Money(24_500_000)
        assert request.url == "https://api.fal.ai/v1/account/billing?expand=credits"
        assert request.host == "platform"

    @every_row("status", [401, 403])
    def test_a_key_that_may_not_ask_is_told_nothing(self, status) -> None:
        assert self.balance(answer(status, {"error": {"message": "no"}}))[0] is None

    @every_row("body", [{}, {"credits": None}, {"credits": {}}])
    def test_an_answer_without_it_tells_nothing(self, body) -> None:
        assert self.balance(answer(200, body))[0] is None

    def test_a_failure_is_an_error(self) -> None:
        with pytest.raises(ServerError):
            self.balance(answer(500))
