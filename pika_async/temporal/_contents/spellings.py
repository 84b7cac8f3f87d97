"""What of a request is its owner's own, and how a body of JSON and a sentence spell it. Pure.

Its texts, the links of its media, which may be signed, and all of ``extra``: what stands there
nobody knows, and it may be a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pika_async._request.parts import media_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async._request.request import GenerationRequest

TEXTS: Final = ("prompt", "negative_prompt", "region")
"""The texts of a request that are its owner's own."""

# A shorter one is no secret, and stands in every sentence.
_SHORTEST: Final = 4
# A number is not looked for within a longer one, nor within a word.
_NUMBER: Final = r"(?<![\w.+-]){}(?![\w.+-])"
# Each of these is linear in what is said, which may be a service's page of any length.
# With a user or a query, also as JSON may spell it.
_LINK: Final = re.compile(r"([a-z][a-z0-9+.-]{0,30}:\\?/\\?/)([^\s\"'<>]+)", re.IGNORECASE)
# Of a link that is told without its beginning.
_QUERY: Final = re.compile(r"\?[\w.%~-]+=[^\s\"'<>]*[^\s\"'<>:,;.)]")
_NAMED_KEY: Final = re.compile(
    r"(?<![\w-])([\w-]*(?:sig|signature|token|secret|credential|password|api[_-]?key)"
    r"\"?(?:=|\": ?\"))[^\s&\"'<>]+",
    re.IGNORECASE,
)
_CONTENT: Final = re.compile(r"\bdata:[^\s\"'<>]+", re.IGNORECASE)


def in_json(request: GenerationRequest) -> list[tuple[str, str]]:
    """How JSON may spell each, and a pattern that finds it, always in the same order.

    Each text twice, with and without escapes beyond ASCII. What stands in ``extra`` is looked for
    as a whole value: it may be as short as a digit.
    """
    # Records of running workflows count by this order: what is new comes behind.
    texts = [text for name in TEXTS if (text := getattr(request, name))]
    links = [medium for _, medium in media_of(request) if isinstance(medium, str)]
    found = [(one[1:-1], re.escape(one[1:-1])) for text in (*texts, *links) for one in _both(text)]
    for value in _values(request.extra, keys=True):
        if isinstance(value, str):
            found += [(one, re.escape(one)) for one in _both(value)]
        else:
            number = json.dumps(value)
            found.append((number, _NUMBER.format(re.escape(number))))
    return found


def in_words(request: GenerationRequest) -> list[str]:
    """How a sentence may spell each; names within ``extra`` are left out.

    Whoever is told that a value is not allowed has to know which.
    """
    found: list[str] = []
    for text in (getattr(request, name) or "" for name in TEXTS):
        found += _said(text)
    for _, medium in media_of(request):
        # The rest of a link helps whoever looks for what is wrong with it.
        if isinstance(medium, str) and len(query := _query(medium)) >= _SHORTEST:
            found += _said(query)
    for value in _values(request.extra, keys=False):
        told = value if isinstance(value, str) else json.dumps(value)
        if len(told) >= _SHORTEST:
            found += _said(told)
    return sorted(set(filter(None, found)), key=lambda one: (-len(one), one))


def without_keys(text: str) -> str:
    """What is said, with each link without its user and its query, and without what is named a key.

    Contents of media are left out, too.
    """
    text = _LINK.sub(_lean, _CONTENT.sub("data:…", text))
    return _NAMED_KEY.sub(r"\1…", _QUERY.sub("?…", text))


def _lean(link: re.Match[str]) -> str:
    place, mark, _ = re.split(r"([?#]|$)", link[2], maxsplit=1)
    host, slash, path = place.partition("/")
    return f"{link[1]}{host.rpartition('@')[2]}{slash}{path}{f'{mark}…' if mark else ''}"


def _query(link: str) -> str:
    try:
        return urlsplit(link).query
    except ValueError:
        # It is none, and the service will say so.
        return link


def _both(text: str) -> Iterator[str]:
    return (json.dumps(text, ensure_ascii=plain) for plain in (False, True))


def _said(text: str) -> tuple[str, ...]:
    return (*(one[1:-1] for one in _both(text)), text, repr(text)[1:-1], text.strip())


def _values(value: Any, *, keys: bool) -> Iterator[str | float]:
    """The texts and numbers in it; yes, no and nothing say nothing without their names."""
    match value:
        case Mapping():
            for key, inner in value.items():
                if keys:
                    yield str(key)
                yield from _values(inner, keys=keys)
        case str():
            yield value
        case bool() | None:
            pass
        case int() | float():
            yield value
        case list() | tuple():
            for inner in value:
                yield from _values(inner, keys=keys)
        case _:
            yield str(value)
