"""The names by which workflows and workers find each other."""

from __future__ import annotations

import re
from typing import Final

QUEUE: Final = "pika"
"""The task queue of workflows of one, and of the waiting."""
ACCOUNTS: Final = "pika-accounts"
"""The task queue of all accounts of a namespace, which every worker serves. An account outlives the
workers of the campaign that began it."""

DEFAULT_ACCOUNT: Final = "default"
"""The account of a campaign for which nobody says one."""

GENERATE_VIDEO: Final = "PikaGenerateVideo"
CAMPAIGN: Final = "PikaCampaign"
PAGE: Final = "PikaPage"
REPAIR: Final = "PikaRepair"
ACCOUNT: Final = "PikaAccount"

SUBMIT: Final = "pika_submit"
FIND: Final = "pika_find"
FINISH: Final = "pika_finish"
OPEN_PAGE: Final = "pika_open_page"
SEAL_PAGE: Final = "pika_seal_page"
PAGE_RESULT: Final = "pika_page_result"
PAGES_BEGUN: Final = "pika_pages_begun"
SEAL_REPAIR: Final = "pika_seal_repair"
DECIDED: Final = "pika_decided"
REPAIRS_COST: Final = "pika_repairs_cost"
LEFT_BEHIND: Final = "pika_left_behind"
EARLIER_ACCOUNT: Final = "pika_earlier_account"
SHARES_OF: Final = "pika_shares_of"

STORE: Final = "store"
"""The memo of a campaign that tells where it lies."""
PROOF: Final = "digest"
"""The memo of a campaign that proves that a store is its own; see ``Manifest.proof``."""
DECISION: Final = "decision"
"""The memo of a repair that tells the word of its owner."""

_PART: Final = re.compile(r"(.+)/(?:page/\d{6,}|repair/\d+-\d+)(?:/again(?:-\d+)?)?")


def queue_of_submits(queue: str) -> str:
    """The task queue of the submits alone, so that the engine can be given a limit for them."""
    return f"{queue}-submit"


def id_of_account(name: str) -> str:
    """The id of the workflow that shares an account's limit."""
    return f"pika-account-{name}"


def id_of_page(campaign_id: str, page: int) -> str:
    """The id of the workflow of a page, from 0."""
    return f"{campaign_id}/page/{page:06}"


def ids_of_page(campaign_id: str, page: int) -> tuple[str, str]:
    """The same, and the id of the one that takes its place where it ended without a result."""
    return id_of_page(campaign_id, page), f"{id_of_page(campaign_id, page)}/again"


def page_number(page_id: str) -> int:
    """The page, from 0, whose workflow has this id, be it the first one or the second."""
    return int(page_id.rpartition("/page/")[2].partition("/")[0])


def id_of_repair(campaign_id: str, index: int, number: int, tries: int) -> str:
    """The id of the workflow of a repair: of a line, from 0; the number and the try, from 1."""
    again = "" if tries == 1 else f"/again-{tries}"
    return f"{campaign_id}/repair/{index}-{number}{again}"


def campaign_of(workflow_id: str) -> str | None:
    """The campaign of a page or a repair; None where the id is of neither."""
    found = _PART.fullmatch(workflow_id)
    return None if found is None else found[1]
