"""What may be a name in a store."""

from __future__ import annotations

from pika_async._download.targets import SUFFIX


def parts(name: str) -> list[str]:
    """The parts of a name.

    Raises:
        ValueError: It is none, or that of a file which is still being written.
    """
    found = name.split("/")
    if any(part in ("", ".", "..") for part in found) or "\0" in name or name.endswith(SUFFIX):
        raise ValueError(f"{name!r} is no name in a store")
    return found


def folder(prefix: str) -> str:
    """The folder that a prefix names, without the slash at its end; "" for all.

    Raises:
        ValueError: It does not end in a slash.
    """
    if not prefix:
        return ""
    if not prefix.endswith("/"):
        raise ValueError(f"{prefix!r} is no folder in a store")
    return "/".join(parts(prefix[:-1]))
