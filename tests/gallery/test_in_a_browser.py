"""The page in a browser: how it looks, in numbers, and what its script does."""

from __future__ import annotations

import shutil
from typing import Final

import pytest
import pytest_asyncio
from support.journals import START, add, html_of, succeeded, video

from pika_async import Failed

playwright = pytest.importorskip("playwright.async_api")
CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no browser"),
    pytest.mark.asyncio(loop_scope="module"),
]
TIMES = {"sent_at": START, "accepted_at": START + 1, "running_at": START + 4, "ended_at": START + 9}
MONEY = {"charged": 450_000, "charged_currency": "USD", "service": "pika"}
LONG = "A red panda in a tiny suit drifts past the window of a space station. " * 6
# WCAG 2.2, 1.4.3: of each text whose contrast to what is behind it is below 4.5, its class.
TOO_FAINT: Final = """() => {
  const dot = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colour) => {
    dot.clearRect(0, 0, 1, 1);
    dot.fillStyle = colour;
    dot.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = dot.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (below, [red, green, blue, alpha]) =>
    [red, green, blue].map((part, place) => below[place] * (1 - alpha) + part * alpha);
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      layers.unshift(paint(getComputedStyle(one).backgroundColor));
      if (layers[0][3] > 0.99) break;
    }
    return layers.reduce(over, [255, 255, 255]);
  };
  const light = (colour) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, place) => {
    const part = colour[place] / 255;
    return sum + weight * (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  }, 0);
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim()) continue;
    if (element.closest("script, noscript, title, button:disabled")) continue;
    const drawn = element.closest("svg");
    const style = getComputedStyle(element);
    const a = light(paint(drawn ? style.fill : style.color));
    const b = light(behind(drawn?.parentElement ?? element));
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) faint.push(element.className);
  }
  return faint;
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser():
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
def written(tmp_path):
    """A page with one of each, some of it long."""
    journal = tmp_path / "j.journal"
    gone = succeeded(video(url="http://127.0.0.1:9/gone.mp4"))
    metadata = {"metadata": {"a long name of a column": "https://shop.example/" + "x" * 120}}
    add(journal, "done", "succeeded", state=gone, job_id="job-1", **MONEY, **TIMES)
    add(journal, LONG, "failed", state=Failed(reason="it fell " * 90), job_id="j", **MONEY, **TIMES)
    add(journal, "x" * 400, "uncertain", sent_at=START + 2, quoted=1, quoted_currency="USD")
    add(journal, "on its way", "submitted", job_id="j" * 80, accepted_at=START + 3)
    add(journal, "not yet", "waiting", options=metadata, run=2)
    path = tmp_path / "page.html"
    path.write_text(html_of(journal), "utf-8")
    return path


@pytest_asyncio.fixture(loop_scope="module")
async def show(browser, written):
    pages = []

    async def shown(width=1200, scheme="light", **options):
        page = await browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        pages.append(page)
        await page.goto(written.as_uri())
        return page

    yield shown
    for page in pages:
        await page.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1200, 2000])
async def test_nothing_is_wider_than_the_window(show, width):
    page = await show(width)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_what_is_behind_it(show, scheme):
    page = await show(scheme=scheme)
    assert await page.evaluate(TOO_FAINT) == []


async def test_cards_of_a_row_line_up(show):
    page = await show(1400)
    tops = (
        "(name) => [...document.querySelectorAll(`.grid:last-of-type ${name}`)].map((one) => {"
        "const { top, bottom } = one.getBoundingClientRect(); return [top, bottom]; })"
    )
    cards = await page.evaluate(tops, ".card")
    row = [card for card in cards if card[0] == cards[0][0]]
    assert len(row) >= 3
    assert len({bottom for _, bottom in row}) == 1
    for name in (".head", ".prompt"):
        assert len({top for top, _ in (await page.evaluate(tops, name))[: len(row)]}) == 1


async def test_the_rest_of_a_long_prompt_is_a_key_away(show):
    page = await show()
    card = page.locator("article").filter(has_text="tiny suit")
    prompt, more = card.locator(".prompt"), card.get_by_role("button", name="The whole prompt")
    whole = "(one) => one.scrollHeight <= one.clientHeight + 1"
    assert not await prompt.evaluate(whole)
    await more.focus()
    await page.keyboard.press("Enter")
    assert await prompt.evaluate(whole)
    less = card.get_by_role("button", name="Less of the prompt")
    assert await less.get_attribute("aria-expanded") == "true"


async def test_without_scripts_the_whole_prompt_is_there(show):
    page = await show(java_script_enabled=False)
    prompt = page.locator(".prompt", has_text="tiny suit")
    box, line = await prompt.bounding_box(), 22
    assert box is not None
    assert box["height"] > 6 * line


async def test_metadata_can_be_searched_for(show):
    page = await show()
    await page.get_by_role("searchbox").fill("shop.example")
    assert await page.locator("article:visible").count() == 1
    assert await page.locator("output").inner_text() == "1 of 5 shown"


async def test_a_video_that_is_gone_says_so(show):
    page = await show()
    lost = page.locator(".lost")
    await lost.wait_for()
    assert await lost.inner_text() == "This video could not be loaded. Its link may have expired."
