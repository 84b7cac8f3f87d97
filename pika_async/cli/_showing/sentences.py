"""What errors are called at a shell: facts in, sentences out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async import (
    APIError,
    ConfigurationError,
    DownloadError,
    Failed,
    GenerationRequest,
    JobError,
    JobTimeoutError,
    MoneyMeaning,
    PikaError,
)
from pika_async._errors import full_stop
from pika_async._meaning import Spelling, in_sentences
from pika_async.cli._running.trail import watch_line
from pika_async.cli._showing.words import short
from pika_async.dialects import service_named, url_variable

if TYPE_CHECKING:
    from pika_async import Advice, FieldError
    from pika_async.cli._running.trail import Trail

_FIELDS: Final = {field.name for field in attrs.fields(GenerationRequest)}


def shell(resume: str | None = None) -> Spelling:
    """What is to be typed at a shell; ``resume``: the line that goes on, shown below."""

    def watch(job_id: str | None) -> str:
        return "the line below" if resume is not None else f"`{watch_line(job_id or '')}`"

    return Spelling(
        wait=watch,
        look=watch,
        overwrite="Add --overwrite",
        resubmit_uncertain="--resubmit-uncertain",
        allow_insecure="--allow-insecure",
    )


def meaning(money: MoneyMeaning, advice: Advice | None) -> str:
    """What an error that is long past means, as a journal keeps it."""
    return in_sentences(money, advice, shell())


def consequences(error: PikaError | None) -> dict[str, str | None]:
    """The same for machines, in a word each; None: what was given is not allowed."""
    if error is None:
        return {"money": MoneyMeaning.NOT_SENT, "advice": None}
    if not error.meaning:
        return {"money": None, "advice": None}
    advice = error.advice
    return {"money": error.money, "advice": None if advice is None else advice.action}


def name_of(field: str, *, of_file: bool) -> str:
    """What a field of a request, or an argument, is called: an option, or a field of a file."""
    root, _, part = field.partition(".")
    if of_file and root in _FIELDS:
        return field
    if field == "prompt":
        return "PROMPT"
    return f"--{root.replace('_', '-')}" + (f" {part}" if part else "")


def refusal(error: FieldError, *, of_file: bool) -> str:
    """What is said of a value that is not allowed."""
    said = f"{name_of(error.field, of_file=of_file)}: {error.written_complaint}"
    if not error.through_extra:
        return said
    extra = json.dumps({error.field: "…"}, ensure_ascii=False)
    way = f"extra: {extra}" if of_file else f"--extra '{extra}'"
    return f"{said}; what is newer than this version goes through {way}"


def sentence(
    error: PikaError, trail: Trail, resume: str | None = None, *, brief: bool = False
) -> str:
    """What is said of an error.

    Args:
        error: The error.
        trail: What the command knows.
        resume: The line that goes on, where it is shown below this.
        brief: Leave out what it means for the money and what to do.
    """
    what = error.what
    if isinstance(error, ConfigurationError) and error.setting is not None:
        what = f"{_setting(error.setting, trail)}: {error.problem}"
    what = short(what)
    sentences = [what + full_stop(what)]
    if trail.simulated and not brief:
        # What the error means for the money is not true of a simulated service.
        sentences.append("Simulated: nothing was paid.")
    elif not brief:
        sentences.append(error.meaning_in(shell(resume)))
    if isinstance(error, JobTimeoutError) and error.__cause__ is not None:
        cause = error.__cause__
        why = cause.headline if isinstance(cause, PikaError) else str(cause)
        sentences.append(f"The last look at it failed: {short(why)}")
    return " ".join(filter(None, sentences))


def _setting(name: str, trail: Trail) -> str:
    if name == "base_url" and trail.base_url is None:
        return url_variable(service_named(trail.service))
    return name_of(name, of_file=trail.reads_file)


def reason(error: BaseException | None) -> Any:
    """Equal for errors that differ in nothing but jobs, numbers and times."""
    kind = type(error)
    match error:
        case APIError():
            return kind, error.status, error.code, error.message
        case JobError(state=Failed() as state):
            return kind, state.code, state.reason
        case JobTimeoutError():
            return kind
        case DownloadError():
            return kind, type(error.__cause__), getattr(error.__cause__, "errno", None)
        case PikaError(__cause__=PikaError() as cause):
            return kind, reason(cause)
        case _:
            return kind, str(error)
