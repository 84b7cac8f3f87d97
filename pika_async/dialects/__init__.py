"""How services spell Pika on the wire; one folder a service, values in, values out."""

from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
from pika_async.dialects._fields import check_sizes
from pika_async.dialects._seam import (
    Accepted,
    Cancels,
    Conversation,
    Dialect,
    Finds,
    Handle,
    KeepsFacts,
    LimitsMedia,
    Lost,
    Quotes,
    ReadsPlace,
    SettlesLate,
    TakesUploads,
    TellsBalance,
)
from pika_async.dialects._services import (
    SERVICES,
    check_at,
    service_named,
    service_of,
    url_variable,
)
from pika_async.dialects.fal import Fal
from pika_async.dialects.gateway import Gateway
from pika_async.dialects.pika import Pika

__all__ = [
    "SERVICES",
    "Accepted",
    "Cancels",
    "Conversation",
    "Dialect",
    "Endpoint",
    "Fal",
    "Finds",
    "Gateway",
    "HTTPRequest",
    "HTTPResponse",
    "Handle",
    "KeepsFacts",
    "LimitsMedia",
    "Lost",
    "Pika",
    "Quotes",
    "ReadsPlace",
    "SettlesLate",
    "TakesUploads",
    "TellsBalance",
    "check_at",
    "check_sizes",
    "service_named",
    "service_of",
    "url_variable",
]
