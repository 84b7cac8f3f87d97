"""The names of fields and columns as people write them, and which was meant."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from pika_async._request.spelling import MARK
from pika_async.cli._prompts.fields import COLUMNS
from pika_async.cli._running.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST_NAME: Final = 40
# From this likeness on, of 0 to 1, a name is taken for another with a typing error.
_NEARLY: Final = 0.75
_SAYS_VALUE: Final = frozenset({"url", "uri", "link", "path", "file", "text", "value"})


def shortened(name: str) -> str:
    """A name to be shown; one that was not meant as a name may be a whole prompt."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def plain_name(name: str) -> str:
    """A name as fields have it: ``negative_prompt`` for ``" Negative Prompt "``."""
    return re.sub(r"[\s_-]+", "_", name.replace(MARK, "").strip()).casefold()


def near(name: str) -> str | None:
    """The column that was probably meant by a name that is none, or None.

    A name that is more than one, such as ``prompt_id``, is taken for a name of its own, unless the
    word that is more says only that it is the value: ``image_url``.
    """
    plain = plain_name(name)
    words = plain.split("_")
    if words[-1] in _SAYS_VALUE and "_".join(words[:-1]) in COLUMNS:
        return "_".join(words[:-1])
    for column in COLUMNS:
        root, _, part = column.partition(".")
        if plain in (root, part) or root.startswith(f"{plain}_"):
            return column
    for close in difflib.get_close_matches(plain, COLUMNS, n=1, cutoff=_NEARLY):
        if not plain.startswith(f"{close}_") and not plain.endswith(f"_{close}"):
            return close
    return None


def check_names(names: Collection[str], allowed: Collection[str], *, kind: str) -> None:
    """Refuse unknown names.

    Raises:
        UsageError: Names the first, the nearest that is allowed, and all that are.
    """
    for name in names:
        if name in allowed:
            continue
        near = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"there is no {kind} {shortened(name)!r}; {hint}allowed are {', '.join(allowed)}"
        )
