"""What a service said of a job that goes on, kept in the bytes it came in until somebody asks.

Hardly anybody asks. An answer of 260 bytes takes 1.8 KB decoded, in a dozen objects and more, some
of which are looked through whenever garbage is collected. In its bytes it is one object of 290. A
batch has one of them for each of 10,000 jobs in flight.
"""

from __future__ import annotations

import json
from typing import Any


class Decoding:
    """Stands before the place of an attribute: bytes that are put there are read decoded.

    Made of the class's own ``__slots__`` entry, it takes no place of its own.
    """

    def __init__(self, place: Any) -> None:
        self._get = place.__get__
        self._set = place.__set__

    def __get__(self, owner: object, kind: type | None = None) -> Any:
        """The value; decoded once, so that it is the same object each time."""
        if owner is None:
            return self
        value = self._get(owner, kind)
        return self._read(owner, value) if type(value) is bytes else value

    def _read(self, owner: object, body: bytes) -> Any:
        # As patient with line ends as whoever read the answer first.
        value = json.loads(body, strict=False)
        there = self._get(owner, None)
        if type(there) is not bytes:
            # Another thread has read it in the meantime. No lock: it would make sure of the few
            # instructions from here on, in which two threads may still be given equal objects.
            return there
        self._set(owner, value)
        return value

    def __set__(self, owner: object, value: object) -> None:
        """Put it there; bytes are a JSON value, which is known to be one."""
        self._set(owner, value)
