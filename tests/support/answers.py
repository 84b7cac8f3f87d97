"""HTTP answers made from values."""

from __future__ import annotations

import json
from typing import Any

from multidict import CIMultiDict

from pika_async.dialects import HTTPResponse


def answer(body: Any = b"", status: int = 200, **headers: str) -> HTTPResponse:
    """Bytes as they are, anything else as JSON; headers with underscores for hyphens."""
    return HTTPResponse(
        status=status,
        headers=CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}),
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )
