"""Spans and metrics of OpenTelemetry, made of events. Needs the extra ``otel``.

    PikaClient(observer=Telemetry())

See :class:`Telemetry`. The extra brings the API alone: with no SDK set up it does nothing.
"""

from __future__ import annotations

try:
    from pika_async.otel._telemetry import Telemetry
except ImportError as _error:
    if (_error.name or "").partition(".")[0] != "opentelemetry":
        raise
    raise ModuleNotFoundError(
        "pika_async.otel needs opentelemetry-api, which is not installed: "
        "pip install '/path/to/clone[otel]'",
        name=_error.name,
        path=_error.path,
    ) from _error

__all__ = ["Telemetry"]
