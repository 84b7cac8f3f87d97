"""A web server with aiohttp: one client for all visitors, the jobs in the application's database.

A video's address holds its job id, so it survives a reload, and a restart of the server. The page
sends a key with its prompt, and the same key is the same video: a second click pays for nothing.
What is about to be sent stands in the database before it leaves. So a server that is killed before
the answer learns at the next click which job it was, where the service can tell (pika, fal). Behind
a proxy it may have a path of its own, which the proxy takes off: https://host.example/studio/ is /
here.

PIKA_API_KEY=… python examples/web_aiohttp.py videos.db 8080
"""

import argparse
import asyncio
import json
import logging
import secrets
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import aiosqlite
import anyio
from aiohttp import web
from aiohttp_sse import sse_response
from attrs import evolve

from pika_async import (
    AdaptivePolling,
    Failed,
    FieldError,
    InvalidRequestError,
    Job,
    PikaClient,
    PikaError,
    SubmissionUncertainError,
    Transition,
    UnsupportedError,
    to_json,
)

if __name__ != "__main__":
    # Two processes would share neither polls nor a brake, and a second worker imports this.
    raise SystemExit(
        "This server is one process, without workers: python examples/web_aiohttp.py FILE PORT. "
        "For a second one, give another file and another port."
    )

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("port", type=int)
GIVEN = parser.parse_args()

PAGE = Path(__file__).with_name("web_page.html").read_text(encoding="utf-8")
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS videos (job_id PRIMARY KEY, prompt)",
    # What was asked for with each key; what it takes to send that again, once it may have left; and
    # its job, once somebody knows of one.
    "CREATE TABLE IF NOT EXISTS wishes (key PRIMARY KEY, prompt, again, job_id)",
)
UNKNOWN = "Nobody knows whether this video was started. It is not started a second time."
CLIENT = web.AppKey("CLIENT", PikaClient)
DATABASE = web.AppKey("DATABASE", aiosqlite.Connection)
SUBMITS = web.AppKey("SUBMITS", dict[tuple[str, str], asyncio.Task[str]])
WATCHES = web.AppKey("WATCHES", dict[str, asyncio.Task[None]])
SAVING = web.AppKey("SAVING", defaultdict[str, asyncio.Lock])
# It looks when a look is worth it, and so it can tell the time left.
POLLING = AdaptivePolling()

logger = logging.getLogger("web_aiohttp")
routes = web.RouteTableDef()


def for_visitors(error: PikaError) -> str:
    """What it means for them, and nothing of what the service answered: that is for the log."""
    match error:
        case SubmissionUncertainError():
            return UNKNOWN
        case InvalidRequestError():
            return "The service does not take this prompt."
        case _ if error.job_id is None:
            return "The service takes no videos just now. Please try again later."
        case _:
            return "The progress cannot be seen just now. The video is safe: come back later."


class NotAgain(Exception):  # noqa: N818 - no error: somebody has asked before
    """Why there is no second submit with a key."""


class Wish:
    """A row of the database, where a submit is written down as it goes: a ResumableRecord."""

    def __init__(self, app: web.Application, key: str, prompt: str) -> None:
        self._app, self._key, self._prompt = app, key, prompt

    async def prepared(self, again: str) -> None:
        """Before it leaves. What is sent again needs no other key, and pays for nothing twice."""
        await written(self._app, "UPDATE wishes SET again = ? WHERE key = ?", again, self._key)

    async def leaving(self) -> None:
        """That has been written down by now."""

    async def accepted(self, job_id: str) -> None:
        """Before anyone is told of what is paid for."""
        insert = "INSERT OR IGNORE INTO videos VALUES (?, ?)"
        await written(self._app, insert, job_id, self._prompt)
        await written(self._app, "UPDATE wishes SET job_id = ? WHERE key = ?", job_id, self._key)

    def wanted(self) -> bool:
        """Also if its visitor has gone."""
        return True

    def stayed(self) -> None:
        """See `start`, which forgets what has started nothing."""


