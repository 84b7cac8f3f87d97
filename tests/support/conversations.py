"""Conversations held by hand: what is asked, and what comes of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pika_async.dialects import Conversation, HTTPRequest, HTTPResponse

T = TypeVar("T")


def asked(conversation: Conversation[T]) -> HTTPRequest:
    """The first request; nothing is answered."""
    request = next(conversation)
    conversation.close()
    return request


def meant(conversation: Conversation[T], *answers: HTTPResponse) -> T:
    """What it returns after these answers, all of which it must have asked for."""
    next(conversation)
    for answer in answers[:-1]:
        conversation.send(answer)
    try:
        conversation.send(answers[-1])
    except StopIteration as end:
        return end.value
    raise AssertionError("it asks for more")
