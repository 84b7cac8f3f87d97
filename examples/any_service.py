"""One program for every service: what it will cost, within a budget, and what it did cost.

Nothing in it names a service: PIKA_SERVICE does, and the key of that service. Run the same line
again to go on; each service has a journal of its own.

PIKA_SERVICE=pika PIKA_API_KEY=… python examples/any_service.py pika.journal 2.00 "a red panda"
PIKA_SERVICE=fal FAL_KEY=… python examples/any_service.py fal.journal 2.00 "a red panda" "an otter"
PIKA_API_KEY=… python examples/any_service.py gateway.journal 2.00 "a red panda" "an otter"
"""

import argparse
import asyncio
import sys
from decimal import Decimal

from pika_async import Batch, BudgetError, ConfigurationError, Money, PikaClient

# What a video is taken to cost where the service, a gateway say, does not tell.
PRICE = Money.of("0.45")


async def main(journal: str, dollars: str, prompts: list[str]) -> int:
    async with PikaClient() as client:
        balance = await client.balance()
        print(f"in the account: {balance or 'the service does not say'}")
        for prompt in prompts:
            quote = await client.quote(prompt)
            print(f"{prompt}: {quote or f'the service does not say, perhaps {PRICE}'}")
        # Before a submit leaves, its quote is taken from the budget; it never goes below nothing.
        async with Batch(
            client,
            prompts,
            budget=Decimal(dollars),
            price=PRICE,
            journal=journal,
            output_dir="videos",
        ) as batch:
            async for result in batch:
                match result.error:
                    case None:
                        print(f"{result.prompt}: {result.files[0]}")
                    case BudgetError():
                        print(f"{result.prompt}: not submitted, the budget does not suffice")
                    case error:
                        print(f"{result.prompt}: {error}")
        spent = batch.stats.spent
    print(f"spent {spent.total}: {spent.charged} charged, {spent.estimated} estimated")
    return 0 if batch.stats.succeeded == len(prompts) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("journal")
    parser.add_argument("dollars")
    parser.add_argument("prompts", nargs="+")
    try:
        sys.exit(asyncio.run(main(**vars(parser.parse_args()))))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
