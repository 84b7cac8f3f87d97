"""What a campaign says of itself, in words. Needs no engine."""

from __future__ import annotations

from support.tables import every_row

from pika_async.temporal._campaign.sentences import KNOWS_NOTHING, NO_ANSWERS, with_reason

KEY, LUNCH = "The key is refused.", "lunch"
REASONS = {
    "the first": ([LUNCH], LUNCH),
    "a second is told too, after the first": ([NO_ANSWERS, KEY], f"{NO_ANSWERS} Also: {KEY}"),
    "its owner's word does not hide it": ([NO_ANSWERS, LUNCH], f"{NO_ANSWERS} Also: {LUNCH}"),
    "the same of forty pages is told once": ([KEY] * 40, KEY),
    "no more than three": (["a", "b", "c", "d"], "a Also: b Also: c"),
}


@every_row("name", REASONS)
def test_no_reason_for_a_pause_is_hidden_by_another(name):
    """Where answers were lost, nothing says so a second time once it is resumed."""
    reasons, expected = REASONS[name]
    paused = None
    for reason in reasons:
        paused = with_reason(paused, reason)
    assert paused == expected


def test_what_to_do_where_the_service_knows_nothing_of_what_is_submitted_is_told_by_its_cause():
    """An address is mended. A model that is gone is not: then somebody decides, once."""
    told = KNOWS_NOTHING.format(meaning="No such path.")
    assert told.startswith("No such path. ")
    for words in ("base URL", "resume NAME --refuse-unknown", "refuse_unknown=True", "stop NAME"):
        assert words in told
