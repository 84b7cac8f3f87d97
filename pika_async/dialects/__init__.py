"""How services spell Pika on the wire; one folder a service, values in, values out."""

from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
from pika_async.dialects._seam import Accepted, Conversation, Dialect, Handle, TakesUploads
from pika_async.dialects.gateway import Gateway

__all__ = [
    "Accepted",
    "Conversation",
    "Dialect",
    "Endpoint",
    "Gateway",
    "HTTPRequest",
    "HTTPResponse",
    "Handle",
    "TakesUploads",
]
