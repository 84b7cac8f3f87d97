"""What a fault is, which request meets it, and the answer it gives."""

from __future__ import annotations

import difflib
import json
import math
import random
from collections.abc import Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from attrs import Factory, define, field, frozen

from pika_async.simulator._catalogue import FAULTS
from pika_async.simulator._rows import Body, FaultRow, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pika_async.simulator._services._service import Service

JSON: Final = "application/json; charset=utf-8"

_LIST: Final = "pika-async simulate --list"
_LIKENESS: Final = 0.6
_MINUTE: Final = 60.0
_STATUSES: Final = (200, 599)
_DIGITS: Final = 3
# Names that a sentence can list; there are 130 faults.
_FEW: Final = 10


def unknown_name(kind: str, name: str, allowed: Collection[str]) -> ValueError:
    """The error for a name that is not in a table: says which was meant, and where all are."""
    # Another status is another meaning, however alike the names are.
    status = name[:_DIGITS] if name[:_DIGITS].isdigit() else ""
    rest = len(status)
    meant = {one[rest:]: one for one in allowed if one.startswith(status)}
    near = difflib.get_close_matches(name[rest:], meant, n=1, cutoff=_LIKENESS)
    said = f"There is no {kind} {name!r}."
    if near and name != status:
        said += f" Did you mean {meant[near[0]]!r}?"
    elif status and meant:
        said += f" Those of {status} are: {', '.join(meant.values())}."
    if len(allowed) <= _FEW:
        return ValueError(f"{said} There are: {', '.join(allowed)}.")
    return ValueError(f"{said} `{_LIST}` names all {len(allowed)}.")


def _natural_place(fault: Fault) -> Place:
    return fault.row.places[0]


