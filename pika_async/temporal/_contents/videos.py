"""Videos in the store of a campaign."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pika_async._errors import DownloadError, TargetExistsError
from pika_async._settled import settled
from pika_async.temporal._store.errors import StoreError

if TYPE_CHECKING:
    from pika_async import PikaClient, Video
    from pika_async.temporal._store.store import Store


async def save_video(client: PikaClient, video: Video, store: Store, name: str) -> None:
    """Save a video under a name that is its job's alone; where it is saved already, that is all.

    Raises:
        DownloadError: It could not be saved; the video stays paid for.
    """
    path = store.local(name)
    if path is not None:
        await downloaded(client, video, path)
        return
    try:
        # What has the name is whole.
        if await store.size(name) is None:
            await _sent_on(client, video, store, name)
    except StoreError as error:
        raise DownloadError(str(error), job_id=video.job_id) from error


async def _sent_on(client: PikaClient, video: Video, store: Store, name: str) -> None:
    # Named before it is made: whoever is cancelled in between knows what to remove.
    folder = Path(tempfile.gettempdir(), f"pika-{secrets.token_hex(8)}")
    try:
        try:
            await settled(partial(folder.mkdir, mode=0o700))
        except OSError as error:
            raise StoreError(
                f"{str(folder)!r} could not be made: {error.strerror or error}.",
                place=store.place,
                name=name,
            ) from error
        path = folder / "video.mp4"
        await downloaded(client, video, path)
        await store.create_from(name, path)
    finally:
        await settled(partial(shutil.rmtree, folder, ignore_errors=True))


async def downloaded(client: PikaClient, video: Video, path: Path) -> None:
    """Download a video to a path that is its job's alone, unless an earlier attempt has done it.

    Raises:
        DownloadError: It could not be saved; the video stays paid for.
    """
    # What has the name is whole.
    with suppress(TargetExistsError):
        await client.download(video, path)
