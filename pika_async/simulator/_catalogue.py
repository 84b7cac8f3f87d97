"""The services there are, and what of each can be named: faults and variants."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pika_async.simulator import _common
from pika_async.simulator._services.fal.service import Fal
from pika_async.simulator._services.gateway.service import Gateway
from pika_async.simulator._services.pika.service import Pika

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pika_async.simulator._rows import FaultRow
    from pika_async.simulator._services._service import Service

SERVICES: Final[dict[str, type[Service]]] = {"gateway": Gateway, "pika": Pika, "fal": Fal}
"""Each service by name. Names of faults and variants mean one thing at all of them."""


def faults_of(service: type[Service]) -> dict[str, FaultRow]:
    """The rows by name that can be met at one service."""
    return {row.name: row for row in (*service.faults, *_common.COMMON)}


def variants_of(service: type[Service]) -> dict[str, str]:
    """The variants by name that one service can follow."""
    return {**service.variants, **_common.VARIANTS}


FAULTS: Final[Mapping[str, FaultRow]] = MappingProxyType(
    {name: row for service in SERVICES.values() for name, row in faults_of(service).items()}
)
"""The catalogue of faults by name."""

VARIANTS: Final[Mapping[str, str]] = MappingProxyType(
    {name: says for service in SERVICES.values() for name, says in variants_of(service).items()}
)
"""Body variants by name, with what each does."""
