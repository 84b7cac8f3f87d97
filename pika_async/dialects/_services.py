"""Which services there are, by name, and which of them would take a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async._checks import FieldError
from pika_async._errors import ConfigurationError
from pika_async.dialects._fields import is_full_path
from pika_async.dialects._seam import ReadsPlace
from pika_async.dialects.fal import Fal
from pika_async.dialects.gateway import Gateway
from pika_async.dialects.pika import Pika

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pika_async._request.request import GenerationRequest
    from pika_async.dialects._seam import Dialect

SERVICE_VARIABLE: Final = "PIKA_SERVICE"
"""The environment variable that names the service where the program does not."""

SERVICES: Final[dict[str, Callable[[], Dialect]]] = {
    "gateway": Gateway,
    "pika": Pika,
    "fal": Fal,
}
"""What makes the dialect of each service, by its name."""


def url_variable(dialect: Dialect) -> str:
    """The environment variable that says where a service is."""
    return dialect.url_variable if isinstance(dialect, ReadsPlace) else "PIKA_BASE_URL"


def service_named(name: str) -> Dialect:
    """The dialect of a service.

    Raises:
        FieldError: There is none of that name; names those that there are.
    """
    make = SERVICES.get(name.strip().lower())
    if make is None:
        raise FieldError("service", name, ", ".join(SERVICES), verb="are")
    return make()


def service_of(environment: Mapping[str, str]) -> Dialect:
    """The dialect that the environment names in ``PIKA_SERVICE``, else the gateway's.

    Raises:
        ConfigurationError: There is none of that name.
    """
    name = environment.get(SERVICE_VARIABLE, "").strip() or "gateway"
    try:
        return service_named(name)
    except FieldError as error:
        raise ConfigurationError(error.complaint, setting=SERVICE_VARIABLE) from error


def check_at(dialect: Dialect, request: GenerationRequest) -> None:
    """Refuse what a service does not have, and say which other services would take it.

    Raises:
        FieldError: Names the field, the value and what is allowed; ``services`` are the others.
    """
    try:
        dialect.check(request)
    except FieldError as error:
        # Models go through unchecked where they are named in full: another service takes the
        # field, and has no such model.
        if not is_full_path(request):
            error.services = tuple(name for name in SERVICES if _takes(name, dialect, request))
        raise


def _takes(name: str, dialect: Dialect, request: GenerationRequest) -> bool:
    if name == dialect.name:
        return False
    try:
        service_named(name).check(request)
    except FieldError:
        return False
    return True
