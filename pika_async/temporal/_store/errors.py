"""What can go wrong with a store."""

from __future__ import annotations

from pika_async._errors import PikaError


class StoreError(PikaError):
    """What lies in a store could not be written or read, or is damaged.

    Attributes:
        place: The folder or the URL of the store.
        name: What it is about, by its name in the store; None where it is the store as a whole.
    """

    # What it means stands in the message: a store is also read when nothing is to be sent.
    _tells_meaning = False

    def __init__(self, message: str = "", *, place: str, name: str | None = None) -> None:
        super().__init__(message)
        self.place = place
        self.name = name
