"""What the pages are made with: templates, their words and filters, and what a browser may load."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from pika_async._figures import counted
from pika_async._gallery import phrases
from pika_async._gallery.bill import added
from pika_async._gallery.safe import visible, web_link
from pika_async._gallery.timeline import LABELLED
from pika_async._gallery.values import Standing
from pika_async._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pika_async._gallery.values import Attempt
    from pika_async._money import Money

WORDS: Final = {
    Standing.SUCCEEDED: "succeeded",
    Standing.FAILED: "failed",
    Standing.UNCERTAIN: "uncertain",
    Standing.RUNNING: "in flight",
    Standing.WAITING: "not sent",
}
_LABEL_LENGTH: Final = 60
# Characters that are shown of what a service says.
_SHOWN: Final = 2_000
# About three lines of a card.
_PROMPT_LENGTH: Final = 120
_PROMPT_LINES: Final = 3


class Simulated(StrEnum):
    """Whether what a journal holds cost nothing, as far as that can be told."""

    NO = "no"
    PARTLY = "partly"
    """Some of it went to a service on this machine."""
    YES = "yes"
    """All of it went there, and no video is anywhere else; or the journal's name says so."""


@cache
def environment() -> Environment:
    """Where the templates are."""
    environment = Environment(
        loader=FunctionLoader(part),
        autoescape=True,
        # A name that is mistyped in the template fails in the tests, not silently on the page.
        undefined=StrictUndefined,
        finalize=_fit,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        Standing=Standing,
        Simulated=Simulated,
        words=WORDS,
        version=__version__,
        labelled=LABELLED,
    )
    environment.filters.update(
        web=web_link,
        label=_label,
        short=_short,
        seconds=phrases.seconds,
        tick=phrases.tick,
        moment=phrases.moment,
        iso=phrases.iso,
        amount=counted,
        option=phrases.option,
        percent=_percent,
        money=_money,
        money_in_all=_money_in_all,
        clock=phrases.clock,
        offset=phrases.offset,
        is_long=_is_long,
    )
    return environment


def _fit(value: Any) -> Any:
    """Every value on its way into the page."""
    if isinstance(value, Path):
        value = str(value)
    return visible(value) if type(value) is str else value


def part(name: str) -> str:
    """A file of the pages."""
    return files("pika_async._gallery").joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Nothing but our own style and script runs, and nothing but pictures and videos is loaded.

    ``file:`` since a page on a disk has no origin that ``'self'`` could mean.
    """
    media = "http: https: file: 'self'"
    return "; ".join(
        (
            "default-src 'none'",
            f"img-src {media}",
            f"media-src {media}",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _label(text: str) -> str:
    """The beginning of a prompt, on one line."""
    line = " ".join(text[: 4 * _LABEL_LENGTH].split())
    return line if len(line) <= _LABEL_LENGTH else f"{line[:_LABEL_LENGTH].rstrip()}…"


def _short(text: str) -> str:
    """What a service says, cut where it is very long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}… ({len(text):,} characters)"


def _percent(share: float) -> str:
    return f"{share:.2f}%"


def _is_long(prompt: str) -> bool:
    """Whether a card shows its beginning first."""
    return len(prompt) > _PROMPT_LENGTH or prompt.count("\n") >= _PROMPT_LINES


def _money(amounts: tuple[Money, ...]) -> str:
    """``$1.20``, ``3.00 SEK + $1.20``, or a dash where there is no sum."""
    return " + ".join(map(str, amounts)) or "—"


def _money_in_all(attempts: Iterable[Attempt]) -> str:
    return _money(added(one.cost for one in attempts if one.cost is not None))
