"""fal's queue, as https://fal.ai serves it."""

from pika_async.dialects.fal.dialect import Fal

__all__ = ["Fal"]
