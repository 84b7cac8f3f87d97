"""Job documents in every variant that is known. Pure: values in, values out."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from pika_async.simulator._links import as_name, link_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._jobs import Look, Moment, SimulatedJob

LATE: Final = 2
"""How many answers are behind under the variants that say so."""

REFUSALS: Final[Mapping[str, tuple[int, str, str]]] = {
    "refused-200": (200, "insufficient_balance", "Insufficient balance"),
    "refused-402": (402, "insufficient_balance", "Insufficient balance"),
    "refused-403": (403, "cycle_limit_exceeded", "The spending limit of this cycle is reached"),
    "refused-plan": (403, "membership_required", "This model needs a membership"),
    "refused-429": (429, "rate_limited", "Too many jobs"),
    "refused-503": (503, "provider_unavailable", "The provider is unavailable"),
}
"""Variants of jobs that fail at their submit: HTTP status, code and message."""

VARIANTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bare-documents": "fields that have no value are left out, and nulls are not sent",
        "output-late": f"the first {LATE} answers that say completed have no output, and the link "
        "apart is not ready at first",
        "output-never": "documents have no output; the link is to be had apart alone",
        "output-without-url": "output has no url in it; the link is to be had apart alone",
        "videos-output": "the link is in a list, as of a model that makes several videos",
        "billing-late": f"the first {LATE} answers that say completed do not say what it cost",
        "billing-unavailable": "what it cost is never told",
        "error-as-text": "the error of a failed job is a text and no object",
        "unknown-status": "the first answer past the queue has a status nobody documented",
        **{
            name: f"a job fails at its submit, which is answered with {status}: {code}"
            for name, (status, code, _) in REFUSALS.items()
        },
    }
)
"""Body variants of Pika's own API, beside those that every service has."""

_UNKNOWN_STATUS: Final = "post_processing"
_CODES: Final = re.compile(r"(\w+): (.*)", re.DOTALL)
_KINDS: Final = ("image", "audio")

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@frozen(kw_only=True)
class Sold:
    """What the service knows of a job beside what every service does."""

    api_id: str
    charge: int
    """Micro-dollars, once it is finished."""
    refusal: tuple[int, str, str] | None = None
    """HTTP status, code and message, where it failed at its submit."""


def encode(body: Mapping[str, Any] | list[Any]) -> bytes:
    """A body as JSON."""
    return _to_json(body).encode()


def created(job: SimulatedJob, sold: Sold) -> dict[str, Any]:
    """The document of a job that was just made."""
    if sold.refusal is not None:
        _, code, text = sold.refusal
        return _whole(job, sold, status="failed", error={"code": code, "message": text})
    return _whole(job, sold, status="queued")


def document(job: SimulatedJob, sold: Sold, look: Look, media_origin: str) -> dict[str, Any]:
    """The document of a job as a poll that saw `look` finds it."""
    if sold.refusal is not None:
        return created(job, sold)
    status = _status(look)
    if "unknown-status" in job.variants and look.pending == 1 and status != "queued":
        return _whole(job, sold, status=_UNKNOWN_STATUS)
    if status == "failed":
        return _whole(job, sold, status=status, error=_error(job))
    if status != "completed":
        return _whole(job, sold, status=status)
    return _whole(
        job,
        sold,
        status=status,
        output=_output(job, sold, look, media_origin),
        usage={"output_frames": 120},
        billing=_billing(job, sold, look),
    )


def url_of(job: SimulatedJob, answer: int, media_origin: str, index: int = 0) -> str:
    """The link to a job's video number `index`, counted from 0, in answer number `answer`."""
    words = job.body.get("prompt", job.body.get("prompt_override", ""))
    return link_to(job, index, f"{as_name(words)}.mp4", media_origin, answer=answer)


def _whole(job: SimulatedJob, sold: Sold, *, status: str, **said: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("output", "usage", "billing", "error"))
    body = {"id": job.told_id, "api_id": sold.api_id, "status": status, **nothing, **said}
    if "bare-documents" in job.variants:
        body.pop("api_id")
        return {name: value for name, value in body.items() if value is not None}
    return body


def _status(look: Look) -> str:
    words = {moment.status for moment in look.moments}
    if words & {"queued", "pending"}:
        return "queued" if words == {"queued"} else "running"
    return "completed" if "finished" in words else "failed"


def _error(job: SimulatedJob) -> Any:
    # A test says which code by writing it in front of its reason.
    known = _CODES.fullmatch(job.reason)
    moderated = "content_moderation" if job.is_moderated else "provider_error"
    code, text = known.groups() if known else (moderated, job.reason)
    return text if "error-as-text" in job.variants else {"code": code, "message": text}


def _output(job: SimulatedJob, sold: Sold, look: Look, media_origin: str) -> dict[str, Any] | None:
    if "output-never" in job.variants or ("output-late" in job.variants and look.ended <= LATE):
        return None
    made = _made(job, look.moments, look.number, media_origin)
    if job.videos > 1 or "videos-output" in job.variants:
        return {"media_type": "videos", "videos": made}
    kind = next((kind for kind in _KINDS if sold.api_id.endswith(f"-to-{kind}")), "video")
    return {"media_type": kind, kind: made[0]}


def _made(
    job: SimulatedJob, moments: tuple[Moment, ...], answer: int, media_origin: str
) -> list[dict[str, Any]]:
    hidden = "output-without-url" in job.variants
    return [
        {"content_type": "video/mp4"}
        | ({} if hidden else {"url": url_of(job, answer, media_origin, index)})
        for index, moment in enumerate(moments)
        if moment.status == "finished"
    ]


def _billing(job: SimulatedJob, sold: Sold, look: Look) -> dict[str, Any]:
    if "billing-unavailable" in job.variants:
        return {"state": "unavailable", "charge_micro_usd": None}
    if "billing-late" in job.variants and look.ended <= LATE:
        return {"state": "pending", "charge_micro_usd": None}
    return {"state": "settled", "charge_micro_usd": sold.charge}
