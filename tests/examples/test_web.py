"""The two web servers as visitors see them: in a real browser, against the simulator."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from contextlib import suppress

import aiohttp
import anyio
import pytest
import pytest_asyncio
from aiohttp import web
from support.batches import until
from support.site import KEY, Site

from pika_async.simulator import Fault, Polls, Simulator

playwright = pytest.importorskip(
    "playwright.async_api", reason="needs playwright: pip install 'pika-async[dev]'"
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium"),
    pytest.mark.skipif(sys.platform == "win32", reason="starts and stops servers with signals"),
]


@pytest_asyncio.fixture(loop_scope="module", params=["web_aiohttp.py", "web_fastapi.py"])
async def site(request, tmp_path):
    with Simulator(duration=Polls(3)) as sim:
        running = Site(request.param, sim, tmp_path)
        await running.start()
        yield running
        await running.stop()
        # Whatever happened: the key is in no log, and no handler fell over.
        assert KEY not in running.log
        assert "Unclosed" not in running.log


# One browser for all tests of a worker: starting it takes longer than most of them.
@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser():
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser):
    page = await browser.new_page()
    page.set_default_timeout(60_000)
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    await page.close()
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


class Proxy:
    """Gives a site the path ``/some/path``, and takes it off; or answers in its place."""

    def __init__(self, site):
        self._site = site
        self.answer = None
        self.lets_pages_through = False
        self.loses_answers = False
        """Whether what is posted arrives, and the browser never hears of it."""

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/{where:.*}", self._handle)
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        place = web.TCPSite(self._runner, "127.0.0.1", 0)
        await place.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/some/path"
        return self

    async def __aexit__(self, *_):
        await self._session.close()
        await self._runner.cleanup()

    async def _handle(self, request):
        is_page = request.method == "GET" and not request.path.endswith(("/events", "/file"))
        if self.answer is not None and not (is_page and self.lets_pages_through):
            status, kind = self.answer
            if status is None:
                request.transport.abort()
            return web.Response(
                status=status or 500, content_type=kind or "text/plain", text="<h1>nginx</h1>"
            )
        path = request.raw_path.removeprefix("/some/path")
        if path == request.raw_path:
            return web.Response(status=404, text="<h1>nginx</h1>", content_type="text/html")
        async with self._session.request(
            request.method,
            f"{self._site.url}{path or '/'}",
            headers={k: v for k, v in request.headers.items() if k != "Host"},
            data=await request.read(),
        ) as come:
            if self.loses_answers and request.method == "POST":
                request.transport.abort()
            answer = web.StreamResponse(status=come.status, headers=come.headers)
            with suppress(ConnectionError):
                await answer.prepare(request)
                async for chunk in come.content.iter_any():
                    await answer.write(chunk)
            return answer


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

    async def test_does_not_read_what_only_the_operator_should(self, site, page):
        site.sim.failure = "key sk-upstream of 10.0.0.7 has no quota"
        await ask(page, site)
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert await problem.inner_text() == "The service gave up: it could not be made"
        assert "sk-upstream of 10.0.0.7" in site.log

    async def test_sees_markup_in_a_prompt_as_text(self, site, page):
        prompt = '<img src=x onerror="document.title=\'owned\'"><b>bold</b> & "quoted"'
        await ask(page, site, prompt)
        await page.wait_for_function(
            "prompt => document.querySelector('h1').textContent === prompt", arg=prompt
        )
        await plays(page)
        assert await page.title() != "owned"
        assert await page.locator("h1 *").count() == 0

    async def test_sees_markup_in_a_reason_as_text(self, site, page):
        site.sim.failure = "prompt not allowed: <img src=x onerror=\"document.title='owned'\">"
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

    @pytest.mark.parametrize("site", ["web_aiohttp.py"], indirect=True)
    async def test_learns_nothing_of_the_key_or_of_the_answer_when_a_submit_is_refused(
        self, site, page
    ):
        told = {"error": {"message": f"Invalid token {KEY}", "type": "new_api_error"}}
        site.sim.faults.append(Fault("401-new-api-error", body=told, times=None))
        await page.goto(site.url)
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert await problem.inner_text() == (
            "The service takes no videos just now. Please try again later."
        )

    async def test_learns_nothing_of_the_answer_when_a_submit_is_uncertain(self, site, page):
        site.sim.faults.append(Fault("502-html", body="<p>internal-host-17</p>"))
        await page.goto(site.url)
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert "internal-host" not in await page.content()
        assert len(site.sim.submissions) == 1

    async def test_sees_how_long_it_may_take(self, site, page):
        site.sim.duration = Polls(60)
        await ask(page, site)
        await page.get_by_text("about").wait_for()
        assert re.fullmatch(
            r"about \d+ (s|min)(, perhaps \d+ (s|min))?", await page.locator("#left").inner_text()
        )

    async def test_sees_the_time_left_count_down_between_two_looks(self, site, page):
        site.sim.duration = Polls(10**6)
        site.sim.faults.append(Fault("slow-headers", on="poll", after=2, times=None))
        await ask(page, site)
        await page.get_by_text("about").wait_for()
        shown = await page.locator("#left").inner_text()
        await page.wait_for_function(
            "shown => document.querySelector('#left').textContent !== shown", arg=shown
        )

    async def test_saves_the_video_as_a_file(self, site, page):
        await ask(page, site)
        await plays(page)
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Download").click()
        saved = await (await coming.value).path()
        assert saved.read_bytes()[4:8] == b"ftyp"
        assert (await coming.value).suggested_filename.endswith(".mp4")

    async def test_sees_an_icon_that_needs_no_request(self, site, page):
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(site.url)
        icon = await page.locator("link[rel=icon]").get_attribute("href")
        assert icon.startswith("data:image/svg+xml,")
        assert [url for url in asked if "favicon" in url] == []

    @pytest.mark.parametrize("size", [(1280, 720), (360, 560)], ids=["wide", "narrow"])
    async def test_has_the_status_in_sight_with_a_long_prompt(self, site, page, size):
        site.sim.duration = Polls(300)
        width, height = size
        await page.set_viewport_size({"width": width, "height": height})
        await ask(page, site, ("a red panda that surfs, and " * 40)[:1000])
        await percent(page)
        for part in (page.get_by_role("status"), page.locator("#bar"), page.locator("#left")):
            box = await part.bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= height
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


class TestOneWish:
    """What is asked for once is made once, however often the button is clicked."""

    async def test_clicks_that_come_too_fast_are_one_video(self, site, page):
        site.sim.duration = Polls(1000)
        await page.goto(site.url)
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.evaluate(
            "for (let click = 0; click < 5; click++) document.querySelector('form').requestSubmit()"
        )
        await page.wait_for_url("**/videos/*")
        # Another one comes after all of them.
        await ask(page, site, "an otter")
        await until(lambda: len(site.sim.jobs) == 2)
        assert len(site.sim.submissions) == 2

    async def test_whoever_goes_back_may_ask_for_the_same_again(self, site, page):
        site.sim.duration = Polls(1000)
        await ask(page, site, "a red panda")
        first = page.url
        await page.go_back()
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        await page.wait_for_url(lambda url: "/videos/" in url and url != first)
        await until(lambda: len(site.sim.jobs) == 2)

    async def test_a_browser_that_keeps_nothing_makes_it_once_all_the_same(self, site, page):
        await page.add_init_script(
            "Object.defineProperty(window, 'sessionStorage', {get() { throw Error('no'); }})"
        )
        await ask(page, site, "a red panda")
        await plays(page)
        assert len(site.sim.submissions) == 1


class TestBehindAProxy:
    """At https://host.example/some/path/, as far as the browser knows."""

    @pytest_asyncio.fixture(loop_scope="module")
    async def proxy(self, site):
        async with Proxy(site) as proxy:
            yield proxy

    @pytest.mark.parametrize("slash", ["/", ""], ids=["with a slash", "without a slash"])
    async def test_a_video_is_made_and_saved_under_a_path_of_its_own(
        self, site, proxy, page, slash
    ):
        await page.goto(f"{proxy.url}{slash}")
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        await page.wait_for_url(f"{proxy.url}/videos/*")
        await plays(page)
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Download").click()
        assert (await (await coming.value).path()).read_bytes()[4:8] == b"ftyp"
        await page.get_by_role("link", name="Make another").click()
        await page.get_by_label("What should it show?").wait_for()
        assert page.url == f"{proxy.url}/"

    @pytest.mark.parametrize(
        ("status", "kind", "said"),
        [
            (502, "text/html", "did not answer"),
            (502, "text/plain", "did not answer"),
            (200, "text/html", "did not answer"),
            (200, "application/json", "did not answer"),
            (413, "text/html", "Nothing was started"),
            (403, "application/json", "Nothing was started"),
            (None, "", "did not answer"),
        ],
    )
    async def test_no_page_of_a_server_is_shown_as_text(self, proxy, page, status, kind, said):
        await page.goto(proxy.url)
        proxy.answer = status, kind
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        problem = page.get_by_role("alert")
        await problem.wait_for()
        shown = await problem.inner_text()
        assert said in shown
        assert not re.search(r"nginx|<|fetch|JSON", shown)
        proxy.answer = None
        await page.get_by_role("button", name="Make the video").click()
        await plays(page)

    @pytest.mark.parametrize("reloaded", [False, True], ids=["again", "after a reload"])
    async def test_a_second_click_after_a_lost_answer_is_the_same_video(
        self, site, proxy, page, reloaded
    ):
        site.sim.duration = Polls(1000)
        proxy.loses_answers = True
        await page.goto(proxy.url)
        await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        problem = page.get_by_role("alert")
        await problem.wait_for()
        assert "click again: the same prompt is not made twice" in await problem.inner_text()
        proxy.loses_answers = False
        if reloaded:
            await page.reload()
            await page.get_by_label("What should it show?").fill("a red panda")
        await page.get_by_role("button", name="Make the video").click()
        await page.wait_for_url("**/videos/*")
        await until(lambda: site.sim.jobs)
        # What is asked for once more after its answer is another one.
        await ask(page, proxy, "a red panda")
        await until(lambda: len(site.sim.jobs) == 2)
        assert len(site.sim.submissions) == 2

    async def test_a_page_in_the_place_of_the_events_is_waited_out(self, site, proxy, page):
        site.sim.duration = Polls(30)
        await ask(page, site)
        path = page.url.removeprefix(site.url)
        proxy.answer = 502, "text/html"
        proxy.lets_pages_through = True
        await page.goto(f"{proxy.url}{path}")
        await page.get_by_text("The connection is gone").wait_for()
        proxy.answer = 404, "text/html"
        await page.wait_for_timeout(4_000)
        assert await page.get_by_role("alert").is_hidden()
        proxy.answer = None
        await plays(page)


