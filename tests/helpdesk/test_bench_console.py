"""The bench of the console in a real browser ends, whatever a page leaves undone, and says what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from helpdesk.bench import console
from tests.journeys.browsers import CHROMIUM, needs_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

pytestmark = needs_chromium
ROWS = """
<ul id="rows">
  <li><a class="list-row" href="#one">One</a></li>
  <li><a class="list-row" href="#two">Two</a></li>
</ul>
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def test_a_jump_that_brings_no_page_is_named(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PATIENCE", 200)
    page.set_content('<button id="below">Newest</button>')
    with pytest.raises(console.NeverCame, match="never came: desk:paged after a click on #below"):
        console._run(page, console.JUMP, button="#below")


def test_a_conversation_that_does_not_open_is_named(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "PATIENCE", 200)
    page.set_content(ROWS)
    with pytest.raises(console.NeverCame, match="desk:opened after a click on row 0, .*#one"):
        console._run(page, console.SWITCH, count=2)


def test_a_row_that_is_drawn_anew_while_it_is_hovered_is_opened(page: Page) -> None:
    page.set_content(ROWS)
    page.evaluate(
        """() => {
          const rows = document.getElementById("rows");
          rows.addEventListener("pointerover", () => (rows.innerHTML = rows.innerHTML));
          document.addEventListener("click", () =>
            setTimeout(() => document.dispatchEvent(new CustomEvent("desk:opened")), 20));
        }"""
    )
    times = console._run(page, console.SWITCH, count=4)
    assert [hovered for hovered, _ms in times] == [0, 1, 0, 1]
    assert all(ms >= 20 for _hovered, ms in times)
