"""Answers of fal's queue as values, and the dialect that reads them."""

from __future__ import annotations

import json
from typing import Any

from multidict import CIMultiDict

from pika_async.dialects import Endpoint, Fal, Handle, HTTPRequest, HTTPResponse

FAL = Fal()
QUEUE = "https://queue.fal.run"
ENDPOINT = Endpoint(
    base_url=QUEUE,
    api_key="id:secret",
    hosts={"rest": "https://rest.fal.ai", "platform": "https://api.fal.ai/v1"},
)
JOB = f"{QUEUE}/fal-ai/pika/requests/j"
HANDLE = Handle("j")
PAGE = b"<html><head><title>502 Bad Gateway</title></head></html>"


def answer(status: int = 200, body: Any = b"", **headers: str) -> HTTPResponse:
    """``headers``: with underscores for hyphens."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPResponse(status=status, headers=CIMultiDict(named), body=raw)


def talk(conversation: Any, *answers: HTTPResponse) -> tuple[Any, list[HTTPRequest]]:
    """What a conversation means that is given these answers, and what it sent."""
    sent = [next(conversation)]
    try:
        for one in answers:
            asked = conversation.send(one)
            sent.append(asked)
    except StopIteration as ended:
        return ended.value, sent
    raise AssertionError(f"it asks on: {sent[-1]}")


def complaint(message: str, kind: str, *loc: str) -> dict[str, Any]:
    item = {"loc": ["body", *loc], "msg": message, "type": kind, "input": "x" * 20_000}
    return {"detail": [item]}
