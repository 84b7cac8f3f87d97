"""What becomes of a job: its states, the steps between them, and its videos. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, TypeAlias, TypeGuard

from attrs import Factory, field, frozen

from pika_async._as_it_came import Decoding
from pika_async._money import Money

_LONGEST_SAID: Final = 200
_OF_CIRCUMSTANCES: Final = ("quota", "rate_limited", "unavailable", "forbidden")


def _raw() -> Any:
    return field(factory=dict, eq=False, repr=False)


def _meaning_of(code: str | None) -> str | None:
    return code if code in ("moderation", *_OF_CIRCUMSTANCES) else None


@frozen(kw_only=True)
class Video:
    """One finished video, as the service describes it.

    Attributes:
        id: The service's name for the video.
        job_id: The job that made it.
        url: http(s) link to the MP4. Empty only inside a ``Failed`` state, for a video that the
            service called finished without giving a link in time; a download asks for it anew.
        share_url: Link to a page or file meant for sharing, or None.
        poster_url: Link to a full-size still image, or None.
        thumbnail_url: Link to a small still image, or None.
        duration: Length in seconds, or None.
        seed: The seed that was used, or None.
        raw: The decoded JSON object, with the fields this version does not know.
    """

    id: str
    job_id: str
    url: str
    share_url: str | None = None
    poster_url: str | None = None
    thumbnail_url: str | None = None
    duration: float | None = None
    seed: int | None = None
    raw: Mapping[str, Any] = _raw()


@frozen(kw_only=True)
class Queued:
    """Accepted, not started.

    Attributes:
        position: Jobs ahead of it, where the service tells, else None.
        raw: What the service said, decoded; not compared, and not in the repr.
    """

    __match_args__ = ("position",)
    is_terminal: ClassVar[bool] = False
    position: int | None = None
    raw: Mapping[str, Any] = _raw()

    def __str__(self) -> str:
        """For people: ``queued, 3 ahead``."""
        return "queued" if self.position is None else f"queued, {self.position} ahead"


@frozen(kw_only=True)
class Running:
    """Being generated.

    Attributes:
        progress: Percent, 0 to 100, where the service tells, else None. It may go back.
        raw: What the service said, decoded; not compared, and not in the repr.
    """

    __match_args__ = ("progress",)
    is_terminal: ClassVar[bool] = False
    progress: int | None = None
    raw: Mapping[str, Any] = _raw()

    def __str__(self) -> str:
        """For people: ``running 16 %``."""
        return "running" if self.progress is None else f"running {self.progress} %"


@frozen(kw_only=True)
class Succeeded:
    """Done.

    Attributes:
        videos: At least one video, each with its link.
        charge: What the job cost, where the service says so, else None.
        raw: What the service said, decoded; not compared, and not in the repr.
    """

    __match_args__ = ("videos", "charge")
    is_terminal: ClassVar[bool] = True
    videos: tuple[Video, ...]
    charge: Money | None = None
    raw: Mapping[str, Any] = _raw()

    def __str__(self) -> str:
        """For people: ``succeeded: 1 video``."""
        many = len(self.videos)
        return f"succeeded: {many} video{'s' * (many != 1)}"

    @property
    def video(self) -> Video:
        """The first video."""
        return self.videos[0]


@frozen(kw_only=True)
class Failed:
    """The service gave up.

    Attributes:
        reason: The service's words, or a sentence of ours where it gave none.
        code: The service's own word for the kind of failure, as it came, where it has one: Pika's
            ``"content_moderation"``, fal's ``"image_too_small"``; or its word for such an end,
            ``"expired"``. Where it has none, as mostly at a gateway, this is the ``meaning``.
        videos: The videos of this job that did finish.
        charge: What the job cost, where the service says so, else None.
        meaning: The same word at every service for the kinds that call for something else than
            another prompt or try: ``"moderation"``, ``"quota"``, ``"rate_limited"``,
            ``"unavailable"`` (the service, or the vendor behind it, takes nothing for now) or
            ``"forbidden"`` (the account may not ask for that); else None. At a gateway it is read
            from the reason.
        raw: What the service said, decoded; not compared, and not in the repr.
    """

    __match_args__ = ("reason", "code", "videos", "charge")
    is_terminal: ClassVar[bool] = True
    reason: str
    code: str | None = None
    videos: tuple[Video, ...] = ()
    charge: Money | None = None
    # Where the code is one of these words already, it means itself: states that were written down
    # before there was a ``meaning`` had it as their code.
    meaning: str | None = field(
        default=Factory(lambda failed: _meaning_of(failed.code), takes_self=True)
    )
    raw: Mapping[str, Any] = _raw()

    def __str__(self) -> str:
        """For people: ``failed: `` and the reason, on one line of 200 characters at most."""
        reason = " ".join(self.reason.split())
        return f"failed: {reason if len(reason) <= _LONGEST_SAID else reason[:_LONGEST_SAID] + '…'}"


@frozen(kw_only=True)
class Unknown:
    """A status that this version does not know, kept as it came; waiting goes on.

    Attributes:
        status: The service's word for it.
        raw: What the service said, decoded; not compared, and not in the repr.
    """

    __match_args__ = ("status",)
    is_terminal: ClassVar[bool] = False
    status: str
    raw: Mapping[str, Any] = _raw()

    def __str__(self) -> str:
        """For people: the status as it came, after ``unknown: ``."""
        return f"unknown: {self.status}"


JobState: TypeAlias = Queued | Running | Succeeded | Failed | Unknown

WAITING: Final = (Queued, Running, Unknown)
"""The states of a job that goes on; their ``raw`` may be given as it came, in bytes."""

for _state in WAITING:
    setattr(_state, "raw", Decoding(_state.raw))  # noqa: B010 - for mypy it stays what it gives

ENDED: Final = (Succeeded, Failed)
"""The terminal states, for ``isinstance``: a union would be made anew at each look at each job."""


def videos_of(state: JobState | None) -> tuple[Video, ...]:
    """The videos of a job that has ended; none before."""
    return state.videos if isinstance(state, ENDED) else ()


def lacks_links(state: JobState) -> bool:
    """Whether videos of a job are finished and have no link.

    The link of such a job may still come. So the job is looked at again when somebody asks for it,
    and is never bought again for want of a link.
    """
    if isinstance(state, ENDED):
        for video in state.videos:
            if not video.url:
                return True
    return False


@frozen(kw_only=True)
class Transition:
    """A job's step from one state to another.

    Attributes:
        job_id: The job.
        previous: The state this watcher saw before, None at its first transition.
        state: The state now.
        elapsed: Seconds from the submit (for a re-attached job: from the re-attachment).
        polls: Polls sent so far for this job, by all its watchers together.
    """

    job_id: str
    previous: JobState | None
    state: JobState
    elapsed: float
    polls: int


def was_not_begun(state: JobState) -> TypeGuard[Failed]:
    """Whether a job was refused at no charge, and for a reason that does not lie in its request.

    The account had run dry, had reached a rate limit or lacks a permission; or the service had
    nobody to make the video. The same request can be submitted again, later or once the account
    is topped up.
    """
    return (
        isinstance(state, Failed)
        and state.meaning in _OF_CIRCUMSTANCES
        and state.charge is not None
        and not state.charge.micros
    )
