"""A shop on another site that embeds the chat, under the strictest policy it works with, and its visitors."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.db import connection
from playwright.sync_api import expect

from channels_inbox import deliver, receive
from channels_inbox.chat.reception import work
from conversations import attachments, replies
from conversations.models import Entry, Identity
from tests.builders import answer, ticket_of
from tests.channels_inbox.chatting import make_chat
from tests.journeys.browsers import PATIENCE, Desk
from tests.journeys.serving import serving
from tests.patience import PATIENCE as SECONDS
from tests.patience import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page
    from pytest_django.fixtures import SettingsWrapper

    from conversations.models import Agent, Inbox
    from tests.builders import Cast
    from tests.journeys.serving import Web

GREETING = "Hi there! Ask us about a lamp, your order or delivery."
PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<link rel="stylesheet" href="/shop.css"><script async src="{origin}/w/{key}.js"></script></head>
<body><header><b>Lamps &amp; Co</b><nav aria-label="Shop"><a href="/">Lamps</a> <a href="/delivery">Delivery</a></nav></header>
<main><h1>Light for long evenings</h1><p>Hand-made lamps from small workshops, delivered in three days.</p>
<div class="grid"><i></i><i></i><i></i><i></i><i></i><i></i></div></main></body></html>"""
STYLE = """body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#faf8f5;color:#2b2622}
header{display:flex;justify-content:space-between;padding:20px 6vw;border-bottom:1px solid #e8e2da}
nav a{color:inherit;margin-inline-start:20px}main{padding:5vw 6vw}h1{font:400 44px/1.1 Georgia,serif}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:20px;margin-top:40px}
.grid i{height:240px;border-radius:8px;background:linear-gradient(160deg,#e9dfd0,#cdbb9f)}
button,div{outline:3px solid red;transform:rotate(3deg)} helpdesk-chat{display:none!important}.grid{transform:none;outline:0}"""


@dataclass
class Shop:
    """`opened` are the visitors' browsers; `complaints` what their pages said was wrong, `asked` the
    origins they sent requests to."""

    chat: Inbox
    web: Web
    browser: Browser
    url: str = ""
    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    opened: list[BrowserContext] = field(default_factory=list)

    def computer(self, **options: object) -> BrowserContext:
        context = self.browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, **options}
        )  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        self.opened.append(context)
        return context

    def tab(self, context: BrowserContext | None = None, path: str = "/") -> Page:
        page = (context or self.computer()).new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        page.on("request", lambda request: self.asked.add(_origin(request.url)))
        page.goto(self.url + path)
        return page

    def _listen(self, said: object) -> None:
        if getattr(said, "type", "") in ("error", "warning"):
            self.complaints.append(str(getattr(said, "text", "")))

    def forgive(self, *words: str) -> None:
        """Complaints that a test brought about, such as of a network it cut."""
        self.complaints = [one for one in self.complaints if not any(word in one for word in words)]

    def reply(self, text: str, by: Agent, entry: Entry | None = None, **fields: object) -> Entry:
        """An agent answers whoever wrote last."""
        entry = entry or newest()
        identity = Identity.objects.get(pk=entry.identity_id)
        fields.setdefault("anyway", True)
        told = answer(ticket_of(entry), by=by, inbox=self.chat, to=identity, text=text, **fields)
        assert isinstance(told, Entry)
        return told


def newest() -> Entry:
    """The visitor's last message, once it is threaded."""
    came = Entry.objects.filter(direction="in").order_by("-at")
    until(came.exists)
    return came[0]


def texts() -> list[str]:
    return list(Entry.objects.filter(direction="in").order_by("at").values_list("text", flat=True))


def launcher(page: Page) -> Locator:
    return page.locator("helpdesk-chat button.launcher")


def panel(page: Page) -> FrameLocator:
    return page.frame_locator("helpdesk-chat iframe")


def open_chat(page: Page) -> FrameLocator:
    """The chat with its line up."""
    launcher(page).click()
    return is_live(page)


def is_live(page: Page) -> FrameLocator:
    frame = panel(page)
    expect(frame.locator("body[data-line=live]")).to_be_attached()
    return frame


def say(page: Page, text: str) -> None:
    panel(page).locator("#text").fill(text)
    panel(page).locator("#text").press("Enter")


def rows(page: Page) -> Locator:
    return panel(page).locator(".row:not(.greeting)")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme.startswith("http") else ""


@contextmanager
def selling(chat: Inbox, web: Web, browser: Browser) -> Iterator[Shop]:
    shop = Shop(chat, web, browser)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            style = self.path == "/shop.css"
            title = "Delivery" if "delivery" in self.path else "Lamps"
            language = "vi" if "vi" in self.path else "en"
            told = PAGE.format(origin=web.url, key=chat.public_id, title=title, language=language)
            body = (STYLE if style else told).encode()
            self.send_response(404 if self.path == "/favicon.ico" else 200)
            self.send_header("Content-Type", "text/css" if style else "text/html; charset=utf-8")
            self.send_header(
                "Content-Security-Policy",
                f"default-src 'none'; script-src {web.url}; frame-src {web.url}; img-src {web.url};"
                " style-src 'self'; base-uri 'none'; require-trusted-types-for 'script'",
            )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.url = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with working():
            yield shop
            for context in shop.opened:
                context.close()
    finally:
        server.shutdown()


@contextmanager
def working() -> Iterator[None]:
    """The workers: what came in is threaded, what is due goes out."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.03):
            receive.process_waiting("fast")
            work.work_due()
            attachments.store_waiting(receive.read_file)
            replies.release_due()
            deliver.deliver_due("fast")
        connection.close()

    worker = threading.Thread(target=go_on)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join(SECONDS)


@pytest.fixture
def shop(chromium: Browser, cast: Cast, settings: SettingsWrapper) -> Iterator[Shop]:
    chat = make_chat(
        cast.support,
        title="Lamps & Co",
        greeting=GREETING,
        reply_words="Usually replies in 5 minutes",
    )
    with serving() as web:
        settings.BASE_URL = web.url
        with selling(chat, web, chromium) as shop:
            yield shop
    assert shop.complaints == [], shop.complaints
    assert shop.asked - {""} <= {shop.url, shop.web.url}, shop.asked


@pytest.fixture
def agents(shop: Shop) -> Iterator[Desk]:
    """The console of the desk that the shop's chat belongs to."""
    desk = Desk(shop.web, shop.browser)
    yield desk
    for context in desk.contexts:
        context.close()
    assert not desk.complaints, desk.complaints
