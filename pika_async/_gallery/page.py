"""The page: one HTML file with everything in it but the videos."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from pika_async._gallery.mark import marked
from pika_async._gallery.templates import Simulated, environment, part, policy
from pika_async._gallery.timeline import Timeline, row_height, stacked
from pika_async._gallery.values import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._gallery.gallery import Gallery
    from pika_async._gallery.totals import Totals

# The last part of the names of journals of `pika-async batch --simulate`.
_SIMULATED: Final = ".simulated"


def page(
    gallery: Gallery,
    totals: Totals,
    batch_line: str | None = None,
    settle_line: str | None = None,
) -> Iterator[str]:
    """The page, piece by piece, so that memory does not grow with the journal.

    Args:
        gallery: What the journal held.
        totals: The same, added up.
        batch_line: The command that runs the batch again.
        settle_line: The command that lists what is uncertain, and takes decisions about it.
    """
    name = shlex.quote(gallery.path.name)
    pieces = _pieces(
        gallery,
        totals,
        batch_line or f"pika-async batch FILE --journal {name}",
        settle_line or f"pika-async settle {name}",
    )
    yield from marked(pieces, gallery.path)


def _pieces(gallery: Gallery, totals: Totals, batch_line: str, settle_line: str) -> Iterator[str]:
    timeline = Timeline(gallery.runs)
    style, script = Markup(part("page.css")), Markup(part("page.js"))  # noqa: S704 - our own
    return (
        environment()
        .get_template("page.html")
        .generate(
            gallery=gallery,
            resolve_line=None,
            totals=totals,
            timeline=timeline,
            row_height=row_height(gallery.count()),
            simulated=_simulated(gallery, totals),
            batch_line=batch_line,
            settle_line=settle_line,
            shares=stacked([(standing, totals.standings[standing]) for standing in Standing]),
            policy=policy(style, script),
            style=style,
            script=script,
        )
    )


def _simulated(gallery: Gallery, totals: Totals) -> Simulated:
    if gallery.path.suffix == _SIMULATED:
        return Simulated.YES
    if not totals.local_submits:
        return Simulated.NO
    if totals.local_submits < totals.submits or totals.videos_elsewhere:
        return Simulated.PARTLY
    return Simulated.YES
