"""What can go wrong, and what each of it means for the money.

PIKA_API_KEY=… python examples/handle_failures.py "a red panda surfing"
"""

import argparse
import asyncio
import sys

from pika_async import (
    ConfigurationError,
    JobFailedError,
    JobTimeoutError,
    ModerationError,
    PikaClient,
    PikaError,
    QuotaExceededError,
    SubmissionUncertainError,
)


async def main(prompt: str) -> int:
    async with PikaClient() as client:
        try:
            result = await client.generate(prompt, timeout=600)
        except ValueError as error:
            print(f"the request was never sent: {error}")
        except SubmissionUncertainError as error:
            print(f"perhaps paid, so look before sending again: {error.fingerprint}")
        except QuotaExceededError:
            print("nothing was started: top up the account first")
        except ModerationError as error:
            print(f"another prompt is needed: {error}")
        except JobFailedError as error:
            print(f"the service gave up on job {error.job_id}: {error}")
        except JobTimeoutError as error:
            print(f"job {error.job_id} runs on; client.job({error.job_id!r}) comes back to it")
        except PikaError as error:
            print(f"anything else, with what to do next: {error}")
        else:
            print(f"done: {result.video.url}")
            return 0
    return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt")
    try:
        sys.exit(asyncio.run(main(**vars(parser.parse_args()))))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
