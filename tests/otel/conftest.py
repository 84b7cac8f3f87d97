"""An SDK of OpenTelemetry that keeps all it is given, one a test."""

from __future__ import annotations

import pytest
from support.backend import Backend


@pytest.fixture
def backend():
    kept = Backend()
    yield kept
    kept.traces.shutdown()
    kept.metrics.shutdown()
