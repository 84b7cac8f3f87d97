"""The id of a workflow tells what it is part of."""

from __future__ import annotations

from support.tables import every_row

from pika_async.temporal._names import campaign_of, id_of_repair, ids_of_page, page_number

# A campaign may have any name, also one that looks like a part of another.
CAMPAIGNS = ["summer", "summer/page/000001/again", "a/repair/1-1"]


@every_row("campaign", CAMPAIGNS)
@every_row("page", [0, 7, 1_234_567])
def test_both_workflows_of_a_page_tell_the_page_and_the_campaign(campaign, page):
    for name in ids_of_page(campaign, page):
        assert (page_number(name), campaign_of(name)) == (page, campaign)


@every_row("campaign", CAMPAIGNS)
@every_row("tries", [1, 2])
def test_each_try_of_a_repair_tells_the_campaign(campaign, tries):
    assert campaign_of(id_of_repair(campaign, 7, 1, tries)) == campaign


@every_row("name", ["summer", "pika-account-summer", "summer/page/1", "/page/000001"])
def test_what_is_neither_a_page_nor_a_repair_tells_no_campaign(name):
    assert campaign_of(name) is None
