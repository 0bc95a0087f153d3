"""How fast the console feels in a browser: what it weighs, how long it takes to switch to another
conversation, until a change is painted, and how a thread of thousands scrolls."""

from __future__ import annotations

import gzip
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.staticfiles import finders

from conversations import replies
from conversations.models import Conversation
from helpdesk.bench.clocks import percentiles
from helpdesk.bench.live import signed_in, some_tickets, web

if TYPE_CHECKING:
    from conversations.models import Ticket
    from helpdesk.bench.live import Viewer

SCRIPTS: Final = "helpdesk/js"
STYLES: Final = ("tokens", "base", "layout", "components", "desk", "settings")
HTMX: Final = "django_htmx/htmx-2.min.js"
SCROLL_SECONDS: Final = 4
PATIENCE: Final = 15_000


class NoBrowser(Exception):
    """Chromium or the driver of it isn't on this machine."""


class NeverCame(Exception):
    """A page didn't do what was waited for, or a script of ours broke in it; the text says what."""


# What a script in a page waits for has no end of its own: the driver waits for its answer for ever.
WITHIN = """
const within = (patience, what, promise) => {
  let late;
  const end = new Promise((_, fail) => {
    late = setTimeout(() => fail(new Error(`never came: ${what}`)), patience);
  });
  return Promise.race([promise, end]).finally(() => clearTimeout(late));
};
const event = (name) =>
  new Promise((done) => document.addEventListener(name, done, { once: true }));
const frame = () => new Promise((done) => requestAnimationFrame(done));
const painted = () => frame().then(() => new Promise((done) => setTimeout(done)));
"""


def sizes() -> dict[str, float]:
    """KiB of all the console's scripts (htmx with them) and styles, each file by gzip alone."""
    folder = Path(str(finders.find(SCRIPTS)))
    htmx = Path(str(finders.find(HTMX)))
    styles = [Path(str(finders.find(f"helpdesk/css/{name}.css"))) for name in STYLES]
    return {"js_kib": _packed([*folder.glob("*.js"), htmx]), "css_kib": _packed(styles)}


def _packed(files: list[Path]) -> float:
    return round(sum(len(gzip.compress(file.read_bytes(), 6)) for file in files) / 1024, 1)


def measure(count: int, seed: int) -> dict[str, Any]:
    """Milliseconds, `count` of each but the scrolling. Raises NoBrowser, NotSeeded."""
    driver, chromium = _browser()
    tickets = some_tickets(random.Random(seed), count + 1)
    longest = Conversation.objects.order_by("-last_seq").values_list("pk", "last_seq")[0]
    viewer, colleague, *_others = signed_in()
    with web() as (port, _pid), driver() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        origin = f"http://127.0.0.1:{port}"
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": viewer.session, "url": origin}
        context.add_cookies([cookie])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        try:
            return {
                **sizes(),
                "switch": _switches(page, origin, count),
                "painted": _painted(page, origin, colleague, tickets[0], count),
                "long": _long(page, origin, *longest),
            }
        finally:
            browser.close()


def _browser() -> tuple[Any, str | None]:
    import shutil

    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("playwright is not installed: uv sync --group dev") from None
    names = ("chromium", "chromium-browser", "chromium-headless-shell")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        raise NoBrowser("there is no Chromium here: apt-get install -y chromium")
    return sync_playwright, chromium


def _run(page: Any, script: str, **told: Any) -> Any:
    """What a script of ours answers. Raises NeverCame."""
    from playwright.sync_api import Error

    try:
        within = f"(told) => {{ {WITHIN} return ({script})(told); }}"
        return page.evaluate(within, {**told, "patience": PATIENCE})
    except Error as error:
        raise NeverCame(str(error)) from None


# Clicks the rows of the list in turn; a switch is over when the other thread is painted.
SWITCH = """
async ({ count, patience }) => {
  const times = [];
  for (let n = 0; n < count; n++) {
    const rows = document.querySelectorAll("#rows .list-row");
    let row = rows[n % rows.length];
    row.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await new Promise((done) => setTimeout(done, n % 2 ? 400 : 0)); // every second one was hovered
    // The list is live: a row may have been drawn anew meanwhile, and what is gone opens nothing.
    const { href } = row;
    if (!row.isConnected) {
      row = [...document.querySelectorAll("#rows .list-row")].find((one) => one.href === href);
    }
    const began = performance.now();
    const what = `desk:opened after a click on row ${n}, ${href}`;
    const opened = within(patience, what, event("desk:opened"));
    row.click();
    await opened;
    await within(patience, "a frame after desk:opened", painted());
    times.push([n % 2, performance.now() - began]);
    await new Promise((done) => setTimeout(done, 100));
  }
  return times;
}
"""


