"""Saved videos: found in their folder, and linked from where the page is."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import frozen

if TYPE_CHECKING:
    from pika_async._journal.history import SavedFile


@frozen(kw_only=True)
class Folder:
    """The folder with a batch's videos, as seen from the page's own folder."""

    path: Path
    page_folder: Path

    def link(self, file: SavedFile) -> str | None:
        """A relative link, or None where the whole file is not there."""
        # A journal from elsewhere must not make the page show other files of this machine.
        if PurePath(file.name).name != file.name or file.name in ("", ".."):
            return None
        target = self.path / file.name
        try:
            found = target.stat()
            if not S_ISREG(found.st_mode) or found.st_size != file.size:
                return None
            way = os.path.relpath(target, self.page_folder)
        except (OSError, ValueError):
            # A name with a null in it; or on Windows, another drive.
            return None
        # Also the colon, or the first part might read as a scheme.
        return quote(Path(way).as_posix().encode("utf-8", "surrogateescape"), safe="/")
