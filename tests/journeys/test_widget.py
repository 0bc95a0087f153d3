"""A visitor's chat in a real browser, on a shop of another site with a strict policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import expect

from channels_inbox.models import Account
from conversations import doorbells, reading
from conversations.models import Attachment, Delivery, Identity, Inbox
from tests.journeys.browsers import needs_chromium
from tests.journeys.shop import (
    GREETING,
    Shop,
    is_live,
    launcher,
    newest,
    open_chat,
    panel,
    rows,
    say,
    texts,
)
from tests.patience import until

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.builders import Cast

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]
KEPT = """part => [localStorage, sessionStorage].flatMap((box) =>
  Object.entries(box).filter(([name]) => name.includes(part)).map(([, value]) => value))"""


def keeps(page: Page, part: str) -> list[str]:
    """What the site's page keeps for the chat under names like this."""
    found: list[str] = page.evaluate(KEPT, part)
    return found


def test_a_visitor_writes_and_is_answered(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    button = launcher(page)
    expect(button).to_have_attribute("aria-expanded", "false")
    assert page.evaluate(
        "!document.querySelector('helpdesk-chat').shadowRoot.querySelector('iframe')"
    )

    # By keyboard alone: nothing of the shop comes between.
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    frame = is_live(page)
    expect(frame.get_by_role("dialog", name="Lamps & Co")).to_be_visible()
    expect(frame.get_by_text(GREETING)).to_be_visible()
    expect(frame.locator("#text")).to_be_focused()
    page.keyboard.type("Where is my order?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("It is 10433.")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(frame.locator("#text")).to_have_value("")
    expect(rows(page).last).to_contain_text("Sent")
    assert newest().text == "Where is my order?\nIt is 10433."

    shop.reply("It left **yesterday**.", cast.alice)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).last.locator("strong")).to_have_text("yesterday")
    expect(rows(page).last).to_contain_text("Alice")

    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    shop.reply("Anything else?", cast.alice)
    expect(button).to_have_accessible_name("Open chat (1 new)")
    expect(page).to_have_title("(1) Lamps")

    page.reload()
    expect(launcher(page)).to_have_accessible_name("Open chat (1 new)")
    open_chat(page)
    expect(rows(page)).to_have_count(3)
    expect(launcher(page)).to_have_accessible_name("Close chat")
    expect(page).to_have_title("Lamps")


