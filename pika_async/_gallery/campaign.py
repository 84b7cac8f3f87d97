"""The page of a campaign: its prompts as cards. Values in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen
from markupsafe import Markup

from pika_async._gallery.mark import marked
from pika_async._gallery.templates import WORDS, environment, part, policy
from pika_async._gallery.timeline import stacked
from pika_async._gallery.totals import totals_of
from pika_async._gallery.values import Entry, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen(kw_only=True)
class Album:
    """A campaign to look through.

    Attributes:
        name: Its name, or where it lies.
        place: Where it lies.
        entries: Its prompts; ``RUNNING`` are those of pages that have not ended.
        made_at: Seconds since 1970.
        zone: Whose times are shown; None: that of this machine.
    """

    name: str
    place: str
    entries: Sequence[Entry]
    made_at: float
    zone: tzinfo | None = None


def campaign_page(album: Album, *, status_line: str, resolve_line: str) -> Iterator[str]:
    """The page, piece by piece.

    Args:
        album: What is shown.
        status_line: The command that says how the campaign stands.
        resolve_line: The command that decides about a prompt, without its number.
    """
    style, script = Markup(part("page.css")), Markup(part("page.js"))  # noqa: S704 - our own
    totals = totals_of(album.entries, ())
    pieces = (
        environment()
        .get_template("campaign.html")
        .generate(
            gallery=album,
            totals=totals,
            words=WORDS | {Standing.RUNNING: "page not ended"},
            shares=stacked([(standing, totals.standings[standing]) for standing in Standing]),
            status_line=status_line,
            resolve_line=resolve_line,
            settle_line=None,
            policy=policy(style, script),
            style=style,
            script=script,
        )
    )
    yield from marked(pieces, Path(album.place))
