"""Where files go before a submit: an address for each, which lives five minutes (WIRE-PIKA 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from pika_async.simulator._rows import denied
from pika_async.simulator._services._service import Arrived, Reply

if TYPE_CHECKING:
    from pika_async.simulator._services._service import World

ADDRESS: Final = "/uploads/"
"""Below this path of the other origin the bytes are put."""
LASTING: Final = "/uploaded/"

_LIFETIME: Final = 300.0
_MEGABYTE: Final = 1024**2
_MOST_BYTES: Final = {"image": 20 * _MEGABYTE, "video": 50 * _MEGABYTE}


@frozen
class Ticket:
    """An address that was given for one file."""

    content_type: str
    size: int
    given_at: float
    headers: Mapping[str, str]


@define
class Uploads:
    """The files of one simulator."""

    tickets: dict[str, Ticket] = field(factory=dict)
    stored: dict[str, bytes] = field(factory=dict)
    """What was brought, by the path of its lasting address."""
    arrived: list[Arrived] = field(factory=list)
    """Every PUT that was accepted."""

    def ticket(self, arrived: Arrived, world: World) -> Reply:
        """Give an address for a file of this type and size."""
        asked = arrived.json or {}
        kind, size = asked.get("content_type"), asked.get("size_bytes")
        if not isinstance(kind, str) or not isinstance(size, int) or size < 1:
            return Reply(422, {"message": "content_type and size_bytes are required"})
        most = _MOST_BYTES.get(kind.partition("/")[0])
        if most is None:
            return Reply(415, {"message": f"unsupported content type {kind}"})
        if size > most:
            return Reply(413, {"message": f"file exceeds {most // _MEGABYTE} MB"})
        name = f"{len(self.tickets) + 1}.{kind.partition('/')[2]}"
        headers = {"Content-Type": kind, "x-amz-meta-name": name}
        self.tickets[name] = Ticket(kind, size, world.clock(), headers)
        return Reply(
            200,
            {
                "upload_url": f"{world.media_origin}{ADDRESS}{name}?X-Amz-Expires=300",
                "headers": headers,
                "url": f"{world.media_origin}{LASTING}{name}",
            },
        )

    def put(self, arrived: Arrived, world: World) -> Reply:
        """Take the bytes, with exactly the headers that were given, and within five minutes."""
        name = arrived.path.removeprefix(ADDRESS)
        ticket = self.tickets.get(name)
        if ticket is None or world.clock() - ticket.given_at > _LIFETIME:
            return _denied("AccessDenied", "Request has expired")
        signed = all(arrived.headers.get(key) == value for key, value in ticket.headers.items())
        if not signed or "X-API-Key" in arrived.headers:
            return _denied("SignatureDoesNotMatch", "The signature does not match")
        self.stored[LASTING + name] = arrived.body
        self.arrived.append(arrived)
        return Reply(200)


def _denied(code: str, says: str) -> Reply:
    return Reply(403, denied(code, says), {"Content-Type": "application/xml"})
