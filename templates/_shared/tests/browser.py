"""A real browser for tests, and checks that apply to every page."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"width": 360, "height": 640}
PATIENCE_MS = 120_000  # a busy machine is slow, not wrong


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, or the one that `make browser` installed."""
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            # Containers lack the user namespaces that the sandbox needs; the page is our own.
            chromium = playwright.chromium.launch(
                executable_path=found, args=["--no-sandbox"], timeout=PATIENCE_MS
            )
        except Error as error:
            pytest.skip(f"no Chromium found; `make browser` installs one ({error.message[:80]})")
        expect.set_options(timeout=PATIENCE_MS)
        yield chromium
        chromium.close()


def fail_on_error(line: ConsoleMessage) -> None:
    if line.type == "error":
        pytest.fail(line.text)


def open_page(browser: Browser, url: str, viewport: dict[str, int] | None = None) -> Page:
    """Open a page; an error in its script or a violation of its policy fails the test."""
    page = browser.new_page(viewport=viewport)  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
    page.on("console", fail_on_error)
    page.goto(url)
    return page


def contrast(page: Page, selector: str) -> float:
    """The contrast between text and background, as WCAG defines it."""
    colours = page.eval_on_selector(
        selector,
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor].map("
        "c => c.match(/[0-9.]+/g).slice(0, 3).map(Number))",
    )
    bright, dim = sorted((luminance(colour) for colour in colours), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(rgb: list[float]) -> float:
    linear = [
        c / 12.92 if (c := value / 255) <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for value in rgb
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
