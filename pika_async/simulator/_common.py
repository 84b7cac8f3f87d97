"""What goes wrong at any service: connections, the proxies in front of it, and media hosts."""

from __future__ import annotations

from typing import Final

from pika_async.simulator._rows import (
    API,
    CREATES,
    EVERYWHERE,
    FILE,
    POLL,
    REFUSES,
    FaultRow,
    denied,
    page,
)

_CDN = "cloudflare"
_HOME = "<!doctype html>\n<html><head><title>Welcome</title></head><body></body></html>"
_PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:5.0,\nsegment0.ts\n#EXT-X-ENDLIST\n"
_VIDEO = {"Content-Type": "video/mp4"}
_RETRY = {"Retry-After": "1"}
_CHALLENGE = {"Server": _CDN, "cf-mitigated": "challenge"}


COMMON: Final = (
    # Too much, for now.
    FaultRow("429-empty", EVERYWHERE, 429, REFUSES, "limits of the service, without a word"),
    FaultRow("429-retry-after-seconds", EVERYWHERE, 429, REFUSES, "a proxy's limit",
             page("429 Too Many Requests"), headers=_RETRY),
    FaultRow("429-retry-after-date", EVERYWHERE, 429, REFUSES, "a proxy's limit, with a date",
             page("429 Too Many Requests"), headers={"Retry-After": "date"}),
    FaultRow("503-retry-after", EVERYWHERE, 503, REFUSES, "a proxy's pause",
             page("503 Service Temporarily Unavailable"), headers=_RETRY),
    # Proxies and firewalls in front.
    FaultRow("401-empty", API, 401, REFUSES, "a proxy refuses without a word"),
    FaultRow("401-html", API, 401, REFUSES, "a proxy wants a login of its own",
             page("401 Authorization Required")),
    FaultRow("403-empty", API, 403, REFUSES, "a firewall refuses without a word"),
    FaultRow("403-challenge", API, 403, REFUSES, "a firewall wants to see a browser",
             page("Just a moment...", _CDN), headers=_CHALLENGE),
    FaultRow("404-empty", API, 404, REFUSES, "a proxy knows no such path, without a word"),
    FaultRow("404-html", API, 404, REFUSES, "a proxy knows no such path", page("404 Not Found")),
    FaultRow("413-html", ("submit",), 413, REFUSES, "image too large for a proxy",
             page("413 Request Entity Too Large")),
    FaultRow("500-empty", EVERYWHERE, 500, CREATES, "unknown"),
    FaultRow("502-html", EVERYWHERE, 502, REFUSES, "proxy: unknown", page("502 Bad Gateway")),
    FaultRow("503-html", EVERYWHERE, 503, CREATES, "proxy: unknown",
             page("503 Service Temporarily Unavailable")),
    FaultRow("504-html", EVERYWHERE, 504, CREATES, "proxy: unknown", page("504 Gateway Time-out")),
    FaultRow("504-empty", EVERYWHERE, 504, REFUSES, "proxy: unknown"),
    FaultRow("520-html", EVERYWHERE, 520, CREATES, "proxy: unknown",
             page("520: Web server returned an unknown error", _CDN)),
    FaultRow("524-html", EVERYWHERE, 524, CREATES, "proxy: unknown",
             page("524: A timeout occurred", _CDN)),
    FaultRow("408", EVERYWHERE, 408, REFUSES, "the request took too long: unknown"),
    FaultRow("425", EVERYWHERE, 425, REFUSES, "too early"),
    FaultRow("redirect-other-origin", API, 307, REFUSES, "another host wants the request",
             does="redirect"),
    # 200, and yet no answer of any service.
    FaultRow("200-html", API, 200, REFUSES, "wrong base URL, or a service without Pika", _HOME),
    FaultRow("200-empty", API, 200, CREATES, "nothing in the answer"),
    FaultRow("200-list", API, 200, CREATES, "JSON, but no object", []),
    # The connection.
    FaultRow("reset-before", EVERYWHERE, None, REFUSES, "reset before the work was done",
             does="reset"),
    FaultRow("reset-after", EVERYWHERE, None, CREATES, "reset after the work was done",
             does="reset"),
    FaultRow("closed-before", EVERYWHERE, None, REFUSES, "closed before the work was done",
             does="close"),
    FaultRow("closed-after", EVERYWHERE, None, CREATES, "closed after the work was done",
             does="close"),
    FaultRow("truncated", EVERYWHERE, None, CREATES, "half of the answer, then closed",
             does="truncate"),
    FaultRow("stalled", EVERYWHERE, None, CREATES, "half of the answer, then silence",
             does="stall"),
    FaultRow("slow-headers", EVERYWHERE, None, CREATES, "silence before the answer",
             does="delay"),
    # As the service answers somebody who did not make the job.
    FaultRow("other-key", POLL, None, REFUSES, "the job of another key", does="other-key"),
    # Media.
    FaultRow("400-expired", FILE, 400, REFUSES, "the link has expired", denied("RequestExpired")),
    FaultRow("401-expired", FILE, 401, REFUSES, "the link has expired"),
    FaultRow("403-expired", FILE, 403, REFUSES, "the link has expired", denied("AccessDenied")),
    FaultRow("404-expired", FILE, 404, REFUSES, "the link has expired", denied("NoSuchKey")),
    FaultRow("410-expired", FILE, 410, REFUSES, "the link has expired"),
    FaultRow("202-copying", FILE, 202, REFUSES, "the file is still being copied to this host",
             {"status": "copying"}),
    FaultRow("409-copying", FILE, 409, REFUSES, "the file is still being copied to this host",
             headers=_RETRY),
    FaultRow("416-range", FILE, 416, REFUSES, "no such range"),
    FaultRow("html", FILE, 200, REFUSES, "a page in place of the file",
             page("Just a moment...", _CDN)),
    FaultRow("json", FILE, 200, REFUSES, "an error that is declared to be a video",
             {"error": "limit"}, headers=_VIDEO),
    FaultRow("playlist", FILE, 200, REFUSES, "an HLS playlist that is declared to be a video",
             _PLAYLIST, headers=_VIDEO),
    FaultRow("mislabelled", FILE, None, CREATES, "the true file, declared to be a page",
             does="mislabelled"),
    FaultRow("cut", FILE, None, CREATES, "breaks off half way of what was asked for",
             does="truncate"),
    FaultRow("redirect", FILE, 302, REFUSES, "the same file at another origin", does="redirect"),
    FaultRow("redirect-loop", FILE, 302, REFUSES, "leads back to itself", does="redirect-loop"),
    FaultRow("ignores-range", FILE, None, CREATES, "200 from the start for a range",
             does="ignore-range"),
    FaultRow("range-wrong", FILE, None, CREATES, "206 with another offset than asked for",
             does="wrong-range"),
    FaultRow("changed", FILE, None, CREATES, "the file was replaced: new ETag, If-Range fails",
             does="changed"),
    FaultRow("no-length", FILE, None, CREATES, "chunked, without a length", does="no-length"),
    FaultRow("no-validators", FILE, None, CREATES, "neither ETag nor Last-Modified",
             does="no-validators"),
    FaultRow("length-too-long", FILE, None, CREATES, "announces twice as many bytes as come",
             does="length-too-long"),
    FaultRow("length-too-short", FILE, None, CREATES, "announces half as many bytes as come",
             does="length-too-short"),
    # Whatever a test needs: Fault("custom", status=..., body=..., headers=..., started=...).
    FaultRow("custom", EVERYWHERE, None, REFUSES, "status, body and headers as given"),
)  # fmt: skip
"""Rows that every service has beside its own."""

VARIANTS: Final = {
    "odd-ids": "ids are not UUIDs and must be quoted in a path",
    "number-ids": "ids are whole numbers, and stand in JSON as numbers",
    "several-videos": "a job makes three videos, which finish one after the other",
    "mixed-outcomes": "a job makes two videos or more, of which the last fails",
    "links-expire": "every answer makes new links; all but the newest are answered with 403",
    "links-for-once": "every answer makes new links; each works once, and breaks off after 40 %",
    "links-refuse-keys": "links are answered with 403 where a request brings the API key along",
    "lagging": "answers are up to 15 s behind; with Polls, one poll",
}
"""Body variants that any service can follow, since the jobs and the media host know them."""
