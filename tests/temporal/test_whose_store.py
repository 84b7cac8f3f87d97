"""A store that was said is used only where it is that of the campaign that was named."""

from __future__ import annotations

import pytest

from pika_async import GenerationRequest
from pika_async.temporal import Campaign, CampaignError, Decision, Uncertain, Why
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.files import read_sealed, seal, write_pages
from pika_async.temporal._owner.remembered import remembered
from pika_async.temporal._store.store import open_store

UNSURE = Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
DROP = Decision(index=0, drop=True)


@pytest.fixture
async def place(tmp_path):
    """A store with one uncertain line, on which no campaign was started yet."""
    store = open_store(tmp_path)
    await write_pages(store, [GenerationRequest("a red panda")], page_size=500)
    await seal(store, 0, [UNSURE])
    return tmp_path


async def started(place, *names):
    """These campaigns were started on it, one after the other."""
    store = open_store(place)
    for number, name in enumerate(names):
        noted = f"started-{number + 1}.txt" if number else "started.txt"
        assert await store.create(noted, name.encode())


async def read_all(iterator):
    return [each async for each in iterator]


WAYS = {
    "resolve": lambda campaign: campaign.resolve(0, drop=True),
    "resolve_all": lambda campaign: read_all(campaign.resolve_all([DROP])),
    "plan_repairs": lambda campaign: campaign.plan_repairs([DROP]),
    "known_jobs": lambda campaign: campaign.known_jobs([0]),
    "results": lambda campaign: read_all(campaign.results()),
    "place": lambda campaign: campaign.place(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_the_store_of_another_campaign_is_refused(way, nobody, place):
    """A decision about foxes would be written down for owls, and their prompts be listed."""
    await started(place, "owls")
    with pytest.raises(CampaignError) as caught:
        await way(Campaign(nobody, "foxes", store=place))
    assert f"the store {place} is of the campaign owls, not of foxes" in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    assert await read_sealed(open_store(place), 0) == (UNSURE,)


async def test_where_it_stood_is_not_told_from_the_store_of_another_campaign(place):
    """Once the engine has forgotten foxes, its store alone tells: not that of owls."""
    await started(place, "owls")
    with pytest.raises(CampaignError, match=r"is of the campaign owls, not of foxes"):
        await remembered(open_store(place), "foxes")


@pytest.mark.parametrize("name", ["owls", "owls-again"])
async def test_a_campaign_that_was_carried_on_is_read_by_each_of_its_names(name, nobody, place):
    await started(place, "owls", "owls-again")
    campaign = Campaign(nobody, name, store=place)
    assert [one.outcome for one in await read_all(campaign.results())] == [UNSURE]


async def test_all_names_of_the_other_one_are_told(nobody, place):
    """Whoever looks for his campaign sees at once whose store it is."""
    await started(place, "owls", "owls-again")
    with pytest.raises(CampaignError, match=r"campaign owls and owls-again, not of foxes"):
        await Campaign(nobody, "foxes", store=place).place()


@pytest.mark.parametrize("way", ["resolve", "resolve_all", "plan_repairs"])
async def test_nothing_is_decided_where_no_campaign_was_started(way, nobody, place):
    """Whatever is decided there would be about prompts that nobody has submitted."""
    with pytest.raises(CampaignError, match=r"no campaign was ever started on the store"):
        await WAYS[way](Campaign(nobody, "foxes", store=place))


async def test_what_was_never_started_may_be_read(nobody, place):
    """There is no name that could be another one's."""
    campaign = Campaign(nobody, "foxes", store=place)
    assert len(await read_all(campaign.results())) == 1


async def test_a_campaign_that_is_started_meanwhile_is_noticed(nobody, place):
    """A store without a name is looked at again, and one with a name once."""
    campaign = Campaign(nobody, "foxes", store=place)
    await read_all(campaign.results())
    await claim(nobody, open_store(place), "owls", 1, carry_on=False)
    with pytest.raises(CampaignError, match="not of foxes"):
        await read_all(campaign.results())


async def test_whose_store_it_is_is_asked_once(nobody, place):
    await started(place, "foxes")
    campaign = Campaign(nobody, "foxes", store=place)
    await read_all(campaign.results())
    (place / "started.txt").unlink()
    await started(place, "owls")
    assert len(await read_all(campaign.results())) == 1
