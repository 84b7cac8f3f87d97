"""Faults drawn by a seed: any of the simulator's, anywhere, at any rate."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from pika_async.simulator import Fault, Simulator
from pika_async.simulator._catalogue import SERVICES, faults_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# Those of the service that is simulated here.
MET = faults_of(SERVICES["gateway"])
# These end a batch, since every other submit would meet the same.
STOPPING = ("401-new-api-error", "401-quota-used-up", "402-quota-not-enough")
STOPPING += ("403-quota-not-enough", "403-forbidden")
# After these the file is another one, and nobody can tell: it was replaced, or its length is a lie.
UNTOLD = ("changed", "length-too-short", "custom")


def weather(
    seed: int, *, silence: float, places: Iterable[str] = ("submit", "poll", "download")
) -> list[Fault]:
    """A storm of faults, each struck by chance for as long as it lasts.

    Args:
        seed: Of the choice.
        silence: Seconds that a silence lasts.
        places: Which requests meet them.
    """
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    faults = []
    for place in places:
        names = [name for name, row in MET.items() if place in row.places and name not in UNTOLD]
        for name in chance.sample(names, k=12):
            stops = name in STOPPING and place == "submit"
            if stops and chance.random() < 0.7:
                continue
            faults.append(
                Fault(
                    name,
                    on=place,
                    times=None if chance.random() < 0.5 and not stops else 1,
                    after=chance.randrange(100) if stops else 0,
                    probability=chance.uniform(0.005, 0.04),
                    seconds=silence,
                    retry_after=0.01 if MET[name].headers.get("Retry-After") else None,
                )
            )
    chance.shuffle(faults)
    return faults


def jobs_of(sim: Simulator, prompt: str) -> set[str]:
    """By the service's own books, whether or not anybody was told."""
    return {job.id for job in sim.jobs.values() if job.body["promptText"] == prompt}
