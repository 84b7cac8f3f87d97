"""Pika's own API."""

from pika_async.dialects.pika.dialect import Pika

__all__ = ["Pika"]
