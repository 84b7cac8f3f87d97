"""What others wrote, made fit for a page: links that only lead to the web, text that stays put."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

# What a URL is written with; anything else is put as %XX, quotes and control characters too.
_OF_URLS: Final = "%/:?#[]@!$&()*+,;=~-._"

# What HTML does not allow, or drops, or obeys: control characters but newline and tab, halves of
# surrogate pairs, and the marks by which a text turns the direction of what stands beside it.
_UNFIT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufffe\uffff]"
)


def web_link(url: str | None) -> str | None:
    """``url`` where it leads to the web by http or https, fit for an attribute; else None."""
    if url is None or not re.match(r"https?://", url, re.IGNORECASE):
        return None
    link = quote(url, safe=_OF_URLS, errors="replace")
    try:
        return link if urlsplit(link).hostname else None
    except ValueError:
        return None


def visible(text: str) -> str:
    """``text`` with what cannot be seen, and yet has an effect, shown as ``⟨U+202E⟩``."""
    if text.isprintable():
        # This is quick, and true of most of the hundreds of thousands of texts of a page.
        return text
    return _UNFIT.sub(
        lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n").replace("\r", "\n")
    )
