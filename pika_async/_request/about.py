"""What the rest of the package must know of a field of a request beside its type."""

from __future__ import annotations

from typing import Any, Final

from attrs import Attribute, frozen

from pika_async._request.media import MediaKind

_ABOUT: Final = "pika_async"


@frozen(kw_only=True)
class About:
    """What is to be known of a field beside its type."""

    help: str
    """What it does, in a sentence for the command line."""
    metavar: str | None = None
    """What stands for its value there."""
    medium: MediaKind | None = None
    """It is given as a file, bytes or a URL of such a medium."""
    unsaid: Any = None
    """What stood for None in the first versions, and still counts for it in fingerprints."""
    sent: bool = True
    """It is sent to the service; what is not is no part of the fingerprint either."""


def about(attribute: Attribute[Any]) -> About:
    """What is to be known of a field of :class:`GenerationRequest`."""
    known: About = attribute.metadata[_ABOUT]
    return known


def explained(
    help: str,  # noqa: A002 - the name that command lines give it
    metavar: str | None = None,
    medium: MediaKind | None = None,
    *,
    unsaid: Any = None,
    sent: bool = True,
) -> dict[str, About]:
    return {_ABOUT: About(help=help, metavar=metavar, medium=medium, unsaid=unsaid, sent=sent)}
