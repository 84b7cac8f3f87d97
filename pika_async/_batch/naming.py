"""The name that a video of a batch is saved under: the one it has, and else a new one."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pika_async._download.names import spellings, video_name
from pika_async._download.targets import SUFFIX
from pika_async._settled import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pika_async._batch.known import Known
    from pika_async._journal.history import SavedFile


async def place_of(
    folder: Path,
    known: Known,
    prompt: str,
    job_id: str,
    place: int,
    *,
    number: int,
    takes_letters: bool,
) -> tuple[Path, SavedFile | None]:
    """Where one of the videos of a job is, or is to be saved; and what was saved there before.

    Args:
        folder: Where the batch saves its videos.
        known: What the journal tells of the request.
        prompt: What it asks for.
        job_id: The job.
        place: Which of its videos it is, from 0.
        number: The number of the request, by which its files are named.
        takes_letters: Whether names in the folder may have letters of any script.
    """
    before = _saved_as(known.files, place)
    if before is not None and (takes_letters or before.name.isascii()):
        return await _there(folder, spellings(before.name)), before
    plainest = video_name(number, prompt, job_id, place, ascii_only=True)
    name = video_name(number, prompt, job_id, place) if takes_letters else plainest
    if known.resumed:
        # An earlier run may have saved it, in whole or in part, and ended before that was written
        # down. An older version may have named it in another way.
        return await _there(folder, [*spellings(name), plainest]), None
    return folder / name, None


# A journal may come from anywhere: its names must not lead out of the folder.
_A_NAME: Final = re.compile(r"[^/\\:\x00-\x1f]+\.mp4")


def _saved_as(files: Iterable[SavedFile], place: int) -> SavedFile | None:
    for file in files:
        if file.place == place and _A_NAME.fullmatch(file.name):
            with suppress(UnicodeEncodeError):
                os.fsencode(file.name)
                return file
    return None


async def _there(folder: Path, names: Iterable[str]) -> Path:
    """The first of the names that is there, whole or in part; the first one if none is."""
    first, *others = [folder / name for name in dict.fromkeys(names)]
    # Most names are spelt in one way only, and nothing is asked.
    for path in (first, *others) if others else ():
        for one in (path, path.with_name(path.name + SUFFIX)):
            if await in_thread(one.exists):
                return path
    return first
