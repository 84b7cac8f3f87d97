"""What spans and metrics say of a request, a state and an error: names and values.

The names are those of the semantic conventions for generative AI as far as they have any, and
``pika.`` before the others. Nothing here is a secret: no key, no address of a video, no message of
an error, since services quote prompts in theirs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias

from pika_async import Failed, ModerationError, Queued, Running, Succeeded, Unknown
from pika_async import JobFailedError as _JobFailedError

if TYPE_CHECKING:
    from pika_async import GenerationRequest, JobEnded, JobState, Money, PikaError

Value: TypeAlias = "str | int | float | bool"
Facts: TypeAlias = "dict[str, Value]"

# Of the operations that the conventions name, the one for what is neither chat nor text.
OPERATION: Final = "generate_content"

REQUIRED: Final[Facts] = {"gen_ai.operation.name": OPERATION, "gen_ai.provider.name": "pika"}
"""What the conventions want on each span and metric of theirs."""

VIDEO: Final[Facts] = {"gen_ai.output.type": "video"}
"""What a span of theirs says of what is made."""

# What is larger does not fit into the protocol, and would take all spans of its batch with it.
_LARGEST_WHOLE: Final = 2**63 - 1

_CODE: Final = 100
"""Characters that are kept of a service's code for a failure."""


def text(value: str) -> str:
    """What a service says, as it may be sent: half a surrogate pair has no UTF-8."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def common(model: str | None, service: str | None) -> Facts:
    """What metrics are told apart by: few values in all, so never a job or a prompt."""
    facts: Facts = {}
    if model is not None:
        facts["gen_ai.request.model"] = model
    if service is not None:
        facts["pika.service"] = service
    return facts


def span_name(model: str | None) -> str:
    """The name of a job's span."""
    return OPERATION if model is None else f"{OPERATION} {model}"


def add_asked(facts: Facts, request: GenerationRequest) -> None:
    """Add what a span says of a request; not its prompt."""
    if request.model is not None:
        # Where metrics count it among others, its span names it.
        facts["gen_ai.request.model"] = request.model
    seed = request.seed
    if seed is not None and abs(seed) <= _LARGEST_WHOLE:
        facts["gen_ai.request.seed"] = seed
    if request.duration is not None:
        facts["pika.request.duration"] = request.duration
    if request.resolution is not None:
        facts["pika.request.resolution"] = request.resolution


def where_and_what(host: str | None, fingerprint: str | None = None) -> Facts:
    """What a job's span says of the server, and which request it is, where that is known."""
    facts: Facts = {}
    if host:
        facts["server.address"] = host
    if fingerprint:
        facts["pika.request.fingerprint"] = fingerprint
    return facts


def messages(prompt: str) -> str:
    """A prompt as the conventions write it: a list of one message, as JSON."""
    message = {"role": "user", "parts": [{"type": "text", "content": prompt}]}
    return json.dumps([message], ensure_ascii=False)


def state_facts(state: JobState, polls: int) -> Facts:
    """A state, and how often it was asked for, as the attributes of an event."""
    match state:
        case Queued():
            facts: Facts = {"pika.state": "queued"}
            if state.position is not None:
                facts["pika.position"] = state.position
        case Running():
            facts = {"pika.state": "running"}
            if state.progress is not None:
                facts["pika.progress"] = state.progress
        case Succeeded():
            facts = {"pika.state": "succeeded"}
        case Failed():
            facts = {"pika.state": "failed"}
        case Unknown():
            facts = {"pika.state": "unknown", "pika.status": text(state.status)[:_CODE]}
    facts["pika.polls"] = polls
    return facts


def end_facts(event: JobEnded) -> Facts:
    """How a job ended, and what it cost, as the attributes of its span."""
    state = event.state
    facts: Facts = {
        "pika.outcome": "succeeded",
        "pika.videos": len(state.videos),
        "gen_ai.response.id": text(event.job_id),
        "pika.polls": event.polls,
    }
    if state.charge is not None:
        facts["pika.cost"] = units(state.charge)
        facts["pika.currency"] = state.charge.currency
    if isinstance(state, Failed):
        facts["pika.outcome"] = "failed"
        facts["error.type"] = failure_type(state)
        if state.code is not None:
            facts["pika.failure.code"] = text(state.code)[:_CODE]
        if state.meaning is not None:
            facts["pika.failure.meaning"] = text(state.meaning)[:_CODE]
    return facts


def units(money: Money) -> float:
    """An amount as backends sum it; the exact one is the event's."""
    return money.micros / 1_000_000


def failure_type(state: Failed) -> str:
    """The ``error.type`` of a job that failed: the name of the error that its waiter gets."""
    return (ModerationError if state.meaning == "moderation" else _JobFailedError).__name__


def error_type(error: BaseException) -> str:
    """The ``error.type`` of an error: its class, since there are few of them."""
    return type(error).__name__


def error_facts(error: PikaError) -> Facts:
    """An error as the attributes of a span."""
    facts: Facts = {"error.type": error_type(error), "pika.money": error.money.name.lower()}
    status = getattr(error, "status", None)
    if isinstance(status, int):
        facts["http.response.status_code"] = status
    return facts
