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
    """The keyword arguments of `Simulator`, which says what each is."""

    service: str = field(default="gateway", on_setattr=frozen)
    service_at_work: Service = field(default=Factory(_at_work, takes_self=True), init=False)
    """What knows the paths and the words of that service."""
    duration: Duration = field(default=2.0, validator=_not_negative)
    queue: float = field(default=0.2, validator=[ge(0), le(1)])
    failure: Failure = None
    faults: MutableSequence[Fault] = field(factory=_Faults, converter=_Faults, validator=_met_here)
    _chances: Mapping[str, float] = field(
        factory=dict, converter=_variants, validator=_followed_here, alias="variants"
    )
    videos_per_job: int = field(default=1, validator=ge(1))
    api_key: str | None = None
    unknown_job: UnknownJob = field(default="400", validator=in_(("400", "404", "empty")))
    submits_per_second: float | None = field(default=None, validator=optional(gt(0)))
    limit_retry_after: bool = False
    media_bytes: int | None = field(default=None, validator=_enough_bytes)
    record: bool = True
    host: str = field(default="127.0.0.1", on_setattr=frozen)
    port: int = field(default=0, validator=[ge(0), le(_PORTS)], on_setattr=frozen)
    media_port: int = field(default=0, validator=[ge(0), le(_PORTS)], on_setattr=frozen)
    prefix: str = field(default="", converter=_prefix, on_setattr=frozen)
    seed: int = field(default=0, on_setattr=frozen)
    now: Callable[[], float] = field(default=time.monotonic, on_setattr=frozen)

    @property
    def variants(self) -> Mapping[str, float]:
        """Body variants and their probabilities, drawn for each job. May be set to names alone."""
        return self._chances

    @variants.setter
    def variants(self, given: Iterable[str] | Mapping[str, float]) -> None:
        self._chances = _variants(given)
