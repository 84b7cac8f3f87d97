"""The effects that Pika's own API is known to have: some on images, some on videos."""

from __future__ import annotations

from typing import Final

from pika_async._checks import FieldError
from pika_async._request.effects import Pikaffect, allowed_effects

VIDEO_EFFECTS: Final = (
    Pikaffect.ANIME_CAT,
    Pikaffect.CUTE_SHROOM,
    Pikaffect.DUPLICATE_IT,
    Pikaffect.HAPPY_ASTEROID,
    Pikaffect.ITS_ALIVE,
    Pikaffect.ITS_COMPUTER,
    Pikaffect.PINK_HAIR,
    Pikaffect.SWAN_HEAD,
    Pikaffect.WIZARD_CAT,
)
"""Known on videos."""

IMAGE_EFFECTS: Final = (
    Pikaffect.NINETIES_ME,
    Pikaffect.ACTION_ME,
    Pikaffect.ARCADE_WINNER,
    Pikaffect.BABY_ME,
    Pikaffect.BALD_ME,
    Pikaffect.BALLOONIFY_IT,
    Pikaffect.CCTV_ME,
    Pikaffect.CAKE_IFY,
    Pikaffect.CAPTAIN_ME,
    Pikaffect.CHOCO_ME,
    Pikaffect.CLASSY_ME,
    Pikaffect.CLOWN_FIT,
    Pikaffect.CRAZY_IN_LOVE,
    Pikaffect.CRUMBLE,
    Pikaffect.CRUSH,
    Pikaffect.CUPID_STRIKE,
    Pikaffect.DECAPITATE,
    Pikaffect.DEFLATE,
    Pikaffect.DISSOLVE,
    Pikaffect.DOOM_STROLL,
    Pikaffect.EAT_A_RAT,
    Pikaffect.EPIC_ME,
    Pikaffect.EVERYTHINGS_BONSAI,
    Pikaffect.EXPLODE,
    Pikaffect.EYE_POP,
    Pikaffect.EYES_ZOOM_IN,
    Pikaffect.FAIRYTALE_ME,
    Pikaffect.GOTH_DREAM,
    Pikaffect.HAZMAT_FIT,
    Pikaffect.HEARTS_BOUQUET,
    Pikaffect.HERO_ME,
    Pikaffect.HUMAN_PET,
    Pikaffect.INFLATE,
    Pikaffect.JUNGLE_ME,
    Pikaffect.LABUBU_STYLE,
    Pikaffect.LEPRECHAUN_ME,
    Pikaffect.LEVITATE,
    Pikaffect.LO_FI_ME,
    Pikaffect.LOOONG_HAIR,
    Pikaffect.LOVE_BOMB,
    Pikaffect.MAGIC_POLAROID,
    Pikaffect.MAKE_IT_REAL,
    Pikaffect.MELT,
    Pikaffect.MONA_ME,
    Pikaffect.MRS_ME,
    Pikaffect.MUSEUM_ME,
    Pikaffect.PEEL,
    Pikaffect.PICK_ME,
    Pikaffect.POKE,
    Pikaffect.PRINCESS_ME,
    Pikaffect.PROPOSAL,
    Pikaffect.PUPPY_ME,
    Pikaffect.ROSE,
    Pikaffect.ROYAL_ME,
    Pikaffect.SQUISH,
    Pikaffect.TA_DA,
    Pikaffect.TAROT_TRANSFORM,
    Pikaffect.TEAR,
    Pikaffect.VIP_ME,
    Pikaffect.WARRIOR_ME,
    Pikaffect.YARN_CHARM,
    Pikaffect.ZEN_ME,
)
"""Known on images."""


def check_effect(effect: str, *, on_video: bool) -> None:
    """Refuse an effect that is known for the other medium alone.

    A name that is unknown passes: both lists grow, and the service decides.

    Raises:
        FieldError: Names those that are known for this medium.
    """
    here, there = (VIDEO_EFFECTS, IMAGE_EFFECTS) if on_video else (IMAGE_EFFECTS, VIDEO_EFFECTS)
    if effect in there and effect not in here:
        medium = "a video" if on_video else "an image"
        allowed = f"the effects on {medium}: {allowed_effects(here)}"
        raise FieldError("pikaffect", effect, allowed, verb="are")
