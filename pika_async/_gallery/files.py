"""Saved videos: found in their folder, and linked from where the page is."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pika_async._journal.history import SavedFile

_VIDEO: Final = ".mp4"


@frozen(kw_only=True)
class Folder:
    """The folder with a batch's videos, as seen from the page's own folder."""

    path: Path
    page_folder: Path
    also: tuple[Path, ...] = ()
    """More folders to look in: the runs of a journal may have saved in several."""

    def link(self, file: SavedFile) -> str | None:
        """A relative link, or None where the whole file is not there."""
        return next(
            (
                link
                for folder in (self.path, *self.also)
                if (link := self._link_into(folder, file)) is not None
            ),
            None,
        )

    def _link_into(self, folder: Path, file: SavedFile) -> str | None:
        if not is_whole(folder, file):
            return None
        try:
            way = os.path.relpath(folder / file.name, self.page_folder)
        except ValueError:
            # On Windows, another drive.
            return None
        # Also the colon, or the first part might read as a scheme.
        return quote(Path(way).as_posix().encode("utf-8", "surrogateescape"), safe="/")


def is_whole(folder: Path, file: SavedFile) -> bool:
    """Whether ``folder`` has the file, as large as it was saved."""
    # A journal from elsewhere must not make the page show other files of this machine.
    if PurePath(file.name).name != file.name or file.name in ("", ".."):
        return False
    try:
        found = (folder / file.name).stat()
    except (OSError, ValueError):
        # A name with a null in it.
        return False
    return S_ISREG(found.st_mode) and found.st_size == file.size


def holding(files: Sequence[SavedFile], folders: Iterable[Path]) -> list[Path]:
    """Those of ``folders`` that hold some of the files, the one with the most in front."""
    # Where nobody said to look, what is no video is not looked for.
    videos = [file for file in files if file.name.endswith(_VIDEO)]
    counts = {folder: sum(is_whole(folder, file) for file in videos) for folder in folders}
    return sorted((folder for folder, count in counts.items() if count), key=lambda f: -counts[f])
