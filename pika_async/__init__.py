"""Async client for Pika video generation: submit, watch, download; never pay twice.

Begin with one of these:

- ``PikaClient``: ``submit`` a job, ``job`` to come back to one, ``generate`` in one step,
  ``download``. Its fields are those of ``GenerationRequest``.
- ``Batch`` and ``run_batch``: many requests, with a journal and a budget. ``read_journal`` reads
  what became of them.
- ``PikaError`` is the base of all errors; but ``FieldError``, bad input, is a ``ValueError``.
- ``pika_async.dialects``: the services, ``Gateway``, ``Pika`` and ``Fal``.
- ``pika_async.simulator``: ``Simulator`` and ``Fault``, for tests and for trying out without a
  key; its fixtures are in ``pika_async.pytest_plugin``.
- ``pika_async.temporal``: campaigns over many machines. ``pika_async.otel``: ``Telemetry``.

Names are imported when first used, so that ``import pika_async`` costs nothing by itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pika_async._version import __version__

if TYPE_CHECKING:
    from pika_async._api_errors import (
        APIError,
        AuthenticationError,
        DecodeError,
        InvalidRequestError,
        NotFoundError,
        PermissionDeniedError,
        QuotaExceededError,
        RateLimitError,
        ServerError,
    )
    from pika_async._backoff import RetryPolicy
    from pika_async._batch.batch import Batch
    from pika_async._batch.budget import Spent
    from pika_async._batch.results import BatchResult, BatchStats
    from pika_async._batch.run import run_batch
    from pika_async._checks import FieldError
    from pika_async._client import PikaClient
    from pika_async._errors import (
        BudgetError,
        ClientStateError,
        ConfigurationError,
        DownloadError,
        JobError,
        JobFailedError,
        JobTimeoutError,
        JournalError,
        ModerationError,
        NotSubmittedError,
        OtherServiceError,
        PikaError,
        SubmissionUncertainError,
        TargetExistsError,
        TransportError,
        TransportTimeoutError,
        UnsupportedError,
    )
    from pika_async._events import (
        BatchLeft,
        BatchStopped,
        Event,
        FileSystemLimited,
        JobAccepted,
        JobEnded,
        JournalBroken,
        PollingPolicyFailed,
        StateChanged,
        SubmitHeldBack,
        SubmitRefused,
        SubmitSent,
        SubmitUncertain,
        SubmitWithdrawn,
        VideoKept,
        VideoSaved,
        WaitingEnded,
    )
    from pika_async._jobs.job import Job
    from pika_async._jobs.recorder import ResumableRecord, SubmitRecord
    from pika_async._jobs.slots import Slot
    from pika_async._journal.history import (
        Attempt,
        JournalEntry,
        Problem,
        Run,
        SavedFile,
        Status,
    )
    from pika_async._journal.reader import read_journal
    from pika_async._journal.settle import settle_journal, uncertain_in
    from pika_async._json_events import from_json, to_json
    from pika_async._meaning import Action, Advice, MoneyMeaning, Started
    from pika_async._money import Money
    from pika_async._polling.adaptive import AdaptivePolling, Estimate
    from pika_async._polling.policies import (
        ExponentialPolling,
        FixedPolling,
        Observation,
        PollPolicy,
    )
    from pika_async._request.camera import Camera
    from pika_async._request.effects import Pikaffect
    from pika_async._request.request import GenerationRequest
    from pika_async._states import (
        Failed,
        JobState,
        Queued,
        Running,
        Succeeded,
        Transition,
        Unknown,
        Video,
    )
    from pika_async.dialects import Dialect

__all__ = [
    "APIError",
    "Action",
    "AdaptivePolling",
    "Advice",
    "Attempt",
    "AuthenticationError",
    "Batch",
    "BatchLeft",
    "BatchResult",
    "BatchStats",
    "BatchStopped",
    "BudgetError",
    "Camera",
    "ClientStateError",
    "ConfigurationError",
    "DecodeError",
    "Dialect",
    "DownloadError",
    "Estimate",
    "Event",
    "ExponentialPolling",
    "Failed",
    "FieldError",
    "FileSystemLimited",
    "FixedPolling",
    "GenerationRequest",
    "InvalidRequestError",
    "Job",
    "JobAccepted",
    "JobEnded",
    "JobError",
    "JobFailedError",
    "JobState",
    "JobTimeoutError",
    "JournalBroken",
    "JournalEntry",
    "JournalError",
    "ModerationError",
    "Money",
    "MoneyMeaning",
    "NotFoundError",
    "NotSubmittedError",
    "Observation",
    "OtherServiceError",
    "PermissionDeniedError",
    "PikaClient",
    "PikaError",
    "Pikaffect",
    "PollPolicy",
    "PollingPolicyFailed",
    "Problem",
    "Queued",
    "QuotaExceededError",
    "RateLimitError",
    "ResumableRecord",
    "RetryPolicy",
    "Run",
    "Running",
    "SavedFile",
    "ServerError",
    "Slot",
    "Spent",
    "Started",
    "StateChanged",
    "Status",
    "SubmissionUncertainError",
    "SubmitHeldBack",
    "SubmitRecord",
    "SubmitRefused",
    "SubmitSent",
    "SubmitUncertain",
    "SubmitWithdrawn",
    "Succeeded",
    "TargetExistsError",
    "Transition",
    "TransportError",
    "TransportTimeoutError",
    "Unknown",
    "UnsupportedError",
    "Video",
    "VideoKept",
    "VideoSaved",
    "WaitingEnded",
    "__version__",
    "from_json",
    "read_journal",
    "run_batch",
    "settle_journal",
    "to_json",
    "uncertain_in",
]

_HOMES = {
    "_api_errors": (
        "APIError",
        "AuthenticationError",
        "DecodeError",
        "InvalidRequestError",
        "NotFoundError",
        "PermissionDeniedError",
        "QuotaExceededError",
        "RateLimitError",
        "ServerError",
    ),
    "_events": (
        "BatchLeft",
        "BatchStopped",
        "Event",
        "FileSystemLimited",
        "JobAccepted",
        "JobEnded",
        "JournalBroken",
        "PollingPolicyFailed",
        "StateChanged",
        "SubmitHeldBack",
        "SubmitRefused",
        "SubmitSent",
        "SubmitUncertain",
        "SubmitWithdrawn",
        "VideoKept",
        "VideoSaved",
        "WaitingEnded",
    ),
    "_meaning": ("Action", "Advice", "MoneyMeaning", "Started"),
    "_money": ("Money",),
    "_polling.adaptive": ("AdaptivePolling", "Estimate"),
    "_batch.batch": ("Batch",),
    "_batch.run": ("run_batch",),
    "_client": ("PikaClient",),
    "_jobs.job": ("Job",),
    "_journal.history": ("Attempt", "JournalEntry", "Problem", "Run", "SavedFile", "Status"),
    "_journal.reader": ("read_journal",),
    "_json_events": ("from_json", "to_json"),
    "_journal.settle": ("settle_journal", "uncertain_in"),
    "_states": (
        "Failed",
        "JobState",
        "Queued",
        "Running",
        "Succeeded",
        "Transition",
        "Unknown",
        "Video",
    ),
    "_polling.policies": ("ExponentialPolling", "FixedPolling", "Observation", "PollPolicy"),
    "_checks": ("FieldError",),
    "_request.effects": ("Pikaffect",),
    "_request.camera": ("Camera",),
    "_request.request": ("GenerationRequest",),
    "_batch.budget": ("Spent",),
    "_batch.results": ("BatchResult", "BatchStats"),
    "_backoff": ("RetryPolicy",),
    "_jobs.recorder": ("ResumableRecord", "SubmitRecord"),
    "_jobs.slots": ("Slot",),
    "dialects": ("Dialect",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Whatever is exported and has no other home is an error.
    module = importlib.import_module(f"{__name__}.{_HOME_OF.get(name, '_errors')}")
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