def test_what_was_read_a_moment_before_the_page_is_left_stays_read(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    open_chat(page)
    say(page, "Hello?")
    shop.reply("Yes?", cast.alice)
    expect(rows(page)).to_have_count(2)
    # The page knows that it was on screen; telling the desk waits a little longer.
    until(lambda: keeps(page, "kept:seen"))
    page.keyboard.press("Escape")
    expect(launcher(page)).to_have_attribute("aria-expanded", "false")
    page.reload()
    expect(launcher(page)).to_have_accessible_name("Open chat")
    page.wait_for_timeout(1500)
    expect(launcher(page)).to_have_accessible_name("Open chat")


def test_a_reload_finds_everything_as_it_was(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    frame = open_chat(page)
    for number in range(3):
        say(page, f"{number}\n" + "A long story about a lamp. " * 20)
    expect(rows(page)).to_have_count(3)
    expect(frame.locator(".row[data-id]")).to_have_count(3)
    frame.locator("#thread").evaluate("view => (view.scrollTop = 150)")
    frame.locator("#text").fill("Half a sent")
    place = frame.locator("#thread").evaluate("view => view.scrollHeight - view.scrollTop")
    until(lambda: keeps(page, "kept:tab:scroll") == [str(round(place))])
    until(lambda: keeps(page, "kept:draft"))
    page.evaluate("history.pushState({}, '', '/delivery')")
    page.reload()
    expect(launcher(page)).to_have_attribute("aria-expanded", "true")
    frame = is_live(page)
    expect(rows(page)).to_have_count(3)
    expect(frame.locator("#text")).to_have_value("Half a sent")
    assert abs(frame.locator("#thread").evaluate("view => view.scrollTop") - 150) < 60
    assert page.evaluate("document.activeElement === document.body"), "focus stays with the page"
    frame.get_by_role("button", name="Close chat").click()
    expect(launcher(page)).to_have_attribute("aria-expanded", "false")
    page.reload()
    page.wait_for_timeout(500)
    expect(launcher(page)).to_have_attribute("aria-expanded", "false")


def test_what_is_written_offline_goes_out_once_and_in_order(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    frame = open_chat(page)
    say(page, "Zero")
    expect(frame.locator(".row.sent")).to_have_count(1)

    shop.web.stop()
    expect(frame.locator("#line")).to_contain_text("Offline")
    offline = ("One", "Two", "Three")
    for text in offline:
        say(page, text)
    expect(frame.locator(".row.sending")).to_have_count(3)
    # Not even the panel can be had now; the site's page has kept what waits.
    until(lambda: all(f'"{text}"' in "".join(keeps(page, "kept:out:")) for text in offline))
    page.reload()
    expect(page.get_by_text("The chat can’t be reached.")).to_be_visible()

    shop.web.start()
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if lost:
            return route.continue_()
        lost.append(route.request.post_data_json["text"])
        route.fetch()
        return route.abort()

    page.route("**/messages/", lose_the_first_answer)
    page.get_by_role("button", name="Try again").click()
    frame = is_live(page)
    expect(frame.locator(".row.sent")).to_have_count(4)
    expect(rows(page)).to_contain_text(["Zero", "One", "Two", "Three"])
    page.wait_for_timeout(500)
    assert lost == ["One"]
    # A row says "sent" once the desk has kept it, before it is threaded.
    until(lambda: texts() == ["Zero", "One", "Two", "Three"])
    expect(frame.locator(".row[data-id]")).to_have_count(4)
    expect(rows(page)).to_have_count(4)
    shop.forgive("Failed to load resource", "WebSocket", "target origin", "net::")


def test_two_tabs_stay_in_step(shop: Shop, cast: Cast) -> None:
    one = shop.tab()
    open_chat(one)
    say(one, "From the first tab")
    expect(rows(one)).to_have_count(1)
    two = shop.tab(one.context, "/delivery")
    open_chat(two)
    expect(rows(two)).to_have_count(1)
    say(two, "From the second")
    expect(rows(one)).to_contain_text(["From the first tab", "From the second"])
    panel(two).get_by_role("button", name="Close chat").click()
    one.bring_to_front()
    shop.reply("To both", cast.alice)
    for page in (one, two):
        expect(rows(page)).to_have_count(3)
    expect(launcher(two)).to_have_accessible_name("Open chat")
    until(lambda: texts() == ["From the first tab", "From the second"])


def test_without_websockets_it_polls(shop: Shop, cast: Cast) -> None:
    shop.web.blocks_sockets = True
    page = shop.tab()
    frame = open_chat(page)
    say(page, "By long poll")
    expect(frame.locator(".row.sent")).to_have_count(1)
    shop.reply("Heard", cast.alice)
    expect(rows(page)).to_have_count(2)
    expect(frame.locator("#line")).not_to_contain_text("Offline")
    shop.forgive("WebSocket")


def test_a_restart_of_the_desk_costs_nothing(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    frame = open_chat(page)
    say(page, "Before")
    expect(frame.locator(".row.sent")).to_have_count(1)
    shop.web.stop()
    expect(frame.locator("#line")).to_contain_text("Offline")
    shop.reply("Meanwhile", cast.alice)
    shop.web.start()
    is_live(page)
    expect(rows(page)).to_contain_text(["Before", "Meanwhile"])
    expect(frame.locator("#line")).to_have_class("line unseen")
    shop.forgive("Failed to load resource", "WebSocket")


def test_typing_and_seen_go_both_ways(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    frame = open_chat(page)
    say(page, "Are you there?")
    entry = newest()
    expect(rows(page).last).to_contain_text("Sent")
    identity = Identity.objects.get(pk=entry.identity_id)
    typing = frame.get_by_text("Alice is typing").first

    def is_shown() -> bool:
        # As a browser does it: again each second, as any one may be lost.
        doorbells.say_typing(identity.pk, name="Alice", on=True)
        page.wait_for_timeout(500)
        return typing.is_visible()

    until(is_shown)
    shop.reply("Yes", cast.alice)
    expect(frame.locator("#typing")).to_be_hidden()
    reading.mark_read(entry.conversation, {entry.ticket_id: entry.at}, by=cast.alice)
    expect(rows(page).filter(has_text="Are you there?")).to_contain_text("Seen")
    until(lambda: Delivery.objects.get(entry__text="Yes").state == "read")


def test_what_comes_in_below_waits_for_a_look(shop: Shop, cast: Cast) -> None:
    page = shop.tab()
    frame = open_chat(page)
    say(page, "A long story about a lamp. " * 40)
    expect(frame.locator(".row[data-id]")).to_have_count(1)
    shop.reply("\n\n".join(["Let me tell you more."] * 30), cast.alice)
    expect(rows(page)).to_have_count(2)
    frame.locator("#thread").evaluate("view => (view.scrollTop = 0)")
    shop.reply("The end", cast.alice)
    newer = frame.get_by_role("button", name="1 new")
    expect(newer).to_be_visible()
    newer.click()
    expect(rows(page).last).to_be_in_viewport()
    expect(newer).to_be_hidden()


def test_files_by_button_paste_and_drop(shop: Shop, cast: Cast, tmp_path: Path) -> None:
    page = shop.tab()
    frame = open_chat(page)
    Image.new("RGB", (400, 300), "#c96f3a").save(tmp_path / "lamp.png")
    (tmp_path / "invoice.txt").write_text("Paid")
    with page.expect_file_chooser() as chosen:
        frame.get_by_role("button", name="Attach files").click()
    chosen.value.set_files([tmp_path / "lamp.png", tmp_path / "invoice.txt"])
    expect(frame.locator(".chip progress[hidden]")).to_have_count(2)
    frame.get_by_role("button", name="Remove invoice.txt").click()
    hand_over(page, "paste", "pasted.txt", 10)
    hand_over(page, "drop", "dropped.txt", 10)
    expect(frame.locator(".chip")).to_have_count(3)
    hand_over(page, "drop", "whole-film.bin", 26_000_000)
    expect(frame.get_by_role("alert")).to_contain_text("whole-film.bin is too large")
    frame.locator("#text").fill("Broken")
    frame.get_by_role("button", name="Send").click()
    expect(rows(page).last.locator(".files li")).to_have_count(3)
    picture = rows(page).last.get_by_role("img", name="lamp.png")
    expect(picture).to_have_js_property("naturalWidth", 400)
    expect(rows(page).last).to_contain_text("Sent")
    names = Attachment.objects.order_by("pk").values_list("filename", flat=True)
    expect(rows(page).last.locator("a[href*='sig=']")).to_have_count(3)
    assert sorted(names) == ["dropped.txt", "lamp.png", "pasted.txt"]
    page.reload()
    is_live(page)
    expect(rows(page).last.get_by_role("img", name="lamp.png")).to_have_js_property(
        "naturalWidth", 400
    )


HAND_OVER = """(event, [kind, name, size]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(size).fill(65)], name, { type: "text/plain" }));
  const given = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
  event.dispatchEvent(kind === "paste" ? new ClipboardEvent(kind, given) : new DragEvent(kind, given));
}"""


def hand_over(page: Page, kind: str, name: str, size: int) -> None:
    panel(page).locator("#text").evaluate(HAND_OVER, [kind, name, size])


def test_questions_before_and_an_address_for_later(shop: Shop, cast: Cast) -> None:
    account = Account.objects.get(inbox=shop.chat)
    account.config |= {
        "prechat": [
            {"name": "name", "label": "Your name", "type": "text", "required": True},
            {"name": "order", "label": "Order number", "type": "text", "required": False},
        ],
        "hours": [
            "09:00-17:00" if day == (timezone.now().weekday() + 3) % 7 else "" for day in range(7)
        ],
    }
    account.save()
    Inbox.objects.filter(pk=shop.chat.pk).update(goes_on_by=cast.inbox)
    page = shop.tab()
    frame = open_chat(page)
    expect(frame.locator("#composer")).to_be_hidden()
    expect(frame.get_by_label("Your name")).to_be_focused()
    frame.get_by_role("button", name="Start the chat").click()
    expect(frame.get_by_text("Please fill this in.")).to_be_visible()
    expect(frame.get_by_label("Your name")).to_be_focused()
    frame.get_by_label("Your name").fill("Kim Park")
    frame.get_by_label("Order number").fill("10433")
    frame.get_by_label("Order number").press("Enter")
    expect(frame.locator("#text")).to_be_focused()
    say(page, "Where is it?")
    assert Identity.objects.get(pk=newest().identity_id).label == "Kim Park"

    expect(frame.get_by_text("Leave your email")).to_be_visible()
    frame.get_by_label("Email").fill("kim")
    frame.get_by_role("button", name="Send me the answer").click()
    expect(frame.get_by_text("Please check this address.")).to_be_visible()
    frame.get_by_label("Email").fill("kim@example.org")
    frame.get_by_role("button", name="Send me the answer").click()
    expect(frame.get_by_text("We sent a mail to kim@example.org")).to_be_visible()
    page.reload()
    frame = is_live(page)
    expect(rows(page)).to_have_count(1)
    expect(frame.locator("#about")).to_be_hidden()
    expect(frame.locator("#ask")).to_be_hidden()
