"""A web server with FastAPI: visitors stand in line, their jobs are in a journal.

At most four videos are being made; whoever waits sees how many go before. The prompts are in a
file and what became of them in a journal beside it: however the server ends, the next one goes on
where it was, and pays for nothing twice. Nor does a second click: the page sends a key with its
prompt, and the same key is the same video. A video that could not be started is tried again in the
same way, a minute later, by another batch with the same journal. Behind a proxy it may have a path
of its own, which the proxy takes off: https://host.example/studio/ is / here.

PIKA_API_KEY=… python examples/web_fastapi.py prompts.jsonl 8080
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import anyio
import uvicorn
from attrs import evolve
from fastapi import FastAPI, Header, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from pydantic import BaseModel, StringConstraints
from sse_starlette import EventSourceResponse

from pika_async import (
    AdaptivePolling,
    Batch,
    BatchResult,
    Failed,
    FieldError,
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

if __name__ != "__main__":
    # Two processes would share neither the line nor the journal, and a second worker imports this.
    raise SystemExit(
        "This server is one process, without workers: python examples/web_fastapi.py FILE PORT. "
        "For a second one, give another file and another port."
    )

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("port", type=int)
GIVEN = parser.parse_args()

PAGE = Path(__file__).with_name("web_page.html").read_text(encoding="utf-8")
PROMPTS = anyio.Path(GIVEN.file)
JOURNAL = f"{PROMPTS}.journal"
# Seconds for which a video has one of the four places. One that takes longer is still watched.
PATIENCE = float(os.environ.get("PATIENCE", "3600"))
# Seconds until a video that could not be started is tried again.
PAUSE = float(os.environ.get("PAUSE", "60"))
# It looks when a look is worth it, and so it can tell the time left.
POLLING = AdaptivePolling()

logger = logging.getLogger("web_fastapi")


class Asked(BaseModel):
    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


def may_start_later(result: BatchResult) -> bool:
    """Whether nothing was started, for a reason that may pass."""
    final = SubmissionUncertainError | InvalidRequestError
    return not result.ok and result.job_id is None and not isinstance(result.error, final)


def for_visitors(result: BatchResult) -> str:
    """What it means for them, and nothing of what the service answered: that is for the log."""
    match result.error:
        case SubmissionUncertainError():
            return "Nobody knows whether this video was started. It is not started a second time."
        case InvalidRequestError():
            return "The service does not take this prompt."
        case _ if result.job_id is None:
            return "It cannot be started just now; it is tried again by itself."
        case _:
            return "The progress cannot be seen just now. The video is safe: come back later."


class Studio:
    """What was asked for, in order, and what there is to show of it."""

    client: PikaClient
    batch: Batch

    def __init__(self, asked: list[dict[str, str]]) -> None:
        self.asked = asked
        self.shown: dict[int, tuple[str, str]] = {}
        self.ended: dict[int, BatchResult] = {}
        self.open = True
        self._more, self._writing = asyncio.Event(), asyncio.Lock()
        self._late: dict[int, asyncio.Task[None]] = {}
        self.saving = asyncio.Lock()

    async def ask(self, prompt: str, key: str) -> str:
        """The same key is the same video: an answer may be lost, and a button clicked twice."""
        async with self._writing:
            known = next((one for one in self.asked if one.get("key") == key), None)
            new = await self._write(prompt, key) if known is None else known
        if new["prompt"] != prompt:
            raise HTTPException(422, "This key was sent with another prompt.")
        return new["id"]

    async def _write(self, prompt: str, key: str) -> dict[str, str]:
        if not self.open:
            raise HTTPException(503, "No videos just now. Please try again later.")
        try:
            self.client.check(prompt)
        except FieldError as error:
            raise HTTPException(422, "The service does not take this prompt.") from error
        new = {"id": secrets.token_urlsafe(12), "prompt": prompt, "key": key}
        async with await PROMPTS.open("a", encoding="utf-8") as file:
            # On a line of its own, even if an earlier one was cut.
            await file.write(f"\n{json.dumps(new)}\n")
            await file.flush()
            await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
        self.asked.append(new)
        self._more.set()
        return new

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

    async def work(self) -> None:
        """One batch after the other, with one journal; none is begun anew without a reason."""
        try:
            while True:
                self.batch = Batch(
                    self.client,
                    self.prompts(),
                    max_in_flight=4,
                    journal=JOURNAL,
                    timeout=PATIENCE,
                    on_transition=self.transition,
                )
                async with self.batch:
                    await self._results(self.batch)
        except Exception:
            logger.exception("the batch has ended: no more videos until the server starts again")
            self.open = False

    async def _results(self, batch: Batch) -> None:
        """Until something that could not be started has waited long enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as pause:
                async for result in batch:
                    if may_start_later(result):
                        logger.error("video %d: %s", result.index, result.error)
                        self.shown[result.index] = ("held", json.dumps(for_visitors(result)))
                        if pause.when() is None:
                            pause.reschedule(asyncio.get_running_loop().time() + PAUSE)
                    elif not isinstance(result.error, JobTimeoutError):
                        self._show_end(result)
                    elif result.index not in self._late:
                        watch = asyncio.create_task(self._watch_on(result))
                        self._late[result.index] = watch

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
        self.ended[result.index] = result

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
        left = POLLING.estimate(self.client.job(job_id).observation)
        return json.dumps([left.median, left.high])

    def number_of(self, video: str) -> int:
        for number, asked in enumerate(self.asked):
            if asked["id"] == video:
                return number
        raise HTTPException(404, "There is no such video.")

    async def file(self, number: int) -> Path:
        """The video as a file. Links of services end; what was saved once is here for good."""
        path = Path(f"{PROMPTS}.videos", f"{number}.mp4")
        result = self.ended.get(number)
        if result is None or result.state is None:
            raise HTTPException(404, "There is no such video yet.")
        async with self.saving:
            if not await anyio.Path(path).exists():
                await self.client.download(result.state.video, path)
        return path

    async def events(
        self, number: int, seen: str | None, *, once: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """All there is to show of a video, as it changes; ``seen``: the event shown last."""
        prompt = json.dumps(self.asked[number]["prompt"])
        yield {"event": "prompt", "data": prompt, "retry": 2000}
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
            if once:  # the page comes again by itself; see there
                yield {"event": "again", "data": "null"}
                break
            await anyio.sleep(0.5)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    await PROMPTS.touch()
    lines = (await PROMPTS.read_text(encoding="utf-8")).splitlines()
    # A line that was cut was never answered; none is cut but for the last of a run.
    whole = [line for line in lines if line.startswith("{") and line.endswith("}")]
    app.state.studio = studio = Studio([json.loads(line) for line in whole])
    async with PikaClient(polling=POLLING) as studio.client:
        working = asyncio.create_task(studio.work())
        yield
        working.cancel()
        await asyncio.wait([working])


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
async def ask(
    asked: Asked, idempotency_key: Annotated[str | None, Header()] = None
) -> dict[str, str]:
    key = idempotency_key or secrets.token_hex(16)
    if len(key) > 100:
        raise HTTPException(422, "An Idempotency-Key has 1 to 100 characters.")
    return {"id": await app.state.studio.ask(asked.prompt, key)}


@app.get("/videos/{video}/events")
async def events(
    video: str, once: str | None = None, last_event_id: Annotated[str | None, Header()] = None
) -> EventSourceResponse:
    number = app.state.studio.number_of(video)
    shown = app.state.studio.events(number, last_event_id, once=once is not None)
    return EventSourceResponse(shown, send_timeout=60)


@app.get("/videos/{video}/file")
async def file(video: str) -> FileResponse:
    studio = app.state.studio
    try:
        path = await studio.file(studio.number_of(video))
    except PikaError as error:
        logger.exception("video %s cannot be saved", video)
        words = "The video cannot be fetched just now. Please try again later."
        raise HTTPException(503, words) from error
    return FileResponse(path, filename=f"{video}.mp4")


async def try_it() -> None:
    async with PikaClient() as client, Batch(client, [], journal=JOURNAL):
        pass


# No key, or a journal that another process has, is told before the server starts.
try:
    asyncio.run(try_it())
except PikaError as error:
    raise SystemExit(f"This server cannot start: {error}") from None
# WEB_CONCURRENCY in the environment would ask for workers.
uvicorn.run(app, host="127.0.0.1", port=GIVEN.port, workers=1)
