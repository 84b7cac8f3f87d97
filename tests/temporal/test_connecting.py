"""What is said where the engine does not answer."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async.temporal import NoAnswerError
from pika_async.temporal._connecting import told_of_the_server

GONE = (
    "Worker validation failed: Namespace default was not found or otherwise could not be "
    'described: Status { code: Unavailable, message: "tcp connect error", source: Some('
    'tonic::transport::Error(Transport, ConnectError(ConnectError("tcp connect error", '
    '127.0.0.1:7233, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }))))}'
)


def test_a_server_that_went_away_as_a_worker_began_is_told_as_one_that_never_was():
    """The library's error is written in Rust and would be taken for a bug."""
    with pytest.raises(NoAnswerError) as caught, told_of_the_server("127.0.0.1:7233"):
        raise RuntimeError(GONE)
    assert str(caught.value) == (
        "no Temporal server answers at 127.0.0.1:7233 (Connection refused); start one with "
        "`pika-async campaign server`, or name another."
    )


@every_row(
    "words",
    [
        "a bug",
        "Worker validation failed: no workflows",
        GONE.replace("Unavailable", "PermissionDenied"),
    ],
)
def test_another_error_of_a_worker_stays_what_it_is(words):
    with pytest.raises(RuntimeError, match=words[:20]), told_of_the_server("127.0.0.1:7233"):
        raise RuntimeError(words)
