"""What metrics are told apart by: few values in all, whatever happens to however many jobs."""

from __future__ import annotations

from contextlib import suppress

import pytest
from support.batches import client_for, prompts

from pika_async import PikaError, run_batch
from pika_async.simulator import Fault, Polls, Simulator

ALLOWED = {
    "error.type",
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "pika.currency",
    "pika.outcome",
    "pika.resumed",
    "pika.service",
}
# Of a service, what goes wrong, and metrics that there are then.
WAYS = {
    "gateway": (
        ("429-empty", "reset-after", "400-openai"),
        {
            "gen_ai.client.operation.duration",
            "pika.client.jobs.in_flight",
            "pika.client.submit.duration",
            "pika.client.submits.uncertain",
            "pika.client.rate_limited",
            "pika.client.submit.held_back",
            "pika.client.polls",
            "pika.client.download.bytes",
        },
    ),
    "pika": ((), {"pika.client.cost"}),
}


def points(backend) -> list[tuple[str, dict[str, object]]]:
    """The name and the attributes of each point of each metric that is exported."""
    data = backend._reader.get_metrics_data()
    return [
        (metric.name, dict(point.attributes))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]


@pytest.mark.parametrize("service", WAYS)
async def test_no_metric_of_any_kind_names_a_job_or_quotes_a_prompt(backend, tmp_path, service):
    """Each would be a time series a job, which no backend can hold."""
    names, metrics = WAYS[service]
    lines = prompts(20)
    faults = [Fault(name) for name in names]
    async with Simulator(service=service, duration=Polls(1), faults=faults) as sim:
        async with client_for(sim, observer=backend.telemetry()) as client:
            await run_batch(client, lines, output_dir=tmp_path / "out")
            with suppress(PikaError):
                await client.generate(lines[0], timeout=0)
        ids = {*sim.jobs}
    exported = points(backend)
    assert {name for name, _ in exported} >= metrics
    assert {label for _, labels in exported for label in labels} <= ALLOWED
    told = {str(value) for _, labels in exported for value in labels.values()}
    assert [one for one in (*ids, *lines) if any(one in value for value in told)] == []