def _switches(page: Any, origin: str, count: int) -> dict[str, Any]:
    page.goto(f"{origin}/desk/all/open/")
    page.wait_for_selector('html[data-line="live"]')
    _run(page, SWITCH, count=4)
    times = _run(page, SWITCH, count=count)
    return {
        "cold": percentiles([ms for hovered, ms in times if not hovered]),
        "prefetched": percentiles([ms for hovered, ms in times if hovered]),
    }


# When a row with these words was painted, by the clock of the machine.
WATCH = """
() => {
  window.painted = {};
  window.put = [];
  let began = 0;
  document.addEventListener("desk:arriving", () => (began = performance.now()));
  document.addEventListener("desk:arrived", () => window.put.push(performance.now() - began));
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) {
      const mark = /bench-[0-9a-f-]{36}/.exec(node.textContent ?? "")?.[0];
      const paint = () => setTimeout(() => (window.painted[mark] ??= Date.now()));
      if (mark) requestAnimationFrame(paint);
    }
  }).observe(document.getElementById("feed"), { childList: true, subtree: true });
}
"""


def _painted(
    page: Any, origin: str, colleague: Viewer, ticket: Ticket, count: int
) -> dict[str, Any]:
    """From the commit of a colleague's note to its paint in an open conversation, and how long the
    page's own code took to put it in."""
    page.goto(f"{origin}/conversations/{ticket.conversation_id}/?ticket={ticket.pk}")
    page.wait_for_selector('html[data-line="live"]')
    page.evaluate(WATCH)
    committed: dict[str, float] = {}
    # The driver runs an event loop in this thread: the database is asked in another.
    with ThreadPoolExecutor(1) as aside:
        for _ in range(count):
            mark = f"bench-{uuid.uuid4()}"
            committed[mark] = aside.submit(_note, ticket, colleague, mark).result()
            page.wait_for_selector(f"text={mark}", state="attached")
            page.wait_for_timeout(random.uniform(20, 120))
    shown = page.evaluate("window.painted")
    return {
        "shown": percentiles([shown[mark] - at for mark, at in committed.items()]),
        "put": percentiles(page.evaluate("window.put")),
    }


def _note(ticket: Ticket, colleague: Viewer, text: str) -> float:
    replies.note(ticket, by=colleague.agent, text=text, client_token=uuid.uuid4())
    return time.time() * 1000


# Scrolls up for some seconds; frames are what the reader would feel.
SCROLL = """
async ({ seconds, patience }) => {
  const thread = document.getElementById("thread");
  const frames = [], ends = performance.now() + seconds * 1000;
  let last = performance.now(), most = 0;
  while (last < ends) {
    thread.scrollTop -= 60;
    await within(patience, "a frame while scrolling", frame());
    const now = performance.now();
    frames.push(now - last);
    last = now;
    most = Math.max(most, document.querySelectorAll("#feed [data-key]").length);
  }
  return { frames, most };
}
"""
JUMP = """
async ({ button, patience }) => {
  const began = performance.now();
  const paged = within(patience, `desk:paged after a click on ${button}`, event("desk:paged"));
  document.querySelector(button).click();
  await paged;
  await within(patience, "a frame after desk:paged", painted());
  return performance.now() - began;
}
"""


def _long(page: Any, origin: str, conversation: int, entries: int) -> dict[str, Any]:
    began = time.perf_counter()
    page.goto(f"{origin}/conversations/{conversation}/", wait_until="domcontentloaded")
    page.wait_for_selector("#feed [data-key]")
    opened = (time.perf_counter() - began) * 1000
    page.wait_for_selector('html[data-line="live"]')
    scrolled = _run(page, SCROLL, seconds=SCROLL_SECONDS)
    first = _run(page, JUMP, button="[data-page=first]")
    newest = _run(page, JUMP, button="#below")
    return {
        "entries": entries,
        "opened_ms": round(opened, 1),
        "frames": percentiles(scrolled["frames"]),
        "most_rows": scrolled["most"],
        "to_first_ms": round(first, 1),
        "to_newest_ms": round(newest, 1),
    }
