"""aioresponses, made to work with today's aiohttp."""

from __future__ import annotations

import inspect
from typing import Any

import aiohttp

_WANTS_WRITER = "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters


class _StreamWriter:
    output_size = 0


class RepairedResponse(aiohttp.ClientResponse):
    """aioresponses 0.7.9 hands over no stream writer, which aiohttp from 3.14 on wants.

    https://github.com/pnuckowski/aioresponses/issues/289
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _WANTS_WRITER:
            kwargs.setdefault("stream_writer", _StreamWriter())
        super().__init__(*args, **kwargs)
