"""Whether a submit was made at the service that a worker works for.

An attempt of one service is no other's. There its key is not known, so the same would be a new job,
and its job is not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async._client import jobs_of
from pika_async._http import one_spelling

if TYPE_CHECKING:
    from pika_async import PikaClient
    from pika_async._request.record import Intent
    from pika_async.temporal._records import Accepted


def why_elsewhere(client: PikaClient, sent: Intent | Accepted) -> str | None:
    """Why it was not made at the service of this client; None: it was, or nobody knows where."""
    here = jobs_of(client).service
    if sent.service is None:
        return None
    place = None if sent.base_url is None else one_spelling(sent.base_url)
    if (sent.service, place) == (here.dialect, here.base_url):
        return None
    return _ELSEWHERE.format(
        f"{sent.service} at {sent.base_url}", f"{here.dialect} at {here.base_url}"
    )


_ELSEWHERE: Final = (
    "It was submitted to {}, and this worker works for {}. It was neither looked for nor sent "
    "again here. Let all workers of a task queue work for one service, or run one for that service."
)
