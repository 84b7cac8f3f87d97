"""How services spell Pika on the wire; one file a service, values in, values out."""

from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
from pika_async.dialects._seam import Accepted, Dialect
from pika_async.dialects.gateway import Gateway

__all__ = [
    "Accepted",
    "Dialect",
    "Endpoint",
    "Gateway",
    "HTTPRequest",
    "HTTPResponse",
]
