"""What the engine says no to is told apart: nobody answers, it has forgotten, or it refuses."""

from __future__ import annotations

import pytest
from support.tables import every_row
from temporalio.service import RPCError, RPCStatusCode

from pika_async.temporal import CampaignError, NoAnswerError
from pika_async.temporal._engine import ForgottenError, described, is_known, said

UNKNOWN = ("workflow not found for ID: summer", RPCStatusCode.NOT_FOUND)
# As the server for tests says it, in which hours pass at once.
UNKNOWN_IN_TESTS = (
    "Execution not found in mutable state: WorkflowId{namespace='default', workflowId='summer'}",
    RPCStatusCode.NOT_FOUND,
)
ENDED = ("workflow execution already completed", RPCStatusCode.NOT_FOUND)
NO_NAMESPACE = ("Namespace winter is not found.", RPCStatusCode.NOT_FOUND)
AWAY = ("connection refused", RPCStatusCode.UNAVAILABLE)


class Engine:
    """Says the same to whatever it is asked."""

    def __init__(self, message, status):
        self.error = RPCError(message, status, b"")

    def get_workflow_handle(self, *_, **__):
        return self

    async def describe(self):
        raise self.error


@every_row(
    ("answer", "kind", "sentence"),
    [
        (UNKNOWN, ForgottenError, "the Temporal server knows no campaign summer"),
        (UNKNOWN_IN_TESTS, ForgottenError, "the Temporal server knows no campaign summer"),
        (ENDED, CampaignError, "the campaign summer has ended already; nothing was changed"),
        (NO_NAMESPACE, CampaignError, "the Temporal server has no such namespace"),
        (AWAY, NoAnswerError, "the Temporal server cannot be reached: connection refused"),
        (("", RPCStatusCode.DEADLINE_EXCEEDED), NoAnswerError, "no worker has answered"),
        (("no", RPCStatusCode.PERMISSION_DENIED), CampaignError, "the Temporal server says: no"),
    ],
)
async def test_each_answer_has_an_error_and_a_sentence_of_its_own(answer, kind, sentence):
    with pytest.raises(CampaignError) as caught:
        await said(Engine(*answer).describe(), campaign="summer")
    assert type(caught.value) is kind
    assert str(caught.value).startswith(sentence)


@every_row("answer", [UNKNOWN, UNKNOWN_IN_TESTS])
async def test_a_workflow_that_the_engine_does_not_know_has_no_description(answer):
    assert await described(Engine(*answer), "summer") is None
    assert await is_known(Engine(*answer), "summer") is False


@every_row("answer", [NO_NAMESPACE, AWAY])
async def test_where_the_engine_cannot_be_asked_nothing_counts_as_unknown(answer):
    """Else a campaign would be noted down in its store that the engine then refuses to start."""
    with pytest.raises(CampaignError):
        await is_known(Engine(*answer), "summer")
