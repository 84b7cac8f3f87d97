"""What help shows, and what is left out of it."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("verb", ["", "generate", "batch", "quote", "settle", "report", "simulate"])
def test_help_shows_no_value_for_what_takes_none(pika, verb):
    assert "bool" not in pika(*filter(None, [verb]), "--help").out


def test_the_fields_of_results_for_machines_are_told(pika, here, sim):
    (here / "p.txt").write_text("a\n")
    done = pika("batch", "p.txt", "--base-url", sim.url, "--json")
    told = pika("batch", "--help").out
    missing = [name for name in done.events[0] if name != "event" and name not in told]
    assert missing == []
