"""A bulk pipeline: a CSV of prompts in, videos and a CSV of results out, safe to run again.

The input has a column `prompt` and, if you like, `seed` and `aspect_ratio`. Stop it at any moment,
even with kill -9, and run the same line again: finished rows are not paid for again, jobs in
flight are waited for, and rows that were added to the CSV are submitted. It ends with
status 0 only if every row has its video.

PIKA_API_KEY=… python examples/bulk_pipeline.py prompts.csv videos/ results.csv
"""

import argparse
import asyncio
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from pika_async import Batch, ConfigurationError, GenerationRequest, JournalError, PikaClient


def requests(path: str, rows: dict[int, int], left_out: list[int]) -> Iterator[GenerationRequest]:
    # A generator: rows are read as there is room for them, so the file may be of any length.
    with Path(path).open(encoding="utf-8", newline="") as file:
        index = 0
        for number, row in enumerate(csv.DictReader(file)):
            try:
                request = GenerationRequest(
                    row["prompt"],
                    seed=int(row["seed"]) if row.get("seed") else None,
                    aspect_ratio=row.get("aspect_ratio") or None,
                )
            except ValueError as error:
                print(f"row {number} is left out: {error}", file=sys.stderr)
                left_out.append(number)
            else:
                # A result tells the index of its request, which leaves out what was left out.
                rows[index] = number
                index += 1
                yield request


async def main(prompts: str, videos: str, results: str) -> int:
    rows: dict[int, int] = {}
    left_out: list[int] = []
    async with (
        PikaClient() as client,
        Batch(
            client,
            requests(prompts, rows, left_out),
            max_in_flight=16,
            journal=f"{prompts}.journal",
            output_dir=videos,
        ) as batch,
    ):
        # Not before all is well: a run that cannot begin leaves the results of the last one.
        with Path(results).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["row", "prompt", "job_id", "file", "error"])
            async for result in batch:
                saved = "|".join(str(path) for path in result.files)
                error = "" if result.error is None else str(result.error)
                number = rows.pop(result.index)
                writer.writerow([number, result.prompt, result.job_id, saved, error])
                print(f"{batch.stats.finished}: {result.prompt}: {error or saved}")
    stats = batch.stats
    print(f"{stats.succeeded} done, {stats.failed} failed, {stats.uncertain} uncertain,", end=" ")
    print(f"{len(left_out)} left out;", end=" ")
    print(f"{stats.submitted} paid for in this run, {stats.resumed} known from before")
    return 0 if stats.succeeded == stats.taken and not left_out else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompts")
    parser.add_argument("videos")
    parser.add_argument("results")
    given = parser.parse_args()
    if not Path(given.prompts).is_file():
        parser.error(f"there is no file {given.prompts}")
    try:
        sys.exit(asyncio.run(main(**vars(given))))
    except (ConfigurationError, JournalError) as error:  # no key, or its journal is in use, say
        parser.exit(2, f"{error}\n")
