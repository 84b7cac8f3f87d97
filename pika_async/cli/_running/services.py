"""The service that a command asks: its dialect, by the name that was given."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final

from pika_async import FieldError
from pika_async.cli._running.exits import UsageError
from pika_async.dialects import check_at, service_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async import Dialect, GenerationRequest


_VARIABLE: Final = "PIKA_SERVICE"


def dialect_of(service: str) -> Dialect:
    """The dialect of a service.

    Raises:
        UsageError: There is no service of that name.
    """
    try:
        return service_named(service)
    except FieldError as error:
        # The name may come from the environment, and then no option is to be blamed.
        named = os.environ.get(_VARIABLE, "").strip().lower() == service.strip().lower()
        where = _VARIABLE if named else "--service"
        raise UsageError(f"{where}: {error.complaint}.") from error


def check_of(service: str) -> Callable[[GenerationRequest], None]:
    """What refuses a request that this service would not take.

    Raises:
        UsageError: There is no service of that name.
    """
    return partial(check_at, dialect_of(service))