class TestManyTabs:
    async def test_of_seven_tabs_of_one_browser_none_hangs(self, site, browser):
        site.sim.duration = Polls(300)
        # The tabs of one visitor share their connections; those of another context do not.
        async with await browser.new_context() as visitor:
            visitor.set_default_timeout(60_000)
            tabs = [await visitor.new_page() for _ in range(7)]
            for number, tab in enumerate(tabs[: 4 if "fastapi" in site.example else 7]):
                await ask(tab, site, f"a red panda, number {number}")
            for tab in tabs:
                if "/videos/" not in tab.url:
                    await tab.goto(tabs[0].url)
                await percent(tab)
            seen = [await percent(tab) for tab in tabs]
            for tab, before in zip(tabs, seen, strict=True):
                await percent(tab, at_least=before + 1)
                assert "gone" not in await tab.get_by_role("status").inner_text()
            # There is still a connection for whatever else they do.
            await tabs[6].reload()
            for job in site.sim.jobs.values():
                job.duration = Polls(1)
            await asyncio.gather(*map(plays, tabs))

    async def test_a_browser_without_locks_keeps_no_connection_and_sees_the_same(self, site, page):
        # What is not at https and not on this machine has none.
        await page.add_init_script("delete Navigator.prototype.locks")
        site.sim.duration = Polls(60)
        await ask(page, site)
        await percent(page, at_least=5)
        assert (await page.evaluate("source.url")).endswith("?once")
        await plays(page)

    async def test_when_a_tab_goes_its_place_is_another_ones(self, site, browser):
        site.sim.duration = Polls(400)
        async with await browser.new_context() as visitor:
            tabs = [await visitor.new_page() for _ in range(5)]
            await ask(tabs[0], site)
            for tab in tabs[1:]:
                await tab.goto(tabs[0].url)
                await percent(tab)
            held = "async () => (await navigator.locks.query()).held.map(lock => lock.name).sort()"
            assert len(await tabs[4].evaluate(held)) == 4
            await tabs[0].close()
            # A browser takes a moment to see that nobody holds it any more.
            await tabs[4].wait_for_function(
                "async () => (await navigator.locks.query()).held.length === 3"
            )
            await tabs[4].reload()
            await percent(tabs[4])
            assert len(await tabs[4].evaluate(held)) == 4


