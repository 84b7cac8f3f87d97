"""What has come of an answer: one that broke off may have said all that it had to say."""

from __future__ import annotations

import json
import time

import aiohttp
from aiohttp.hdrs import CONTENT_ENCODING
from attrs import define, field

from pika_async._http import HTTPResponse
from pika_async._wire.transport.packing import unpacked


@define
class Came:
    """The answer to a submit, as far as it has come."""

    head: aiohttp.ClientResponse | None = field(default=None, repr=False)
    pieces: bytearray = field(factory=bytearray, repr=False)

    def forget(self) -> None:
        """Hold it no longer: an error is kept with its frames, and an answer may be megabytes."""
        self.head, self.pieces = None, bytearray()

    def whole(self, most: int) -> HTTPResponse | None:
        """The answer, where a whole JSON object has come; else None.

        Servers and proxies announce more than they send, forget to say that this was all, or close
        too early. What was cut off is no whole object, and an object may name a paid job.

        Args:
            most: Bytes of the largest answer that is believed.
        """
        if self.head is None:
            return None
        body = unpacked(bytes(self.pieces), self.head.headers.get(CONTENT_ENCODING, ""), most)
        try:
            is_object = body is not None and isinstance(json.loads(body), dict)
        except (ValueError, RecursionError):
            return None
        if body is None or not is_object:
            return None
        return HTTPResponse(
            status=self.head.status, headers=self.head.headers, body=body, received_at=time.time()
        )