async def start(app: web.Application, key: str, prompt: str) -> str:
    """Submit, or learn what became of it before."""
    await written(app, "INSERT OR IGNORE INTO wishes VALUES (?, ?, NULL, NULL)", key, prompt)
    query = "SELECT prompt, again, job_id FROM wishes WHERE key = ?"
    async with app[DATABASE].execute(query, (key,)) as rows:
        row = await rows.fetchone()
    assert row is not None  # it was written just now
    asked, again, job_id = row
    if asked != prompt:
        raise NotAgain("This key was sent with another prompt.")
    if job_id is not None:
        return str(job_id)
    wish = Wish(app, key, prompt)
    try:
        job = await app[CLIENT].submit(prompt, record=wish, again=again)
    except SubmissionUncertainError as lost:
        found = await looked_up(app, lost)
        if found is None and again is None:
            raise
        if found is None:
            raise NotAgain(UNKNOWN) from lost
        await wish.accepted(found.id)
        return found.id
    except PikaError:
        if again is None:
            # Nothing was started, so that the same key may ask as if it were new.
            await written(app, "UPDATE wishes SET again = NULL WHERE key = ?", key)
        raise
    return job.id


async def looked_up(app: web.Application, lost: SubmissionUncertainError) -> Job | None:
    """The job of a submit whose answer was lost, where the service has a history."""
    try:
        return await app[CLIENT].find(lost)
    except UnsupportedError:
        return None


async def written(app: web.Application, statement: str, *values: str) -> None:
    """It is on the disk then."""
    await app[DATABASE].execute(statement, values)
    await app[DATABASE].commit()


def submitted(app: web.Application, asked: tuple[str, str], task: asyncio.Task[str]) -> None:
    """Perhaps its visitor has gone: what became of it is in the log at least."""
    del app[SUBMITS][asked]
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a submit failed: %s", error)


def for_page(transition: Transition) -> str:
    """JSON; of what made a job fail only what a visitor can change."""
    state = transition.state
    if isinstance(state, Failed) and state.meaning != "moderation":
        logger.error("job %s failed: %s", transition.job_id, state.reason)
        transition = evolve(transition, state=Failed(reason="it could not be made"))
    return to_json(transition)


def watched(app: web.Application, job_id: str) -> Job:
    """A job that somebody waits for until it ends, whoever comes and goes meanwhile."""
    job = app[CLIENT].job(job_id)

    async def watch() -> None:
        try:
            async for _ in job.transitions(timeout=None):
                pass
        except PikaError:
            logger.exception("job %s cannot be watched", job_id)
        finally:
            del app[WATCHES][job_id]

    if job_id not in app[WATCHES] and (job.state is None or not job.state.is_terminal):
        app[WATCHES][job_id] = asyncio.create_task(watch())
    return job


def refused(kind: type[web.HTTPException], words: str) -> web.HTTPException:
    """As JSON, so that the page shows nothing but what this server said."""
    return kind(text=json.dumps({"detail": words}), content_type="application/json")


async def prompt_of(request: web.Request) -> str:
    """The prompt of one of our own jobs; the key opens others, which are no visitor's business."""
    where = (request.match_info["job_id"],)
    query = request.app[DATABASE].execute("SELECT prompt FROM videos WHERE job_id = ?", where)
    async with query as rows:
        row = await rows.fetchone()
    if row is None:
        raise refused(web.HTTPNotFound, "There is no such video.")
    return str(row[0])


@routes.get("/")
@routes.get("/videos/{job_id}")
async def page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


@routes.post("/videos")
async def ask(request: web.Request) -> web.Response:
    if request.content_type != "application/json":  # which no foreign page can send
        raise refused(web.HTTPUnsupportedMediaType, "A prompt comes as JSON.")
    try:
        # JSON says by itself how it is written, whatever charset a request names.
        prompt = json.loads(await request.read())["prompt"]
        prompt.encode()  # half of a surrogate pair is no character
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        prompt = None
    if not isinstance(prompt, str) or not 0 < len(prompt.strip()) <= 1000:
        raise refused(web.HTTPBadRequest, "A prompt has 1 to 1000 characters.")
    try:
        request.app[CLIENT].check(prompt)
    except FieldError as error:
        raise refused(web.HTTPBadRequest, "The service does not take this prompt.") from error
    # The same key is the same video: an answer may be lost, and a button clicked twice.
    key = request.headers.get("Idempotency-Key") or secrets.token_hex(16)
    if len(key) > 100:
        raise refused(web.HTTPBadRequest, "An Idempotency-Key has 1 to 100 characters.")
    task = request.app[SUBMITS].get((key, prompt))
    if task is None:
        task = asyncio.create_task(start(request.app, key, prompt))
        request.app[SUBMITS][key, prompt] = task
        task.add_done_callback(partial(submitted, request.app, (key, prompt)))
    try:
        # A visitor who leaves now has a video all the same, and it is written down.
        job_id = await asyncio.shield(task)
    except NotAgain as error:
        raise refused(web.HTTPUnprocessableEntity, str(error)) from error
    except PikaError as error:
        raise refused(web.HTTPServiceUnavailable, for_visitors(error)) from error
    return web.json_response({"id": job_id}, status=202)


