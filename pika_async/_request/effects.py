"""The effects that are known anywhere, and the one that a text means."""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Any, Final

from pika_async._checks import FieldError

# From 0 to 1. High enough for slips of the fingers and other endings, low enough that a new effect
# is not taken for one of them.
_LIKENESS: Final = 0.75


class Pikaffect(StrEnum):
    """The effects that any of the services is known to accept; none of them has all."""

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
    # Pika's own API alone; on an image.
    NINETIES_ME = "90s Me"
    ACTION_ME = "Action Me"
    ARCADE_WINNER = "Arcade Winner"
    BABY_ME = "Baby Me"
    BALD_ME = "Bald Me"
    BALLOONIFY_IT = "Balloonify it"
    CCTV_ME = "CCTV Me"
    CAPTAIN_ME = "Captain Me"
    CHOCO_ME = "Choco Me"
    CLASSY_ME = "Classy Me"
    CLOWN_FIT = "Clown Fit"
    CRAZY_IN_LOVE = "Crazy in Love"
    CUPID_STRIKE = "Cupid Strike"
    DOOM_STROLL = "Doom Stroll"
    EAT_A_RAT = "Eat a Rat"
    EPIC_ME = "Epic Me"
    EVERYTHINGS_BONSAI = "Everythings Bonsai"
    EYES_ZOOM_IN = "Eyes Zoom in"
    FAIRYTALE_ME = "Fairytale Me"
    GOTH_DREAM = "Goth Dream"
    HAZMAT_FIT = "Hazmat Fit"
    HEARTS_BOUQUET = "Hearts Bouquet"
    HERO_ME = "Hero Me"
    HUMAN_PET = "Human Pet"
    JUNGLE_ME = "Jungle Me"
    LABUBU_STYLE = "Labubu Style"
    LEPRECHAUN_ME = "Leprechaun Me"
    LO_FI_ME = "Lo-Fi Me"
    LOOONG_HAIR = "Looong Hair"
    LOVE_BOMB = "Love Bomb"
    MAGIC_POLAROID = "Magic Polaroid"
    MAKE_IT_REAL = "Make it Real"
    MONA_ME = "Mona Me"
    MRS_ME = "Mrs Me"
    MUSEUM_ME = "Museum Me"
    PICK_ME = "Pick Me"
    PRINCESS_ME = "Princess Me"
    PROPOSAL = "Proposal"
    PUPPY_ME = "Puppy Me"
    ROSE = "Rose"
    ROYAL_ME = "Royal Me"
    TAROT_TRANSFORM = "Tarot Transform"
    VIP_ME = "VIP Me"
    WARRIOR_ME = "Warrior Me"
    YARN_CHARM = "Yarn Charm"
    ZEN_ME = "Zen Me"
    # The same; on a video.
    ANIME_CAT = "Anime Cat"
    CUTE_SHROOM = "Cute Shroom"
    DUPLICATE_IT = "Duplicate it"
    HAPPY_ASTEROID = "Happy Asteroid"
    ITS_ALIVE = "Its Alive"
    ITS_COMPUTER = "Its Computer"
    PINK_HAIR = "Pink Hair"
    SWAN_HEAD = "Swan Head"
    WIZARD_CAT = "Wizard Cat"


_NAMES: Final = {effect.lower(): effect for effect in Pikaffect}


def to_pikaffect(value: Pikaffect | str | None) -> Pikaffect | str | None:
    """The effect that a text names, in any case; the text itself where it is like none.

    New effects come faster than new versions of this package, and the service decides.

    Raises:
        FieldError: It is no text, or nearly the name of an effect that there is.
    """
    if value is None or isinstance(value, Pikaffect):
        return value
    if not isinstance(value, str) or not value.strip():
        raise FieldError("pikaffect", value, allowed_effects(Pikaffect), verb="are")
    name = value.strip()
    effect = _NAMES.get(name.lower())
    if effect is not None:
        return effect
    nearest = nearest_effect(name)
    if nearest is not None:
        raise unknown_effect(value, Pikaffect, nearest=nearest)
    return name


def nearest_effect(name: str) -> str | None:
    """The effect whose name was probably meant, or None."""
    near = difflib.get_close_matches(name.lower(), _NAMES, n=1, cutoff=_LIKENESS)
    return _NAMES[near[0]].value if near else None


def unknown_effect(value: Any, allowed: Any, *, nearest: str | None = None) -> FieldError:
    """The error for an effect that is not among ``allowed``, names of effects."""
    return FieldError(
        "pikaffect",
        value,
        allowed_effects(allowed),
        verb="are",
        nearest=nearest,
        through_extra=True,
    )


def allowed_effects(effects: Any) -> str:
    """Names of effects, as an error lists them."""
    return ", ".join(effects)
