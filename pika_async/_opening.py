"""How far a client has come. One that is not open sends nothing, and each is opened once."""

from __future__ import annotations

from enum import Enum

from pika_async._errors import ClientStateError


class _Status(Enum):
    """How far, in the words of the errors."""

    NEW = "has not been opened"
    OPEN = "is open already"
    CLOSED = "has been closed"


class Opening:
    """New, then open, then closed."""

    def __init__(self) -> None:
        self._status = _Status.NEW

    def check_new(self) -> None:
        """Check that the client may be opened.

        Raises:
            ClientStateError: It is open, or has been closed.
        """
        if self._status is not _Status.NEW:
            raise ClientStateError(
                f"this PikaClient {self._status.value}; a client is opened once: share "
                "the open one, or make another"
            )

    def check_open(self) -> None:
        """Check that the client may be used.

        Raises:
            ClientStateError: It has not been opened, or has been closed.
        """
        if self._status is not _Status.OPEN:
            raise ClientStateError(
                f"this PikaClient {self._status.value}; use it inside "
                "`async with PikaClient(...) as client:`"
            )

    def opened(self) -> None:
        """It may be used from now on."""
        self._status = _Status.OPEN

    def closed(self) -> None:
        """It may not be used any more."""
        self._status = _Status.CLOSED