class TestManyVisitors:
    async def test_two_tabs_show_one_job(self, site, browser):
        site.sim.duration = Polls(20)
        first, second = await browser.new_page(), await browser.new_page()
        await ask(first, site)
        await second.goto(first.url)
        await percent(second)
        await plays(first)
        await plays(second)
        assert len(site.sim.submissions) == 1

    async def test_whoever_leaves_stops_nothing_for_the_others(self, site, browser):
        site.sim.duration = Polls(20)
        first, second = await browser.new_page(), await browser.new_page()
        await ask(first, site)
        await second.goto(first.url)
        await percent(second)
        await first.close()
        await plays(second)

    async def test_a_visitor_who_reads_nothing_holds_up_nobody(self, site, page):
        site.sim.duration = Polls(20)
        await ask(page, site)
        path = page.url.removeprefix(site.url)
        port = int(site.url.rpartition(":")[2])
        idle = []
        for _ in range(20):
            stream = await anyio.connect_tcp("127.0.0.1", port)
            await stream.send(f"GET {path}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            idle.append(stream)
        await plays(page)
        for stream in idle:
            await stream.aclose()

    @pytest.mark.parametrize("site", ["web_fastapi.py"], indirect=True)
    async def test_whoever_waits_sees_how_many_go_before(self, site, page):
        site.sim.duration = Polls(10**6)
        async with aiohttp.ClientSession() as session:
            for number in range(6):
                asked = {"prompt": f"visitor {number}"}
                async with session.post(f"{site.url}/videos", json=asked) as answer:
                    assert answer.status == 202
        await ask(page, site)
        await page.get_by_text("2 before you").wait_for()
        assert len(site.sim.submissions) == 4


class TestARestart:
    @pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
    async def test_an_open_page_goes_on_when_the_server_is_back(self, site, page, kill):
        site.sim.duration = Polls(40)
        await ask(page, site)
        await percent(page)
        await site.stop(kill=kill)
        await page.get_by_text("The connection is gone").wait_for()
        await site.start()
        await plays(page)
        assert len(site.sim.submissions) == 1

    async def test_a_submit_under_way_is_answered_and_written_down_before_the_server_ends(
        self, site, page
    ):
        site.sim.faults.append(Fault("slow-headers", seconds=2))
        async with aiohttp.ClientSession() as session:
            asking = asyncio.create_task(
                session.post(f"{site.url}/videos", json={"prompt": "paid for"})
            )
            await until(lambda: site.sim.jobs)
            await site.stop()
            with suppress(aiohttp.ClientError):
                await asking
        await site.start()
        [job_id] = site.sim.jobs
        where = job_id if "aiohttp" in site.example else site.ticket()
        await page.goto(f"{site.url}/videos/{where}")
        await plays(page)
        assert len(site.sim.submissions) == 1
