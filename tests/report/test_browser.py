"""The page in a real browser: it asks for nothing, complains of nothing, and can be read."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from lionherd_dist.report.chronicle import Chronicle, Failures, Outline
from lionherd_dist.report.page import page as page_of

SECTIONS = ("timeline", "rate", "failures", "latency", "limiter")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

LINES = """cell => {
  const text = document.createRange(); text.selectNodeContents(cell)
  return text.getClientRects().length
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, as installed on this machine."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        reason = f"needs a browser: none of {', '.join(BROWSERS)} is on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page that was opened from a file, and what the browser said meanwhile."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_load_state("networkidle")


@pytest.fixture
def file(tmp_path: Path, outline: Outline, seen: Chronicle) -> Path:
    """The page, written."""
    path = tmp_path / "report.html"
    path.write_text(page_of(outline, seen), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_a_report_can_be_read(browser: Browser, file: Path, width: int, scheme: str) -> None:
    """On any screen: all sections with their numbers, nothing too wide, no request."""
    with browser.new_page(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    ) as page:
        opened = Opened(page, file)
        for name in SECTIONS:
            assert page.locator(f"#{name} h2").is_visible(), name
        for svg in page.locator("svg").all():
            box = svg.bounding_box()
            assert box is not None
            assert box["width"] > 200
            assert box["height"] > 15
        for who in page.locator(".who").all():
            box = who.bounding_box()
            assert box is not None
            assert box["width"] > 100, "a name that is one letter wide cannot be read"
        facts = dict(
            zip(
                page.locator("dt").all_inner_texts(),
                page.locator("dd").all_inner_texts(),
                strict=True,
            )
        )
        assert (facts["done"], facts["failed"], facts["workers"]) == ("10,000", "100", "3")
        assert facts["calls a second"] == "400"
        assert 19 <= float(facts["p50"].removesuffix(" ms")) <= 21
        assert "3,334 calls, 34 failed" in page.locator("#timeline").inner_text()
        assert "10 tokens in all" in page.locator("#limiter").inner_text()
        across = page.evaluate("document.documentElement.scrollWidth")
        assert across <= width, "it scrolls sideways"
        assert opened.requests == [file.as_uri()]
        assert opened.complaints == []


def test_the_type_of_an_error_is_one_word_on_a_phone(browser: Browser, tmp_path: Path) -> None:
    """However long the message beside it is."""
    failures = [Failures("JSONDecodeError", 9, "item 672: " + "Missing parentheses. " * 5)]
    path = tmp_path / "report.html"
    path.write_text(page_of(Outline("map", 9, 9, 1.0, failures), Chronicle()), encoding="utf-8")
    with browser.new_page(viewport={"width": 400, "height": 900}) as page:
        Opened(page, path)
        assert page.get_by_text("JSONDecodeError", exact=True).evaluate(LINES) == 1


def test_names_of_users_are_shown_and_not_obeyed(browser: Browser, file: Path) -> None:
    """An image of elsewhere and a script in a name are text."""
    with browser.new_page() as page:
        Opened(page, file)
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 0
        assert '<img src="http://example.org' in page.locator("h1").inner_text()
        assert "\\x1b[31m" in page.locator("#failures").inner_text()


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_ink_stands_out_from_its_ground(browser: Browser, file: Path, ground: str) -> None:
    """The page follows the reader's colour scheme: dark ink on light ground, and the reverse."""
    with browser.new_page(color_scheme=ground) as page:
        Opened(page, file)
        ink, paper = (
            sum(map(int, page.evaluate(script).removeprefix("rgb(").rstrip(")").split(",")))
            for script in (
                "getComputedStyle(document.body).color",
                "getComputedStyle(document.body).backgroundColor",
            )
        )
        assert (ink < paper) == (ground == "light")
        assert abs(ink - paper) > 400
