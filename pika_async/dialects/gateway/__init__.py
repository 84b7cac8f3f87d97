"""The gateway of the specification and its siblings."""

from pika_async.dialects.gateway.dialect import Gateway

__all__ = ["Gateway"]
