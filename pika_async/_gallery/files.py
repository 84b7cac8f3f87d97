"""Saved videos: found in their folder, and linked from where the page is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import frozen

from pika_async._download.names import spellings

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
        found = whole(folder, file)
        if found is None:
            return None
        try:
            way = os.path.relpath(found, self.page_folder)
        except ValueError:
            # On Windows: it is on another drive.
            return None
        # The colon is quoted, too: the first part might be read as a scheme.
        return quote(Path(way).as_posix().encode("utf-8", "surrogateescape"), safe="/")


def whole(folder: Path, file: SavedFile) -> Path | None:
    """Where ``folder`` has the file, as large as it was saved; None: it has not."""
    # A journal from elsewhere must not make the page show other files of this machine.
    if PurePath(file.name).name != file.name or not file.name.endswith(_VIDEO):
        return None
    for name in spellings(file.name):
        # ValueError: the name has a null character in it.
        with suppress(OSError, ValueError):
            found = (folder / name).stat()
            if S_ISREG(found.st_mode) and found.st_size == file.size:
                return folder / name
    return None


def is_folder(path: Path) -> bool:
    """Whether there is such a folder, and its name can be one."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def holding(files: Sequence[SavedFile], folders: Iterable[Path]) -> list[Path]:
    """Those of ``folders`` that hold some of the files, the one with the most in front."""
    counts = {folder: sum(whole(folder, file) is not None for file in files) for folder in folders}
    return sorted((folder for folder, count in counts.items() if count), key=lambda f: -counts[f])
