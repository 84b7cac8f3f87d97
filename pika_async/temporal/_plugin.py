"""What a client of the engine needs to carry our values, in one line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from pika_async.temporal._converter import with_our_values

if TYPE_CHECKING:
    from temporalio.worker import WorkflowRunner

# Loaded once and not for each workflow: else their classes would not be the same ones.
_LOADED_ONCE = ("pika_async", "attrs", "attr", "cattrs")


class PikaPlugin(SimplePlugin):
    """Lets a Temporal client and its workers know requests, states, money and outcomes.

    ``Client.connect("localhost:7233", plugins=[PikaPlugin()])``. Workers take it from their client.
    """

    def __init__(self) -> None:
        super().__init__(
            "pika_async", data_converter=with_our_values, workflow_runner=_without_reloading
        )


def _without_reloading(runner: WorkflowRunner | None) -> WorkflowRunner:
    if runner is None:
        runner = SandboxedWorkflowRunner()
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner
    restrictions = runner.restrictions.with_passthrough_modules(*_LOADED_ONCE)
    return dataclasses.replace(runner, restrictions=restrictions)
