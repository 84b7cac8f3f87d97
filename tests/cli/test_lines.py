"""The commands that go on with a journal."""

from pathlib import Path

from pika_async.cli._running.lines import batch_line, settle_words


def test_a_name_that_begins_with_a_hyphen_is_no_option(tmp_path, monkeypatch):
    """As it stands on the line it would be one, and the command a usage error."""
    monkeypatch.chdir(tmp_path)
    Path("-shots.txt").touch()
    journal = Path("-shots.txt.journal")
    assert settle_words(journal, ()) == ["pika-async", "settle", "./-shots.txt.journal"]
    assert batch_line(journal, (), None) == "pika-async batch ./-shots.txt"
