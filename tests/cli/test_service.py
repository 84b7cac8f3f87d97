"""``--service``: the same commands at another service, checked before anything is sent."""

from __future__ import annotations

import pytest

from pika_async.dialects import SERVICES

REFUSED = '"duration": 5'


@pytest.mark.parametrize("verb", ["generate", "batch", "watch", "simulate"])
def test_every_verb_knows_it(pika, verb):
    assert "--service" in pika(verb, "--help").out


@pytest.mark.parametrize(
    "arguments",
    [("generate", "x", "--simulate"), ("watch", "job-1"), ("simulate",)],
    ids=lambda arguments: arguments[0],
)
def test_an_unknown_service_is_refused_with_those_that_there_are(pika, arguments):
    done = pika(*arguments, "--service", "sora")
    assert done.code == 2
    assert f"--service: 'sora' is not allowed; allowed are {', '.join(SERVICES)}" in done.err


def test_the_environment_names_it_too(pika, monkeypatch):
    """Then it is the variable that is wrong, and no option that nobody gave."""
    monkeypatch.setenv("PIKA_SERVICE", "sora")
    assert "error: PIKA_SERVICE: 'sora' is not allowed" in pika("generate", "x", "--simulate").err
    done = pika("generate", "x", "--simulate", "--service", "luma")
    assert "error: --service: 'luma' is not allowed" in done.err


def test_what_the_service_does_not_have_is_refused_before_anything_is_sent(pika, sim):
    done = pika("generate", "x", "--duration", "5")
    assert done.code == 2
    assert "--duration: 5 is not allowed; the gateway has no such field" in done.err
    assert sim.submissions == []


def test_a_file_is_held_against_the_service_before_its_first_line_is_sent(pika, here, sim):
    (here / "p.jsonl").write_text(f'{{"prompt": "a"}}\n{{"prompt": "b", {REFUSED}}}\n')
    done = pika("batch", "p.jsonl")
    assert done.code == 2
    assert "p.jsonl:2: duration: 5 is not allowed; the gateway has no such field" in done.err
    assert sim.submissions == []
