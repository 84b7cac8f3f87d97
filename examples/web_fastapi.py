"""A web server with FastAPI: visitors stand in line, their jobs are in a journal.

At most four videos are being made; whoever waits sees how many go before. The prompts are in a
file and what became of them in a journal beside it: however the server ends, the next one goes on
where it was, and pays for nothing twice.

PIKA_API_KEY=… python examples/web_fastapi.py prompts.jsonl 8080
"""

import asyncio
import itertools
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
import uvicorn
from attrs import evolve
from fastapi import FastAPI, Header, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, StringConstraints
from sse_starlette import EventSourceResponse

from pika_async import (
    AdaptivePolling,
    Batch,
    BatchResult,
    Failed,
    InvalidRequestError,
    JobFailedError,
    JobState,
    JobTimeoutError,
    ModerationError,
    PikaClient,
    PikaError,
    SubmissionUncertainError,
    Transition,
    to_json,
)

PAGE = Path(__file__).with_name("web_page.html").read_text(encoding="utf-8")
PROMPTS = anyio.Path(sys.argv[1])
# Seconds for which a video has one of the four places. One that takes longer is still watched.
PATIENCE = float(os.environ.get("PATIENCE", "3600"))

logger = logging.getLogger("web_fastapi")


class Asked(BaseModel):
    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


def for_visitors(result: BatchResult) -> str:
    """What it means for them, and nothing of what the service answered: that is for the log."""
    match result.error:
        case SubmissionUncertainError():
            return "Nobody knows whether this video was started. It is not started a second time."
        case InvalidRequestError():
            return "The service does not take this prompt."
        case _ if result.job_id is None:
            return (
                "This video could not be started. It is tried again when the server is restarted."
            )
        case _:
            return "The progress cannot be seen just now. The video is safe: come back later."


class Studio:
    """What was asked for, in order, and what there is to show of it."""

    client: PikaClient
    batch: Batch

    def __init__(self, asked: list[dict[str, str]]) -> None:
        self.asked = asked
        self.shown: dict[int, tuple[str, str]] = {}
        self.ended: set[int] = set()
        self.open = True
        self._more, self._writing = asyncio.Event(), asyncio.Lock()
        self._late: set[asyncio.Task[None]] = set()

    async def ask(self, prompt: str) -> str:
        if not self.open:
            raise HTTPException(503, "No videos just now. Please try again later.")
        new = {"id": secrets.token_urlsafe(12), "prompt": prompt}
        async with self._writing:
            async with await PROMPTS.open("a", encoding="utf-8") as file:
                # On a line of its own, even if an earlier one was cut.
                await file.write(f"\n{json.dumps(new)}\n")
                await file.flush()
                await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
            self.asked.append(new)
        self._more.set()
        return new["id"]

    async def prompts(self) -> AsyncIterator[str]:
        """Those of earlier runs, which the journal knows, then those that come."""
        for number in itertools.count():
            while number == len(self.asked):
                self._more.clear()
                await self._more.wait()
            yield self.asked[number]["prompt"]

    def transition(self, transition: Transition) -> None:
        if transition.state.is_terminal:
            return  # what the end means is told with the result
        for number, job_id in self.batch.in_flight.items():
            if job_id == transition.job_id:
                self.shown[number] = ("transition", to_json(transition))

    async def results(self) -> None:
        try:
            async for result in self.batch:
                if isinstance(result.error, JobTimeoutError):
                    self._late.add(task := asyncio.create_task(self._watch_on(result)))
                    task.add_done_callback(self._late.discard)
                else:
                    self._show_end(result)
        except Exception:
            logger.exception("the batch has ended: no more videos until the server starts again")
            self.open = False

    async def _watch_on(self, late: BatchResult) -> None:
        """A video that takes very long is in nobody's way, and shown when it comes."""
        assert late.job_id is not None  # or nothing would have taken long
        try:
            end = await self.client.job(late.job_id).result(timeout=None)
        except PikaError as error:
            self._show_end(evolve(late, error=error))
        else:
            self._show_end(evolve(late, state=end, error=None))

    def _show_end(self, result: BatchResult) -> None:
        self.shown[result.index] = self._end(result)
        self.ended.add(result.index)

    def _end(self, result: BatchResult) -> tuple[str, str]:
        state: JobState | None = result.state
        if isinstance(result.error, JobFailedError):
            # Of what made it fail only what a visitor can change.
            moderated = isinstance(result.error, ModerationError)
            state = result.error.state if moderated else Failed(reason="it could not be made")
        if result.error is not None:
            logger.error("video %d: %s", result.index, result.error)
        if state is None or result.job_id is None:
            return "problem", json.dumps(for_visitors(result))
        end = Transition(job_id=result.job_id, previous=None, state=state, elapsed=0.0, polls=0)
        return "transition", to_json(end)

    def _seconds_left(self, job_id: str) -> str:
        assert isinstance(self.client.polling, AdaptivePolling)  # the default
        left = self.client.polling.estimate(self.client.job(job_id).observation)
        return json.dumps([left.median, left.high])

    async def events(self, number: int, seen: str | None) -> AsyncIterator[dict[str, Any]]:
        """All there is to show of a video, as it changes; ``seen``: the event shown last."""
        yield {"event": "prompt", "data": json.dumps(self.asked[number]["prompt"])}
        done = False
        while not done:
            done = number in self.ended
            ahead = max(0, number - self.batch.stats.taken)
            event, data = self.shown.get(number, ("waiting", json.dumps(ahead)))
            if (name := f"{event}-{hash(data)}") != seen:
                yield {"event": event, "data": data, "id": name}
                if (job_id := self.batch.in_flight.get(number)) is not None:
                    yield {"event": "seconds_left", "data": self._seconds_left(job_id)}
            seen = name
            await anyio.sleep(0.5)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await PROMPTS.touch()
    lines = (await PROMPTS.read_text(encoding="utf-8")).splitlines()
    # A line that was cut was never answered; none is cut but for the last of a run.
    whole = [line for line in lines if line.startswith("{") and line.endswith("}")]
    app.state.studio = studio = Studio([json.loads(line) for line in whole])
    async with (
        PikaClient() as studio.client,
        Batch(
            studio.client,
            studio.prompts(),
            max_in_flight=4,
            journal=f"{PROMPTS}.journal",
            timeout=PATIENCE,
            on_transition=studio.transition,
        ) as studio.batch,
    ):
        taking = asyncio.create_task(studio.results())
        yield
        taking.cancel()


app = FastAPI(lifespan=lifespan)


@app.exception_handler(RequestValidationError)
async def refuse(*_: object) -> JSONResponse:
    # The usual answer repeats what was sent, and not all that JSON may hold can be sent back.
    return JSONResponse({"detail": "A prompt has 1 to 1000 characters."}, status_code=422)


@app.get("/", response_class=HTMLResponse)
@app.get("/videos/{video}", response_class=HTMLResponse)
async def page() -> str:
    return PAGE


@app.post("/videos", status_code=202)
async def ask(asked: Asked) -> dict[str, str]:
    return {"id": await app.state.studio.ask(asked.prompt)}


@app.get("/videos/{video}/events")
async def events(
    video: str, last_event_id: Annotated[str | None, Header()] = None
) -> EventSourceResponse:
    studio = app.state.studio
    for number, asked in enumerate(studio.asked):
        if asked["id"] == video:
            return EventSourceResponse(studio.events(number, last_event_id), send_timeout=60)
    raise HTTPException(404, "There is no such video.")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]))
