"""A bucket that speaks as much of S3 as a store needs, on a real socket, with faults."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from aiohttp import web
from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAME = "bucket"
SECRET = "s3cr3t-of-the-bucket"  # noqa: S105 - of the bucket here


@define
class Bucket:
    """What lies in it, and what goes wrong next."""

    objects: dict[str, bytes] = field(factory=dict)
    marks: dict[str, Mapping[str, str]] = field(factory=dict)
    keeps_marks: bool = True
    asked: list[str] = field(factory=list)
    faults: list[str] = field(factory=list)
    """For each request that writes, first come first served: "lost" is accepted and not answered,
    "cut" is neither, "late" lets another writer be first, and is lost."""
    parts: dict[str, bytes] = field(factory=dict)
    knows_ranges: bool = True
    missing: bool = False
    forbidden: bool = False
    url: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What obstore reads."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911
        """One request; one return for each kind."""
        key = request.path.removeprefix(f"/{NAME}").lstrip("/")
        self.asked.append(f"{request.method} {key}")
        if self.missing:
            return _error(404, "NoSuchBucket", "The specified bucket does not exist")
        if self.forbidden:
            return _error(403, "AccessDenied", "Access Denied")
        match request.method:
            case "PUT" if "partNumber" in request.query:
                self.parts[request.query["partNumber"]] = await request.read()
                return web.Response(headers={"ETag": '"part"'})
            case "PUT":
                return await self._put(request, key)
            case "POST" if "uploads" in request.query:
                return _xml(
                    f"<InitiateMultipartUploadResult><Bucket>{NAME}</Bucket><Key>{key}</Key>"
                    "<UploadId>1</UploadId></InitiateMultipartUploadResult>"
                )
            case "POST":
                await request.read()
                found = sorted(self.parts.items(), key=lambda one: int(one[0]))
                self.objects[key] = b"".join(part for _, part in found)
                self.parts.clear()
                return _xml(
                    f"<CompleteMultipartUploadResult><Bucket>{NAME}</Bucket><Key>{key}</Key>"
                    "<ETag>whole</ETag></CompleteMultipartUploadResult>"
                )
            case _ if "list-type" in request.query:
                return self._list(request.query.get("prefix", ""))
            case _:
                return self._get(key, request.headers.get("Range"))

    async def _put(self, request: web.Request, key: str) -> web.StreamResponse:
        body = await request.read()
        fault = self.faults.pop(0) if self.faults else None
        if fault == "late":
            self.objects[key], self.marks[key] = b"of another", {"x-amz-meta-pikawriter": "another"}
        elif fault == "busy":
            return _error(503, "SlowDown", "Please reduce your request rate.")
        elif fault == "denied":
            return _error(403, "AccessDenied", "Access Denied")
        elif fault != "cut":
            if key in self.objects and request.headers.get("If-None-Match") == "*":
                return _error(412, "PreconditionFailed", "There is one")
            self.objects[key] = body
            meta = {n.lower(): v for n, v in request.headers.items() if n.lower()[:6] == "x-amz-"}
            self.marks[key] = {n: v for n, v in meta.items() if n.startswith("x-amz-meta-")}
        if fault is not None:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(headers={"ETag": _tag(body)})

    def _get(self, key: str, wanted: str | None) -> web.StreamResponse:
        if key not in self.objects:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        marks = self.marks.get(key, {}) if self.keeps_marks else {}
        body = self.objects[key]
        changed = "Sat, 28 Nov 2026 12:00:00 GMT"
        headers = {"ETag": _tag(body), "Last-Modified": changed, **marks}
        if wanted is None or not self.knows_ranges:
            return web.Response(body=body, headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        part = body[int(first) : int(last) + 1]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        return web.Response(status=206, body=part, headers=headers)

    def _list(self, prefix: str) -> web.StreamResponse:
        # Not sorted: some services that speak S3 do not sort either.
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size><ETag>x</ETag>"
            "<LastModified>2026-11-28T12:00:00.000Z</LastModified></Contents>"
            for key, body in reversed(self.objects.items())
            if key.startswith(prefix)
        )
        return _xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")


def _tag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()}"'


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/xml")


def _error(status: int, code: str, message: str) -> web.Response:
    text = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")


@asynccontextmanager
async def bucket() -> AsyncIterator[Bucket]:
    """One, on a port of its own."""
    made = Bucket()
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{rest:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    try:
        yield made
    finally:
        await runner.cleanup()
