"""What the gateway's tests share: recorded payloads, and answers made from values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from pika_async.dialects import Endpoint, HTTPResponse

PAYLOADS = Path(__file__).parent / "payloads"


@pytest.fixture(scope="session")
def payload():
    """A recorded payload by its name."""

    def load(name: str) -> Any:
        return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))

    return load


@pytest.fixture(scope="session")
def answer():
    """An HTTP answer: bytes as they are, anything else as JSON."""

    def make(
        body: Any = b"", status: int = 200, headers: Any = (), received_at: float = 0.0
    ) -> HTTPResponse:
        return HTTPResponse(
            status=status,
            headers=CIMultiDict(headers),
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            received_at=received_at,
        )

    return make


@pytest.fixture(scope="session")
def endpoint() -> Endpoint:
    return Endpoint(base_url="https://gateway.example/prefix", api_key="sk-secret")
