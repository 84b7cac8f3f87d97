"""The two web servers as visitors see them: in a real browser, against the simulator."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import anyio
import pytest

from pika_async.simulator import Fault, Polls, Simulator

playwright = pytest.importorskip(
    "playwright.async_api", reason="needs playwright: pip install 'pika-async[dev]'"
)

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "tests" / "support" / "impatient_server.py"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
KEY = "sk-visitors-must-never-see-this"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium"),
    pytest.mark.skipif(sys.platform == "win32", reason="starts and stops servers with signals"),
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Site:
    """One of the examples, running, and its address."""

    def __init__(self, example: str, sim: Simulator, folder: Path) -> None:
        self.sim = sim
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._example = str(ROOT / "examples" / example)
        self._data = str(folder / "data")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - starting is quick
                [sys.executable, LAUNCHER, self._example, self._data, str(self._port)],
                env={**os.environ, "PIKA_API_KEY": KEY, "PIKA_BASE_URL": self.sim.url},
                stdout=log,
                stderr=log,
            )
        with anyio.fail_after(60):
            async with aiohttp.ClientSession() as session:
                while True:
                    assert self._process.poll() is None, self.log
                    try:
                        async with session.get(self.url):
                            return
                    except aiohttp.ClientConnectionError:
                        await anyio.sleep(0.05)

    async def stop(self, *, kill: bool = False) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill() if kill else self._process.terminate()
            await anyio.to_thread.run_sync(self._process.wait)

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()


@pytest.fixture(params=["web_aiohttp.py", "web_fastapi.py"])
async def site(request, tmp_path) -> AsyncIterator[Site]:
    with Simulator(duration=Polls(3)) as sim:
        running = Site(request.param, sim, tmp_path)
        await running.start()
        yield running
        await running.stop()
        # Whatever happened: the key is in no log, and no handler fell over.
        assert KEY not in running.log
        assert "Unclosed" not in running.log


@pytest.fixture
async def browser():
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser):
    page = await browser.new_page()
    page.set_default_timeout(60_000)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    assert page.complaints == []


async def ask(page, site, prompt="a red panda surfing"):
    await page.goto(site.url)
    await page.get_by_label("What should it show?").fill(prompt)
    await page.get_by_role("button", name="Make the video").click()
    await page.wait_for_url("**/videos/*")


async def plays(page):
    """The video has come, and its time goes on."""
    await page.wait_for_selector("video:visible")
    await page.wait_for_function("document.querySelector('video').currentTime > 0.05")
    seen = await page.evaluate("document.querySelector('video').currentTime")
    await page.wait_for_function(
        "seen => document.querySelector('video').currentTime !== seen", arg=seen
    )
    assert await page.evaluate("document.querySelector('video').videoWidth") > 0


async def percent(page, at_least=0):
    await page.wait_for_function(
        "low => document.querySelector('progress').hasAttribute('value') && "
        "document.querySelector('progress').value >= low",
        arg=at_least,
    )
    return await page.evaluate("document.querySelector('progress').value")


class TestOneVisitor:
    async def test_asks_for_a_video_and_sees_it_play(self, site, page):
        await ask(page, site)
        await plays(page)
        assert await page.get_by_role("heading").inner_text() == "a red panda surfing"
        assert len(site.sim.submissions) == 1

    async def test_sees_the_progress_move(self, site, page):
        site.sim.duration = Polls(60)
        await ask(page, site)
        first = await percent(page)
        assert await percent(page, at_least=first + 10) > first
        assert "Being made:" in await page.get_by_role("status").inner_text()

    async def test_reloads_in_the_middle_and_it_goes_on(self, site, page):
        site.sim.duration = Polls(30)
        await ask(page, site)
        await percent(page, at_least=20)
        await page.reload()
        assert await page.get_by_role("heading").inner_text() != ""
        assert await percent(page) >= 20
        await plays(page)
        assert len(site.sim.submissions) == 1

    async def test_comes_back_to_a_finished_video(self, site, page):
        await ask(page, site)
        await plays(page)
        await page.reload()
        await plays(page)
        assert len(site.sim.submissions) == 1

    async def test_reads_why_a_job_failed(self, site, page):
        site.sim.failure = "prompt not allowed"
        await ask(page, site)
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert "prompt not allowed" in await problem.inner_text()
        await page.get_by_role("link", name="Make another").click()
        await page.get_by_label("What should it show?").wait_for()

    async def test_sees_markup_in_a_prompt_as_text(self, site, page):
        prompt = "<img src=x onerror=\"document.title='owned'\"><b>bold</b> & \"quoted\""
        await ask(page, site, prompt)
        await page.wait_for_function(
            "prompt => document.querySelector('h1').textContent === prompt", arg=prompt
        )
        await plays(page)
        assert await page.title() != "owned"
        assert await page.locator("h1 *").count() == 0

    async def test_sees_markup_in_a_reason_as_text(self, site, page):
        site.sim.failure = "<img src=x onerror=\"document.title='owned'\">"
        await ask(page, site)
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert "<img" in await problem.inner_text()
        assert await page.title() != "owned"

    async def test_is_told_that_there_is_no_such_video(self, site, page):
        await page.goto(f"{site.url}/videos/nosuch")
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert "no such video" in await problem.inner_text()
