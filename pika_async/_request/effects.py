"""The effects that are known, and the one that a text means."""

from __future__ import annotations

import difflib
from enum import StrEnum

from pika_async._checks import FieldError


class Pikaffect(StrEnum):
    """The effects that the gateway, its siblings and Pika's own API are known to accept."""

    TA_DA = "Ta-da"
    DEFLATE = "Deflate"
    CRUMBLE = "Crumble"
    DISSOLVE = "Dissolve"
    SQUISH = "Squish"
    INFLATE = "Inflate"
    MELT = "Melt"
    CRUSH = "Crush"
    CAKE_IFY = "Cake-ify"
    EXPLODE = "Explode"
    LEVITATE = "Levitate"
    DECAPITATE = "Decapitate"
    EYE_POP = "Eye-pop"
    PEEL = "Peel"
    POKE = "Poke"
    TEAR = "Tear"


def to_pikaffect(value: Pikaffect | str | None) -> Pikaffect | None:
    """The effect that a text names, in any case; None for None.

    Raises:
        FieldError: There is no such effect; names the nearest that there is.
    """
    if value is None or isinstance(value, Pikaffect):
        return value
    allowed = ", ".join(Pikaffect)
    names = {effect.lower(): effect for effect in Pikaffect}
    if not isinstance(value, str):
        raise FieldError("pikaffect", value, allowed, verb="are")
    effect = names.get(value.strip().lower())
    if effect is None:
        nearest = difflib.get_close_matches(value.lower(), names, n=1, cutoff=0.5)
        raise FieldError(
            "pikaffect",
            value,
            allowed,
            verb="are",
            nearest=names[nearest[0]].value if nearest else None,
            through_extra=True,
        )
    return effect
