"""The mark by which a page is known as one that was made of a journal, and is as it was made."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MARK: Final = re.compile(
    rb"\n<!-- pika-async report of (?P<journal>[\w.%~]+) sha256:(?P<digest>[0-9a-f]{64}) -->\s*\Z"
)
# More than the longest name, each byte of which is written with three.
_LENGTH: Final = 2_048
_PIECE: Final = 1 << 20


def marked(pieces: Iterable[str], journal: Path) -> Iterator[str]:
    """A page with its mark as the last line."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.encode())
        yield piece
    yield f"\n<!-- pika-async report of {_written(journal)} sha256:{digest.hexdigest()} -->"


def is_page_of(path: Path, journal: Path) -> bool:
    """Whether the file is a page of a journal of this name, and nobody has changed it since."""
    try:
        # To open a pipe would wait for its other end.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LENGTH))
            found = _MARK.search(file.read())
            if found is None or found["journal"].decode() != _written(journal):
                return False
            left = max(0, size - _LENGTH) + found.start()
            digest = hashlib.sha256()
            file.seek(0)
            while left and (piece := file.read(min(left, _PIECE))):
                digest.update(piece)
                left -= len(piece)
    except (OSError, ValueError):
        return False
    return digest.hexdigest() == found["digest"].decode()


def _written(journal: Path) -> str:
    # Two hyphens would end the comment.
    return quote(journal.name.encode("utf-8", "surrogateescape"), safe="").replace("-", "%2D")
