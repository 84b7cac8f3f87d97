"""What a row of the catalogue of faults says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

Place: TypeAlias = Literal[
    "submit",
    "poll",
    "download",
    # At services where these are requests of their own:
    "result",  # what a job made, once a poll has said that it is done
    "ticket",  # a place for bytes that are to go up
    "upload",  # bytes that go up before a submit
    "platform",  # history, prices, balance
]
Body: TypeAlias = "Mapping[str, Any] | list[Any] | str | bytes"
Does: TypeAlias = Literal[
    # The row's answer, or the true one where the row has none, is sent ...
    "answer",  # whole
    "redirect",  # with a Location at the other origin
    "reset",  # not at all: RST
    "close",  # not at all: FIN
    "truncate",  # half, with the length of the whole, then FIN
    "stall",  # half, then silence, then the rest
    "delay",  # after a silence
    "other-key",  # as to somebody who did not make the job
    # ... and for media:
    "redirect-loop",  # with a Location at itself
    "ignore-range",  # from the start, whatever was asked for
    "wrong-range",  # from another offset than was asked for
    "changed",  # as of a file that was replaced since
    "mislabelled",  # declared to be a page
    "no-length",  # in chunks, without a length
    "no-validators",  # without ETag and Last-Modified
    "length-too-long",  # announcing twice as many bytes as come
    "length-too-short",  # announcing half as many bytes as come
]


@frozen
class FaultRow:
    """A row of the catalogue."""

    name: str
    places: tuple[Place, ...]
    """Where it makes sense; the first is the default of `Fault.on`."""
    status: int | None
    """The HTTP status; None: the true answer, spoilt in the way that `does` says."""
    started: bool
    """Whether the server does its work nonetheless: on submit, whether the job is created."""
    says: str
    """When this happens, in a few words."""
    body: Body = b""
    """A mapping or list is sent as JSON, text as a page, bytes as they are."""
    does: Does = field(default="answer", kw_only=True)
    """What becomes of the answer."""
    headers: Mapping[str, str] = field(factory=dict, kw_only=True)
    """Headers beside Content-Type and the id of the request; {job_id} stands for the id of the job
    that the request made."""


API: tuple[Place, ...] = ("submit", "poll", "result")
EVERYWHERE: tuple[Place, ...] = ("submit", "poll", "download", "result")
POLL: tuple[Place, ...] = ("poll",)
FILE: tuple[Place, ...] = ("download",)
TICKET: tuple[Place, ...] = ("ticket",)
UPLOAD: tuple[Place, ...] = ("upload",)

# Where nobody outside can know whether the job was started, some rows create it and some do not,
# so that a client that guesses is found out either way.
CREATES, REFUSES = True, False


def page(title: str, server: str = "nginx") -> str:
    """The page that a proxy answers with in place of the service."""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )


def denied(code: str, message: str = "") -> str:
    """The XML with which a store of files refuses a request."""
    told = f"<Message>{message}</Message>" if message else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>{told}</Error>'
