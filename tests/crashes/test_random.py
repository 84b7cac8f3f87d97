"""A journalled batch that is killed at random moments: nothing is paid twice, and nothing lost."""

from __future__ import annotations

import random
import sys

import pytest
from crashes.books import MUST_BE_NONE
from crashes.ordeals import KINDS, ordeal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]

PROMPTS = 60
TOLD = ("kills", "prompts", "prompts submitted twice", "prompts lost", "uncertain")


@pytest.mark.parametrize("place", range(len(KINDS)), ids=[kind.name for kind in KINDS])
async def test_killed_at_any_moment_nothing_is_paid_twice_and_nothing_is_lost(
    place, request, record_property
):
    """With ``--kills N`` there are N kills over the kinds of batch."""
    kind = KINDS[place]
    kills = request.config.getoption("--kills")
    share = kills * (place + 1) // len(KINDS) - kills * place // len(KINDS)
    chance = random.Random(place)  # noqa: S311 - reproducible, not secret

    found, examples = await ordeal(kind, share, PROMPTS, chance)

    told = [f"{found[what]} {what}" for what in (*TOLD, "jobs re-attached")]
    record_property("told", f"killed, {kind.name}: {', '.join(told)}")
    wrong = {what: found[what] for what in MUST_BE_NONE if found[what]}
    assert wrong == {}, examples
    assert found["kills"] == share
