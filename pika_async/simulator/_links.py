"""Links to the files that a job made: how they are written, and which job one is of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from pika_async.simulator._jobs import SimulatedJob

_LONGEST_NAME: Final = 48


def link_to(job: SimulatedJob, index: int, name: str, origin: str, *, answer: int) -> str:
    """The link to a file of a job's video number `index`, counted from 0.

    Args:
        job: The job.
        index: The number of the video.
        name: The name of the file.
        origin: The base URL of the media.
        answer: The number of the answer that the link stands in: where links expire, each answer
            has new ones.
    """
    signature = f"?signature={answer}" if job.links_expire else ""
    return f"{origin}/v1/{quote(job.id, safe='')}/{index}/{name}{signature}"


def job_in(path: str) -> str:
    """The id of the job that the path of a link is of; "" where it is of none."""
    parts = path.split("/")
    return unquote(parts[2]) if len(parts) > 3 else ""


def as_name(prompt: object, otherwise: str = "video") -> str:
    """The beginning of a prompt as the name of a file, without a suffix."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", str(prompt)[:_LONGEST_NAME]).strip("_")
    return name or otherwise
