"""A store in a bucket: S3, Google Cloud Storage, Azure, and one in memory for tests.

obstore retries what it may. A create that was accepted and whose answer was lost is met again as
"there is one already": so every object carries a mark of the call that made it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import obstore
from attrs import field, frozen
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import MemoryStore, ObjectStore, from_url

from pika_async._errors import ConfigurationError
from pika_async._settled import settled
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.naming import folder, parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

T = TypeVar("T")

# Letters alone: Azure takes no hyphens in the names of its metadata.
_MARK: Final = "pikawriter"
_ONE_PUT: Final = 8 * 1024 * 1024
"""Bytes up to which a file is sent in one request, from memory: only that can be create-only. More
would not pass a slow line in the 30 seconds that obstore allows a request."""
_UPLOADS: Final = 8
_PARTS_AT_ONCE: Final = 4
_LONGEST_REASON: Final = 300
# Where the container itself is missing, nothing can be said of what is in it.
_NO_CONTAINER: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist")
# What obstore and Python raise; some of its errors are those of the standard library.
_FAILURES: Final = (BaseError, OSError, ValueError)


def open_objects(place: str) -> Objects:
    """The store of a URL.

    Raises:
        ConfigurationError: obstore does not take the URL, or what it finds in the environment.
    """
    if place.startswith("memory://"):
        return Objects(place, _memory(place))
    try:
        # Without options: any would put away what the environment says, such as plain http.
        return Objects(place, from_url(place))
    except _FAILURES as error:
        raise ConfigurationError(
            f"{place} cannot be opened: {_reason(error)}.", setting="store"
        ) from None


@cache
def _memory(_: str) -> MemoryStore:
    return MemoryStore()


@frozen(eq=False)
class Objects:
    """A store in a bucket, or under a prefix in one."""

    place: str
    _bucket: ObjectStore
    _uploads: asyncio.Semaphore = field(factory=partial(asyncio.Semaphore, _UPLOADS), init=False)

    async def create(self, name: str, content: bytes) -> bool:
        """See ``Store``."""
        mark, key = secrets.token_hex(16), _key(name)
        try:
            await obstore.put_async(
                self._bucket,
                key,
                content,
                mode="create",
                use_multipart=False,
                attributes={_MARK: mark},
            )
        except AlreadyExistsError:
            return await self._is_ours(name, mark, content)
        except _FAILURES as error:
            # Its answer may be lost after it was accepted.
            failed = self._failed(name, "written", error)
            if not await self._is_there(name):
                raise failed from None
            return await self._is_ours(name, mark, content)
        return True

    async def create_from(self, name: str, path: Path) -> bool:
        """See ``Store``; above 8 MB two writers of the same name replace each other's, whole."""
        try:
            size = (await settled(path.stat)).st_size
        except OSError as error:
            raise self._failed(name, "written", error) from error
        there = await self.size(name)
        made = False
        if there is None:
            async with self._uploads:
                made = await self._uploaded(name, path, size)
            there = size if made else await self.size(name)
        if there != size:
            raise StoreError(
                f"{self.shown(name)} has {there} bytes, and {size} were to be written; it was left "
                "as it is. Move it away if it is not wanted.",
                place=self.place,
                name=name,
            )
        return made

    async def _uploaded(self, name: str, path: Path, size: int) -> bool:
        try:
            if size <= _ONE_PUT:
                return await self.create(name, await settled(path.read_bytes))
            await obstore.put_async(
                self._bucket,
                _key(name),
                path,
                mode="overwrite",
                use_multipart=True,
                max_concurrency=_PARTS_AT_ONCE,
            )
        except _FAILURES as error:
            raise self._failed(name, "written", error) from None
        return True

    async def _is_there(self, name: str) -> bool:
        try:
            return await self.size(name) is not None
        except StoreError:
            return False

    async def _is_ours(self, name: str, mark: str, content: bytes) -> bool:
        """Whether what is there was made by the call with this mark."""
        try:
            found = await obstore.get_async(self._bucket, _key(name))
            made_by = found.attributes.get(_MARK)
            if made_by is not None:
                return made_by == mark
            # A store that keeps no marks: then equal content is as good as ours.
            return bytes(await found.bytes_async()) == content
        except _FAILURES as error:
            raise self._failed(name, "read", error) from None

    async def read(self, name: str) -> bytes | None:
        """See ``Store``."""
        key = _key(name)

        async def whole() -> bytes:
            found = await obstore.get_async(self._bucket, key)
            return bytes(await found.bytes_async())

        return await self._if_there(name, whole)

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """See ``Store``."""
        asking = partial(
            obstore.get_range_async, self._bucket, _key(name), start=start, length=length
        )
        part = await self._if_there(name, asking)
        return None if part is None else bytes(part)

    async def size(self, name: str) -> int | None:
        """See ``Store``."""
        head = await self._if_there(name, partial(obstore.head_async, self._bucket, _key(name)))
        return None if head is None else head["size"]

    async def _if_there(self, name: str, asking: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await asking()
        except FileNotFoundError as error:
            if _NO_CONTAINER.search(str(error)):
                raise self._failed(name, "read", error) from None
            return None
        except _FAILURES as error:
            raise self._failed(name, "read", error) from None

    async def names(self, prefix: str) -> AsyncIterator[str]:
        """See ``Store``; all of them in memory, since not every service sorts them."""
        within, found = folder(prefix) or None, list[str]()
        try:
            async for some in obstore.list(self._bucket, within):
                found += [one["path"] for one in some]
        except _FAILURES as error:
            raise self._failed(prefix, "listed", error) from None
        for name in sorted(found):
            yield name

    def local(self, name: str) -> Path | None:
        """See ``Store``: there is none."""
        return None

    def shown(self, name: str) -> str:
        """See ``Store``."""
        return f"{self.place}/{name}"

    def _failed(self, name: str, what: str, error: Exception) -> StoreError:
        return StoreError(
            f"{self.shown(name)} could not be {what}: {_reason(error)}.",
            place=self.place,
            name=name,
        )


def _key(name: str) -> str:
    return "/".join(parts(name))


def _reason(error: Any) -> str:
    """What went wrong in a line, without the parts that may hold a signature or a key."""
    text = str(error).partition("\n\nDebug source")[0]
    said = re.search(r"<Code>(.*?)</Code>(?:.*?<Message>(.*?)</Message>)?", text, re.DOTALL)
    text = re.sub(r"<\?xml.*|<[A-Z]\w*>.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\?[^\s\"'<>]*", "", re.sub(r"//[^/@\s]+@", "//", text))
    text = " ".join(text.split()).rstrip(" .:")
    if said is not None:
        text += f" ({': '.join(filter(None, said.groups()))})"
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