@routes.get("/videos/{job_id}/events")
async def events(request: web.Request) -> web.StreamResponse:
    prompt = await prompt_of(request)
    job = watched(request.app, request.match_info["job_id"])
    seen = request.headers.get("Last-Event-ID")
    async with sse_response(request) as stream:
        await stream.send(json.dumps(prompt), event="prompt", retry=2000)
        try:
            # However many watch a job, it is polled once.
            async for transition in job.transitions(timeout=None):
                name = f"{zlib.crc32(to_json(transition.state).encode()):x}"
                if name != seen:  # a browser that comes back tells what it has seen last
                    await stream.send(for_page(transition), event="transition", id=name)
                    left = POLLING.estimate(job.observation)
                    await stream.send(json.dumps([left.median, left.high]), event="seconds_left")
                seen = None
                if "once" in request.query:  # the page comes again by itself; see there
                    await stream.send("null", event="again")
                    break
        except PikaError as error:
            await stream.send(json.dumps(for_visitors(error)), event="problem")
    return stream


@routes.get("/videos/{job_id}/file")
async def file(request: web.Request) -> web.FileResponse:
    """The video as a file. Links of services end; what was saved once is here for good."""
    await prompt_of(request)
    job = request.app[CLIENT].job(request.match_info["job_id"])
    path = Path(f"{GIVEN.file}.videos", f"{quote(job.id, safe='')}.mp4")
    async with request.app[SAVING][job.id]:
        try:
            if not await anyio.Path(path).exists():
                await request.app[CLIENT].download((await job.result(timeout=60)).video, path)
        except PikaError as error:
            logger.exception("job %s cannot be saved", job.id)
            words = "The video cannot be fetched just now. Please try again later."
            raise refused(web.HTTPServiceUnavailable, words) from error
    named = {"Content-Disposition": f'attachment; filename="{path.name}"'}
    return web.FileResponse(path, headers=named)


async def alone(database: aiosqlite.Connection) -> None:
    """Keep the database until the end. Two processes would share neither polls nor a brake."""
    try:
        for statement in ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", *SCHEMA):
            await database.execute(statement)
        await database.commit()
    except aiosqlite.Error as error:
        raise SystemExit(
            f"{GIVEN.file} cannot be used: {error}. This server is one process with a database of "
            "its own; for a second one, give another file and another port."
        ) from error


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    database = aiosqlite.connect(GIVEN.file, timeout=1)
    async with PikaClient(polling=POLLING) as app[CLIENT], database as app[DATABASE]:
        await alone(app[DATABASE])
        app[SUBMITS], app[WATCHES], app[SAVING] = {}, {}, defaultdict(asyncio.Lock)
        yield
        for task in app[WATCHES].values():
            task.cancel()
        # The answers that are still to come name jobs that are paid for.
        await asyncio.gather(*app[SUBMITS].values(), return_exceptions=True)


if __name__ == "__main__":
    app = web.Application()
    app.add_routes(routes)
    app.cleanup_ctx.append(lifespan)
    # A visitor who leaves ends his watching, and nothing else. Nor need a server that ends wait for
    # those who watch: only for what is in SUBMITS.
    try:
        web.run_app(
            app, host="127.0.0.1", port=GIVEN.port, handler_cancellation=True, shutdown_timeout=1
        )
    except PikaError as error:
        raise SystemExit(f"This server cannot start: {error}") from None
