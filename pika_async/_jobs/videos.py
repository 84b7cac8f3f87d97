"""The videos of one client's jobs on their way to the disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pika_async._download.targets import in_folder
from pika_async._settled import settled

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import Path

    from pika_async._download.downloader import Downloader
    from pika_async._jobs.origins import Origins
    from pika_async._states import Video


class Videos:
    """Saves videos by what is known of their jobs: the names of the files, and links anew."""

    def __init__(self, downloader: Downloader, origins: Origins) -> None:
        self.downloader = downloader
        self._origins = origins

    async def save(
        self,
        video: Video,
        path: str | os.PathLike[str],
        *,
        overwrite: bool,
        on_progress: Callable[[int, int | None], None] | None,
    ) -> Path:
        """Save a video as a file, or in a folder under a name that tells its job.

        Returns:
            The path of the file.

        Raises:
            DownloadError: It could not be saved; the video stays paid for.
        """
        origin = self._origins.of(video)
        return await self.downloader.download(
            video,
            await settled(partial(in_folder, path, origin.prompt, origin.name, origin.place)),
            overwrite=overwrite,
            renew=partial(self._origins.renewed, video),
            on_progress=on_progress,
        )

    async def save_as(self, video: Video, path: Path, *, overwrite: bool, renewable: bool) -> None:
        """Save a video as exactly this file.

        ``renewable``: whether a poll may renew its link.

        Raises:
            DownloadError: It could not be saved; the video stays paid for.
        """
        renew = partial(self._origins.renewed, video) if renewable else None
        await self.downloader.download(video, path, overwrite=overwrite, renew=renew)
