"""What a store can do, and the way from its place to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

from pika_async._errors import ConfigurationError
from pika_async.temporal._store.folder import Folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Store(Protocol):
    """Contents by name. A name is written once; what it holds never changes.

    A name is relative, its parts joined by ``/``, and does not end in ``.part``: ``pages/000000``.
    Every method raises StoreError where the store cannot be used.
    """

    @property
    def place(self) -> str:
        """What :func:`open_store` opens again: an absolute folder, or the URL."""
        ...

    async def create(self, name: str, content: bytes) -> bool:
        """Write it, whole or not at all.

        Returns:
            False where there is one already, of whatever content; it stays.
        """
        ...

    async def create_from(self, name: str, path: Path) -> bool:
        """Write a copy of a local file, whole or not at all.

        Returns:
            False where there is one of the same length already; it stays.

        Raises:
            StoreError: There is one of another length.
        """
        ...

    async def read(self, name: str) -> bytes | None:
        """The content; None where there is none."""
        ...

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """So many bytes of the content, from the byte ``start`` on; None where there is none."""
        ...

    async def size(self, name: str) -> int | None:
        """The length in bytes; None where there is none."""
        ...

    def names(self, prefix: str) -> AsyncIterator[str]:
        """The names in a folder of the store, such as ``results/``, sorted; "" for all."""
        ...

    def local(self, name: str) -> Path | None:
        """The path of it where the store is a folder; whoever writes there makes its folders."""
        ...

    def shown(self, name: str) -> str:
        """Its path or URL, for people."""
        ...


OBJECT_STORES: Final = ("s3", "gs", "az")
"""Those whose credentials obstore finds in the environment."""

_ALLOWED: Final = "a folder, file:///PATH, s3://BUCKET/…, gs://BUCKET/… or az://CONTAINER/…"


def open_store(place: str | os.PathLike[str]) -> Store:
    """The store at a place; nothing is made there yet.

    Args:
        place: A folder, which need not exist yet; ``file://``, ``s3://``, ``gs://`` or ``az://``.
            ``memory://NAME`` is a store of this process alone, for tests. Credentials are read
            from the environment, such as ``AWS_ACCESS_KEY_ID``.

    Raises:
        ConfigurationError: There can be no store there, or the extra ``store`` is not installed.
    """
    text = os.fspath(place)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise _refused(f"{text!r} is not allowed; allowed is {_ALLOWED}")
    if "://" not in text:
        return _folder(text)
    scheme = text.partition("://")[0].lower()
    if scheme not in ("file", "memory", *OBJECT_STORES):
        raise _refused(f"a store of the kind {scheme}:// is not known; allowed is {_ALLOWED}")
    url = _split(text)
    if scheme == "file":
        if url.hostname not in (None, "localhost"):
            raise _refused("a file:// URL names a folder of this machine: file:///PATH")
        return _folder(url2pathname(url.path))
    if not url.netloc:
        raise _refused(f"{scheme}:// lacks the name of a bucket or container")
    return _objects(scheme, f"{scheme}://{url.netloc}{url.path}".rstrip("/"))


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        secretive = "@" in url.netloc or url.port is not None
    except ValueError:
        raise _refused(f"this is no URL; allowed is {_ALLOWED}") from None
    # The place is written down in the engine and shown to people; secrets have no place in it.
    if secretive or "?" in text or "#" in text:
        raise _refused(
            "a URL with a user, a port, a ? or a # in it is not allowed; credentials and "
            "endpoints are read from the environment, such as AWS_ACCESS_KEY_ID and "
            "AWS_ENDPOINT_URL"
        )
    return url


def _folder(text: str) -> Folder:
    path = os.path.abspath(text)  # noqa: PTH100 - resolve() would follow links
    if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112 - raises for nothing
        raise _refused(f"{path!r} is a file, and a store is a folder")
    return Folder(path)


def _objects(scheme: str, place: str) -> Store:
    try:
        # 16 MB that folders do without.
        from pika_async.temporal._store.objects import open_objects  # noqa: PLC0415
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise
        raise _refused(
            f"{scheme}:// needs obstore, which is not installed: "
            "pip install '/path/to/clone[store]'"
        ) from error
    return open_objects(place)


def _refused(problem: str) -> ConfigurationError:
    return ConfigurationError(problem, setting="store")