@frozen
class Fault:
    """Something that goes wrong: `Fault("502-html", on="poll", times=3)`.

    Args:
        name: A row of `FAULTS`; `"custom"` takes status, body and headers from here.
        on: Which requests can meet it: "submit", "poll", "download", where a service takes uploads
            also "ticket" (asks for an address) and "upload" (brings the bytes there), and at fal
            "result" (of a job that is done) and "platform" (history, prices, balance); by default
            where the row belongs, mostly "submit".
        times: How often it strikes; None: always.
        after: How many requests that would meet it pass first.
        probability: How likely it strikes when it could, 0 to 1, drawn from the simulator's
            seeded generator.
        retry_after: Seconds for the Retry-After header (a date in the row with a date).
        seconds: How long a silence lasts.
        job_id: Only polls and downloads of this job meet it.
        prompt: Only requests for this prompt, and for its job and videos, meet it.
        status: An HTTP status in place of the row's.
        body: A body in place of the row's: mappings and lists as JSON, text as a page.
        headers: Headers beside the row's.
        started: Whether the server does its work nonetheless: on submit, creates the job. By
            default as the row says.

    Raises:
        ValueError: The catalogue has no such name, or the row does not go there; the message
            says what may have been meant.
    """

    name: str
    on: Place = field(kw_only=True, default=Factory(_natural_place, takes_self=True))
    times: int | None = field(default=1, kw_only=True)
    after: int = field(default=0, kw_only=True)
    probability: float = field(default=1.0, kw_only=True)
    retry_after: float | None = field(default=None, kw_only=True)
    seconds: float = field(default=_MINUTE, kw_only=True)
    job_id: str | None = field(default=None, kw_only=True)
    prompt: str | None = field(default=None, kw_only=True)
    status: int | None = field(default=None, kw_only=True)
    body: Body | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] | None = field(default=None, kw_only=True)
    started: bool = field(
        kw_only=True, default=Factory(lambda fault: fault.row.started, takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        complaint = _complaint(self)
        if complaint is not None:
            raise ValueError(f"Fault({self.name!r}): {complaint}")

    @property
    def row(self) -> FaultRow:
        """The row of the catalogue."""
        row = FAULTS.get(self.name)
        if row is None:
            raise unknown_name("fault", self.name, FAULTS)
        return row

    @property
    def spoils_true_answer(self) -> bool:
        """Whether it has no answer of its own and does something to the true one."""
        return self.row.status is None and self.status is None and self.body is None


def _complaint(fault: Fault) -> str | None:
    places = " and ".join(repr(place) for place in fault.row.places)
    low, high = _STATUSES
    checks = (
        (fault.on in fault.row.places, f"it is for {places}, not for on={fault.on!r}."),
        (
            fault.job_id is None or fault.on != "submit",
            "a submit has no job_id yet; choose among submits with prompt=, after= and times=.",
        ),
        (fault.name != "custom" or fault.status is not None, "it needs a status, as status=500."),
        (
            fault.status is None or low <= fault.status <= high,
            f"status={fault.status} is not one that ends a request, from {low} to {high}.",
        ),
        (0 <= fault.probability <= 1, f"probability={fault.probability} must be from 0 to 1."),
        (fault.times is None or fault.times >= 0, f"times={fault.times} must not be negative."),
        (fault.after >= 0, f"after={fault.after} must not be negative."),
        (fault.seconds >= 0, f"seconds={fault.seconds} must not be negative."),
        (
            fault.retry_after is None or fault.retry_after >= 0,
            f"retry_after={fault.retry_after} must not be negative.",
        ),
    )
    return next((sentence for good, sentence in checks if not good), None)


@define
class _Tally:
    fault: Fault
    """Kept so that its identity is not given to another object while this counts."""
    met: int = 0
    struck: int = 0


@define
class Ledger:
    """Counts how often each fault was met and struck; told apart by identity, not by value."""

    _random: random.Random
    _tallies: dict[int, _Tally] = field(factory=dict, init=False)

    def pick(
        self,
        faults: Sequence[Fault],
        place: Place,
        job_id: str | None = None,
        prompt: str | None = None,
    ) -> Fault | None:
        """The first of `faults` that strikes this request; those after it do not count it.

        Args:
            faults: In order of precedence.
            place: What kind of request it is.
            job_id: The job that is asked for.
            prompt: What was submitted, now or for that job.
        """
        for fault in tuple(faults):
            if (
                fault.on == place
                and fault.job_id in (None, job_id)
                and fault.prompt in (None, prompt)
                and self._strikes(fault, faults)
            ):
                return fault
        return None

    def _strikes(self, fault: Fault, faults: Sequence[Fault]) -> bool:
        tally = self._tallies.setdefault(id(fault), _Tally(fault))
        # One fault listed twice ([Fault(...)] * 2) strikes twice as often.
        listed = sum(other is fault for other in faults)
        if fault.times is not None and tally.struck >= fault.times * listed:
            return False
        tally.met += 1
        if tally.met <= fault.after or self._random.random() >= fault.probability:
            return False
        tally.struck += 1
        return True


def headers(fault: Fault, wall: float) -> dict[str, str]:
    """The headers of a fault's answer; `wall` is the time of day in seconds since 1970."""
    row = fault.row
    result = dict(row.headers)
    dated = result.get("Retry-After") == "date"
    if fault.retry_after is not None or dated:
        seconds = 1.0 if fault.retry_after is None else fault.retry_after
        # A date has whole seconds: rounded up, so that nobody is asked back too early.
        date = formatdate(math.ceil(wall + seconds), usegmt=True)
        result["Retry-After"] = date if dated else f"{seconds:g}"
    return result | dict(fault.headers or {})


def encoded(body: Body, service: Service | None, request_id: str) -> tuple[bytes, str | None]:
    """A body as it is sent and its content type; without a service, JSON is nobody's in special."""
    if isinstance(body, bytes):
        return body, None
    if isinstance(body, str):
        kind = "application/xml" if body.startswith("<?xml") else "text/html; charset=utf-8"
        return body.encode(), kind
    if service is None:
        return json.dumps(body).encode(), JSON
    return service.encode(body, request_id), JSON
