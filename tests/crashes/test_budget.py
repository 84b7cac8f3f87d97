"""A batch with a budget that is killed again and again: all its runs together never pass it."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

import pytest
from crashes.nursery import Life, Order, nursery
from crashes.purse import PRICES, Killer, Purse, kinds
from support.impatient import IMPATIENT

from pika_async.dialects import SERVICES
from pika_async.simulator import Fault, Simulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]

# Of a submit in seven something goes wrong: it is made and its answer lost, or nothing leaves, or
# a proxy answers in the service's place.
FAULTS = [
    Fault("reset-after", times=None, probability=0.05),
    Fault("closed-before", times=None, probability=0.05),
    Fault("502-html", times=None, probability=0.05),
]
SEED = 16


def fails(body):
    """One video in ten fails, by its prompt."""
    chance = random.Random(str(sorted(body.items())))  # noqa: S311 - reproducible, not secret
    return "it fell" if chance.random() < 0.1 else None


def simulator(service, killer):
    return Simulator(
        service=service,
        duration=killer.duration,
        failure=fails,
        faults=FAULTS,
        now=time.time,
        seed=SEED,
    )


async def killed_and_resumed(tmp_path, *, service, prompts, bought, kills):
    """The purse, the last life, and that of one more run, each checked at its end."""
    price = PRICES[service]
    killer = Killer.drawn(kills, int(0.8 * bought), SEED)
    async with simulator(service, killer) as sim, nursery() as nurse:
        order = Order(
            url=sim.url,
            service=service,
            journal=str(tmp_path / "journal"),
            name=service,
            prompts=prompts,
            polling=0.05,
            budget=bought * price,
            price=price if service == "gateway" else None,
        )
        purse = Purse(sim, order)
        while killer.after:
            purse.check(await nurse.live(order, killer.until))
        last = await nurse.live(order)
        purse.check(last)
        submits = len(sim.submissions)
        again = await nurse.live(order)
        purse.check(again)
        assert len(sim.submissions) == submits
    assert (purse.found["kills"], last.code, again.code) == (kills, 0, 0)
    return purse, last, again


@pytest.mark.parametrize(
    "scale",
    [
        {"service": "pika", "prompts": 120, "bought": 40, "kills": 2},
        *({"service": name, "prompts": 1000, "bought": 300, "kills": 5} for name in SERVICES),
    ],
    ids=["short", *SERVICES],
)
async def test_no_kill_makes_a_batch_pass_its_budget_and_all_sums_agree(
    scale, tmp_path, record_property
):
    """The ledger never passes the budget, and the SDK's sums are what the ledger says."""
    purse, last, again = await killed_and_resumed(tmp_path, **scale)
    service, prompts, bought = scale["service"], scale["prompts"], scale["bought"]
    price, ends = PRICES[service], kinds(again.told)
    record_property("told", f"{service}: {dict(ends)}, {purse.ledger / price:g} of {bought} paid")

    # Each prompt has come to one end, and what was not bought was not for want of trying.
    assert len(again.told) == prompts == sum(ends.values())
    assert kinds(last.told)["beyond the budget"] == ends["beyond the budget"] == prompts - bought
    assert purse.found["uncertain in the journal"] == ends["uncertain"]

    # All that the SDK adds up comes to the same.
    spent = again.spent
    assert spent["reserved"] == 0
    assert last.spent == spent
    page, column = purse.by_the_report()
    assert sum(spent.values()) == purse.written() == page == column == purse.order.budget

    # And that is what the ledger says, but for what nobody can know of.
    if service == "pika":
        # It says what each video cost, and nothing of what failed.
        assert ends["uncertain"] == 0
        assert spent == {
            "charged": purse.ledger,
            "reserved": 0,
            "estimated": ends["failed"] * price,
        }
    else:
        assert spent["charged"] == 0
        unseen = purse.without_a_job(told for told in again.told if told["uncertain"])
        assert purse.order.budget - purse.ledger == unseen * price
    if service == "fal":
        # Those that had one stand in the history, and were found there.
        assert unseen == ends["uncertain"]


@pytest.mark.parametrize("service", SERVICES)
async def test_the_command_line_keeps_to_its_budget_as_well(service, tmp_path, monkeypatch):
    """Killed twice and run again, the same line: 40 of 120 are bought, and then nothing more."""
    price, bought, prompts = PRICES[service], 40, 120
    killer = Killer.drawn(2, int(0.8 * bought), SEED)
    for name in ("PIKA_API_KEY", "FAL_KEY"):
        monkeypatch.setenv(name, "key")
    monkeypatch.setenv("POLL_EVERY", "0.05")
    (tmp_path / "p.txt").write_text("".join(f"{service} {n}\n" for n in range(prompts)))
    async with simulator(service, killer) as sim:
        order = Order(
            url=sim.url,
            service=service,
            journal=str(tmp_path / "journal"),
            name=service,
            prompts=prompts,
            budget=bought * price,
        )
        purse = Purse(sim, order)
        line = ["batch", "p.txt", "--service", service, "--base-url", sim.url, "--no-download"]
        line += ["-j", "journal", "--budget", f"{bought * price / 1_000_000:g}", "--json"]
        line += ["--price", f"{price / 1_000_000:g}"] if service == "gateway" else []
        while killer.after:
            life, _, _ = await by_command_line(line, tmp_path, killer.until)
            purse.check(life)
        life, told, said = await by_command_line(line, tmp_path)
        purse.check(life)
        submits = len(sim.submissions)
        _, again, _ = await by_command_line(line, tmp_path)
        assert len(sim.submissions) == submits
    assert (purse.found["kills"], life.code) == (2, 1)
    *results, summary = told
    assert summary["spent"]["charged"]["micros"] == (purse.ledger if service == "pika" else 0)
    assert again[-1]["spent"] == summary["spent"]
    sums = [summary["spent"][part]["micros"] for part in ("charged", "reserved", "estimated")]
    assert sum(sums) == purse.written() == purse.by_the_report()[0] == order.budget
    refused = [one for one in results if (one["error"] or {}).get("kind") == "BudgetError"]
    assert len(refused) == prompts - bought
    assert sum("nothing more" in one for one in said.splitlines()) <= 1
    assert f"{prompts - bought} prompts not submitted: it would cost" in said


async def by_command_line(line, folder, until=None):
    """The command line in a process of its own: how it ended, its objects, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        IMPATIENT,
        *("-m", "pika_async.cli", *line),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    life = Life(process.pid)
    killer = None if until is None else asyncio.create_task(killed(life, until))
    out, err = await process.communicate()
    life.code = process.returncode
    if killer is not None:
        await killer
    told = [json.loads(one) for one in out.splitlines() if one.endswith(b"}")]
    return life, told, err.decode()


async def killed(life, until):
    await until(life)
    life.kill()
