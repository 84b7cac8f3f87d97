"""A web server with aiohttp: one client for all visitors, the jobs in the application's database.

A video's address holds its job id, so it survives a reload, and a restart of the server. What is
killed between the answer to a submit and the line in the database loses the id: against that there
are journals, see web_fastapi.py.

PIKA_API_KEY=… python examples/web_aiohttp.py videos.db 8080
"""

import asyncio
import json
import logging
import sys
import zlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiosqlite
from aiohttp import web
from aiohttp_sse import sse_response
from attrs import evolve

from pika_async import (
    AdaptivePolling,
    Failed,
    InvalidRequestError,
    PikaClient,
    PikaError,
    SubmissionUncertainError,
    Transition,
    to_json,
)

PAGE = Path(__file__).with_name("web_page.html").read_text(encoding="utf-8")
SCHEMA = "CREATE TABLE IF NOT EXISTS videos (job_id PRIMARY KEY, prompt)"
CLIENT = web.AppKey("CLIENT", PikaClient)
DATABASE = web.AppKey("DATABASE", aiosqlite.Connection)
SUBMITS = web.AppKey("SUBMITS", set[asyncio.Task[str]])

logger = logging.getLogger("web_aiohttp")
routes = web.RouteTableDef()


def for_visitors(error: PikaError) -> str:
    """What it means for them, and nothing of what the service answered: that is for the log."""
    match error:
        case SubmissionUncertainError():
            return "Nobody knows whether this video was started. It is not started a second time."
        case InvalidRequestError():
            return "The service does not take this prompt."
        case _ if error.job_id is None:
            return "The service takes no videos just now. Please try again later."
        case _:
            return "The progress cannot be seen just now. The video is safe: come back later."


async def start(app: web.Application, prompt: str) -> str:
    """Submit, and write down what was paid for before anyone is told."""
    job = await app[CLIENT].submit(prompt)
    try:
        await app[DATABASE].execute("INSERT INTO videos VALUES (?, ?)", (job.id, prompt))
        await app[DATABASE].commit()
    except aiosqlite.Error:
        logger.critical("job %s is paid for, and not in the database: %r", job.id, prompt)
        raise
    return job.id


def submitted(app: web.Application, task: asyncio.Task[str]) -> None:
    """Perhaps its visitor has gone: what became of it is in the log at least."""
    app[SUBMITS].discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a submit failed: %s", error)


def for_page(transition: Transition) -> str:
    """JSON; of what made a job fail only what a visitor can change."""
    state = transition.state
    if isinstance(state, Failed) and state.code != "moderation":
        logger.error("job %s failed: %s", transition.job_id, state.reason)
        transition = evolve(transition, state=Failed(reason="it could not be made"))
    return to_json(transition)


async def prompt_of(request: web.Request) -> str:
    """The prompt of one of our own jobs; the key opens others, which are no visitor's business."""
    where = (request.match_info["job_id"],)
    query = request.app[DATABASE].execute("SELECT prompt FROM videos WHERE job_id = ?", where)
    async with query as rows:
        row = await rows.fetchone()
    if row is None:
        raise web.HTTPNotFound(text="There is no such video.")
    return str(row[0])


@routes.get("/")
@routes.get("/videos/{job_id}")
async def page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


@routes.post("/videos")
async def ask(request: web.Request) -> web.Response:
    if request.content_type != "application/json":  # which no foreign page can send
        raise web.HTTPUnsupportedMediaType
    try:
        # JSON says by itself how it is written, whatever charset a request names.
        prompt = json.loads(await request.read())["prompt"]
        prompt.encode()  # half of a surrogate pair is no character
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        prompt = None
    if not isinstance(prompt, str) or not 0 < len(prompt.strip()) <= 1000:
        raise web.HTTPBadRequest(text="A prompt has 1 to 1000 characters.")
    request.app[SUBMITS].add(task := asyncio.create_task(start(request.app, prompt)))
    task.add_done_callback(partial(submitted, request.app))
    try:
        # A visitor who leaves now has a video all the same, and it is written down.
        job_id = await asyncio.shield(task)
    except PikaError as error:
        raise web.HTTPServiceUnavailable(text=for_visitors(error)) from error
    return web.json_response({"id": job_id}, status=202)


@routes.get("/videos/{job_id}/events")
async def events(request: web.Request) -> web.StreamResponse:
    prompt = await prompt_of(request)
    client = request.app[CLIENT]
    job, polling = client.job(request.match_info["job_id"]), client.polling
    assert isinstance(polling, AdaptivePolling)  # the default; it knows the time left
    seen = request.headers.get("Last-Event-ID")
    async with sse_response(request) as stream:
        await stream.send(json.dumps(prompt), event="prompt")
        try:
            # However many watch a job, it is polled once.
            async for transition in job.transitions(timeout=None):
                name = f"{zlib.crc32(to_json(transition.state).encode()):x}"
                if name != seen:  # a browser that comes back tells what it has seen last
                    await stream.send(for_page(transition), event="transition", id=name)
                    left = polling.estimate(job.observation)
                    await stream.send(json.dumps([left.median, left.high]), event="seconds_left")
                seen = None
        except PikaError as error:
            logger.exception("job %s cannot be watched", job.id)
            await stream.send(json.dumps(for_visitors(error)), event="problem")
    return stream


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    async with PikaClient() as app[CLIENT], aiosqlite.connect(sys.argv[1]) as app[DATABASE]:
        await app[DATABASE].execute(SCHEMA)
        app[SUBMITS] = set()
        yield
        # The answers that are still to come name jobs that are paid for.
        await asyncio.gather(*app[SUBMITS], return_exceptions=True)


if __name__ == "__main__":
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(lifespan)
    # A visitor who leaves ends his watching, and nothing else. Nor need a server that ends wait for
    # those who watch: only for what is in SUBMITS.
    port = int(sys.argv[2])
    web.run_app(app, host="127.0.0.1", port=port, handler_cancellation=True, shutdown_timeout=1)
