"""Browsers of agents at a desk that is served with its sockets."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults  # type: ignore[import-untyped]
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from django.conf import settings
from playwright.sync_api import expect, sync_playwright

from tests.builders import make_cast
from tests.conversations.desk import sign_in
from tests.journeys.serving import Web, serving
from tests.patience import PATIENCE as SECONDS
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Request

    from conversations.models import Agent
    from tests.builders import Cast

# The shell is the same browser without its own windows, which cost as much as a page.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: apt-get install -y chromium-headless-shell"
)
# Playwright runs an event loop in this thread, which Django would take for an asynchronous caller.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# Every rule is asked; what passed is not told, which is a megabyte a page.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
PATIENCE = SECONDS * 1000
# What is told to a screen reader is taken back after some seconds.
LISTEN = """() => {
  const place = document.getElementById("say");
  window.said = [];
  new MutationObserver(() => said.push(place.textContent)).observe(place, { childList: true });
}"""
expect.set_options(timeout=PATIENCE)


@dataclass
class Desk:
    """The desk as seen by browsers. `complaints` are what their pages said was wrong."""

    web: Web
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def computer(self, agent: Agent, **options: object) -> BrowserContext:
        """A browser of its own, in which the agent is signed in."""
        context = self.browser.new_context(
            base_url=self.web.url,
            **{"viewport": {"width": 1440, "height": 900}, **options},  # type: ignore[arg-type]
        )
        cookie = sign_in(agent).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.web.url}]
        )
        self.contexts.append(context)
        return context

    def tab(self, context: BrowserContext, path: str, *, live: bool = True) -> Page:
        """A tab at a page, by default with its line to the desk up."""
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(str(error.stack)))
        page.on("console", self._listen)
        page.goto(path)
        if live:
            is_live(page)
        return page

    def _listen(self, said: object) -> None:
        text = str(getattr(said, "text", ""))
        if "Content Security" in text or "undefined" in text:
            self.complaints.append(text)

    def at(self, agent: Agent, path: str) -> Page:
        return self.tab(self.computer(agent), path)


def is_live(page: Page) -> None:
    expect(page.locator('[data-link="live"]').first).to_be_attached()
    expect(page.locator("html")).to_have_attribute("data-line", "live")


def listens(page: Page) -> None:
    """From here on, what the page tells a screen reader is written down."""
    page.evaluate(LISTEN)


def hears(page: Page, text: str) -> None:
    """It was told since."""
    until(lambda: any(text in one for one in page.evaluate("window.said")))


def blind(page: Page) -> None:
    """What changes can't be asked for before an answer was sent."""
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.url.endswith("/reply/") else None)
    page.route("**/since/*", lambda route: route.continue_() if sent else route.abort())


def is_since(request: Request) -> bool:
    return "/since/" in request.url


def judged(page: Page, within: str | None = None) -> AxeResults:
    """By axe, which is put into a page once."""
    there = page.evaluate("'axe' in window")
    return Axe("null" if there else AXE_SCRIPT).run(page, context=within, options=RULES)


def troubles(page: Page, within: str | None = None) -> list[tuple[str, list[str]]]:
    """What axe finds, of the whole page or within what a selector names."""
    found = judged(page, within).response["violations"]
    return [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture
def desk(chromium: Browser, web: Web) -> Iterator[Desk]:
    desk = Desk(web, chromium)
    yield desk
    for context in desk.contexts:
        context.close()
    assert not desk.complaints, desk.complaints
