"""An admin has a shop told what happens: from the first page to a log full of calls, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as given
from django.urls import reverse
from playwright.sync_api import expect

from channels_inbox.models import Stopped, Webhook
from channels_inbox.webhooks import keeping, queue, send
from conversations.models import Agent
from conversations.thread import database_now
from tests.builders import make_inbox, make_ticket
from tests.channels_inbox.webhooks.conftest import admin, consumer
from tests.journeys.browsers import needs_chromium, troubles

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.fixtures import SettingsWrapper

    from tests.builders import Cast
    from tests.channels_inbox.webhooks.consumer import Consumer
    from tests.journeys.browsers import Desk

__all__ = ["admin", "consumer"]
pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]

WIDTHS = (1440, 1100, 390, 320)


@pytest.fixture(autouse=True)
def _loopback_allowed(settings: SettingsWrapper) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True


def test_from_the_first_page_to_the_log(
    desk: Desk, cast: Cast, admin: Agent, consumer: Consumer
) -> None:
    page = desk.tab(desk.computer(admin), reverse("webhooks:webhooks"), live=False)
    page.get_by_role("link", name="Make a webhook").click()
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("Address", exact=True).fill(consumer.url)
    expect(page.get_by_label("A customer wrote")).to_be_hidden()
    page.get_by_label("Only what is ticked").check()
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.get_by_text("Tick at least one thing")).to_be_visible()
    page.get_by_label("A customer wrote").check()
    page.get_by_role("button", name="Make the webhook").click()
    consumer.secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("status").filter(has_text="The test arrived")).to_be_visible()
    expect(page.locator("#secret")).to_have_count(0)

    entry = make_ticket(cast.inbox, subject="Broken lamp").entries.get(kind="message")
    consumer.answers = lambda heard: (500, {})
    send.tell_due()
    Webhook.objects.get().calls.update(
        step=queue.MOST_TRIES, state="failed", ended_at=database_now()
    )
    page.get_by_role("link", name="Log", exact=True).first.click()
    page.get_by_role("link", name="Failed").click()
    expect(page.get_by_text("It answered 500.")).to_be_visible()
    consumer.answers = lambda heard: (204, {})
    page.get_by_role("button", name="Send all failed again").click()
    expect(page.get_by_text("1 is sent again.")).to_be_visible()
    Webhook.objects.update(next_at=database_now())
    send.tell_due()
    assert [call.entry for call in consumer.calls if call.type != "test"] == [entry.pk]
    page.reload()
    expect(page.get_by_role("cell", name="told")).to_be_visible()
    page.get_by_role("link", name="Broken lamp").click()
    expect(page).to_have_url(
        re.compile(rf"/conversations/{entry.conversation_id}/\?entry={entry.pk}\b")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_every_page_passes_axe_and_fits(
    desk: Desk, cast: Cast, admin: Agent, consumer: Consumer, theme: str, language: str
) -> None:
    context = desk.computer(admin, color_scheme=theme)
    cookie = {"name": given.LANGUAGE_COOKIE_NAME, "value": language, "url": desk.web.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = desk.tab(context, reverse("webhooks:webhooks"), live=False)
    sound(page)
    some = ["message.received", "ticket.address_claimed"]
    chosen, _secret = keeping.make(name="Lists", url=consumer.url, types=some, by=admin)
    webhook, consumer.secret = keeping.make(name="Shop", url=consumer.url, types=[], by=admin)
    for number, subject in enumerate(("Broken lamp", "W" * 80, "")):
        make_ticket(cast.inbox, f"c{number}@example.org", subject=subject)
    make_ticket(make_inbox(cast.support, "Legal", restriction="legal"), "lee@example.org")
    consumer.answers = lambda heard: (204 if heard.type == "ticket.opened" else 500, {})
    for _ in range(4):
        send.tell_due(seconds=600)
        Webhook.objects.update(next_at=database_now())
    webhook.calls.filter(state="waiting", tries=1).update(state="failed", ended_at=database_now())
    queue.stop(chosen, Stopped.FAILING)
    log = reverse("webhooks:log", args=[webhook.pk])
    for path in (
        reverse("webhooks:webhooks"),
        reverse("webhooks:new"),
        reverse("webhooks:webhook", args=[chosen.pk]),
        reverse("webhooks:webhook", args=[webhook.pk]),
        log,
        f"{log}?state=failed",
        f"{log}?state=left_out",
        f"{log}?state=waiting&before=1",
    ):
        page.goto(path)
        sound(page)


def sound(page: Page) -> None:
    assert troubles(page) == [], page.url
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)
