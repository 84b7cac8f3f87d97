"""What a simulator can be told; checked when it is made and when it is changed."""

from __future__ import annotations

import random
import time
from collections import UserList
from collections.abc import Callable, Collection, Iterable, Mapping, MutableSequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import Attribute, Factory, define, field
from attrs.setters import frozen
from attrs.validators import ge, gt, in_, le, optional

from pika_async.simulator import _media
from pika_async.simulator._catalogue import (
    SERVICES,
    VARIANTS,
    faults_of,
    variants_of,
)
from pika_async.simulator._faults import Fault, unknown_name
from pika_async.simulator._jobs import Polls
from pika_async.simulator._services._service import Service, UnknownJob

Duration: TypeAlias = float | Polls | Callable[[random.Random], float]
Failure: TypeAlias = str | Callable[[Mapping[str, Any]], str | None] | None

_PORTS: Final = 65535


def _variants(given: Iterable[str] | Mapping[str, float]) -> Mapping[str, float]:
    if isinstance(given, str):
        given = (given,)
    chances = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, 1.0)
    for name, chance in chances.items():
        if not 0 <= chance <= 1:
            raise ValueError(
                f"The probability of variant {name!r} is {chance}; it must be from 0 to 1."
            )
    return MappingProxyType(chances)


def _followed_here(settings: Settings, _: Attribute[Any], chances: Mapping[str, float]) -> None:
    here = type(settings.service_at_work)
    known = variants_of(here)
    for name in chances:
        if name in VARIANTS and name not in known:
            raise _elsewhere("variant", name, here, variants_of)
        if name not in known:
            raise unknown_name("variant", name, known)


def _elsewhere(
    kind: str,
    name: str,
    here: type[Service],
    names_of: Callable[[type[Service]], Collection[str]],
    alike: Collection[str] = (),
) -> ValueError:
    """The error for a name that other services have; none that only sounds like it is offered."""
    others = " and ".join(other for other, service in SERVICES.items() if name in names_of(service))
    words = "Of the same status there are" if alike else "There are"
    offered = f"{words}: {', '.join(alike or names_of(here))}"
    return ValueError(
        f"There is no {kind} {name!r} at {here.name}; it is one of {others}. {offered}."
    )


def _not_negative(_: Settings, __: Attribute[Any], duration: object) -> None:
    if isinstance(duration, int | float) and duration < 0:
        raise ValueError(
            f"duration is {duration} seconds; it must be 0 or more, Polls(n), or a function."
        )


def _enough_bytes(_: Settings, __: Attribute[int | None], size: int | None) -> None:
    _media.video(size)


def _prefix(given: str) -> str:
    inner = given.strip("/")
    return f"/{inner}" if inner else ""


class _Faults(UserList[Fault]):
    """A list that refuses what is no fault when it is put in, not when a request meets it."""

    def __init__(self, given: Iterable[Fault] = (), at: type[Service] | None = None) -> None:
        self.at = at
        """The service whose faults can be met; None: not yet known."""
        super().__init__(self._checked(fault) for fault in given)

    def append(self, item: Fault) -> None:
        super().append(self._checked(item))

    def insert(self, i: int, item: Fault) -> None:
        super().insert(i, self._checked(item))

    def extend(self, other: Iterable[Fault]) -> None:
        super().extend([self._checked(fault) for fault in other])

    def keep_to(self, service: type[Service]) -> None:
        """Refuse from now on what cannot be met at it, here already or put in later."""
        self.at = service
        for fault in self:
            self._checked(fault)

    def _checked(self, fault: object) -> Fault:
        if not isinstance(fault, Fault):
            raise TypeError(
                f"faults must be Fault objects, such as Fault('502-html'), not {fault!r}."
            )
        if self.at is not None and fault.name not in (met := faults_of(self.at)):
            alike = [name for name, row in met.items() if row.status == fault.row.status]
            raise _elsewhere("fault", fault.name, self.at, faults_of, alike)
        return fault


def _met_here(settings: Settings, _: Attribute[Any], faults: _Faults) -> None:
    faults.keep_to(type(settings.service_at_work))


def _at_work(settings: Settings) -> Service:
    kind = SERVICES.get(settings.service)
    if kind is None:
        raise unknown_name("service", settings.service, SERVICES)
    return kind()


@define(kw_only=True, eq=False)
class Settings:
    """The keyword arguments of `Simulator`."""

    service: str = field(default="gateway", on_setattr=frozen)
    """The service that it behaves like."""
    service_at_work: Service = field(default=Factory(_at_work, takes_self=True), init=False)
    """What knows the paths and the words of that service."""
    duration: Duration = field(default=2.0, validator=_not_negative)
    """Seconds from submit to the end. `Polls(3)`: the third poll of a job finds it ended, whatever
    the clock says. A function: called for each job with the seeded generator, returns seconds."""
    queue: float = field(default=0.2, validator=[ge(0), le(1)])
    """Share of the duration that is spent queued, 0 to 1."""
    failure: Failure = None
    """A reason: every job fails with it. A function of the submitted body: returns the reason, or
    None for success."""
    faults: MutableSequence[Fault] = field(factory=_Faults, converter=_Faults, validator=_met_here)
    """What goes wrong; may be appended to while the simulator runs. The first that strikes wins."""
    _chances: Mapping[str, float] = field(
        factory=dict, converter=_variants, validator=_followed_here, alias="variants"
    )
    videos_per_job: int = field(default=1, validator=ge(1))
    """How many videos a job makes."""
    api_key: str | None = None
    """The only key that is accepted; None: any key but an empty one."""
    unknown_job: UnknownJob = field(default="400", validator=in_(("400", "404", "empty")))
    """How a poll of a job that does not exist, or is another key's, is answered."""
    submits_per_second: float | None = field(default=None, validator=optional(gt(0)))
    """Beyond this rate submits get a 429; None: no limit. The token bucket holds one second's
    worth, and at least one."""
    limit_retry_after: bool = False
    """Whether those 429 say in Retry-After when to come back, in whole seconds."""
    media_bytes: int | None = field(default=None, validator=_enough_bytes)
    """Size of the served video in bytes, padded so that it still plays; None: as small as it is."""
    record: bool = True
    """Whether submissions, polls, downloads and strays are kept; False for load tests."""
    host: str = field(default="127.0.0.1", on_setattr=frozen)
    """The address to listen on."""
    port: int = field(default=0, validator=[ge(0), le(_PORTS)], on_setattr=frozen)
    """The port of the API; 0: any that is free."""
    media_port: int = field(default=0, validator=[ge(0), le(_PORTS)], on_setattr=frozen)
    """The port of the media; 0: any that is free."""
    prefix: str = field(default="", converter=_prefix, on_setattr=frozen)
    """A path in front of the API's paths."""
    seed: int = field(default=0, on_setattr=frozen)
    """Equal seeds draw equal ids, durations, variants and faults for equal requests."""
    now: Callable[[], float] = field(default=time.monotonic, on_setattr=frozen)
    """The clock of the jobs, in seconds. Silences of faults last real seconds."""

    @property
    def variants(self) -> Mapping[str, float]:
        """Body variants and their probabilities, drawn for each job. May be set to names alone."""
        return self._chances

    @variants.setter
    def variants(self, given: Iterable[str] | Mapping[str, float]) -> None:
        self._chances = _variants(given)
