"""From an empty desk to a connected mailbox and a teammate, in a browser; each page with axe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, expect

from conversations import invitations
from conversations.models import Agent, Inbox, Role, Team
from tests.builders import make_agent, make_inbox, make_team
from tests.channels_inbox.servers import PASSWORD, Pymap, SMTPSink
from tests.channels_inbox.test_pages import broken_item
from tests.journeys.browsers import judged, needs_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from pytest_django.fixtures import SettingsWrapper

    from tests.journeys.serving import Web

WIDTHS = (1440, 390, 320)

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


@pytest.fixture(autouse=True)
def _local(settings: SettingsWrapper, web: Web) -> None:
    settings.BASE_URL = web.url
    settings.LOCAL = True
    settings.ALLOW_PRIVATE_HOSTS = True
    settings.SETUP_TOKEN = "open-the-door"
    cache.clear()


@pytest.fixture
def page(chromium: Browser, web: Web) -> Iterator[Page]:
    context = chromium.new_context(base_url=web.url, locale="en-GB")
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Policy" in said.text else None)
    yield page
    context.close()
    assert refused == []


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto(reverse("account_login"))
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)


def test_from_an_empty_desk_to_a_team(page: Page, chromium: Browser, web: Web) -> None:
    page.goto("/welcome/open-the-door/")
    page.get_by_label("Your name").fill("Ada Lindgren")
    page.get_by_label("Email").fill("ada@lamps.example")
    page.get_by_label("Password").fill("a-long-password-1")
    page.get_by_role("button", name="Create the admin").click()

    page.get_by_label("Mail address").fill("support@desk.example")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("Reading (IMAP)")).to_have_value("imap.desk.example")
    with Pymap() as imap, SMTPSink() as sink:
        page.get_by_label("Password", exact=True).fill("wrong")
        for side, server in (("imap", imap), ("smtp", sink)):
            page.locator(f"#id_{side}_host").fill("127.0.0.1")
            page.locator(f"#id_{side}_port").fill(str(server.port))
            page.locator(f"#id_{side}_security").select_option("none")
        page.get_by_text("Sending signs in differently").click()
        page.get_by_label("The server wants no sign-in to send").check()
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator("#checks")).to_contain_text("refuses the sign-in")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator("#checks")).to_contain_text("Folder INBOX: works")
        expect(page.locator("#checks")).not_to_contain_text("failed")
        page.get_by_role("button", name="Save and start reading").click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert Inbox.objects.get().team == Team.objects.get()

    page.get_by_role("link", name="People").click()
    page.get_by_label("Email").fill("bob@lamps.example")
    page.get_by_label(str(Team.objects.get())).check()
    page.get_by_role("button", name="Make an invitation link").click()
    link = page.locator("#link").inner_text()

    joined = chromium.new_context(base_url=web.url, locale="en-GB").new_page()
    joined.goto(link)
    joined.get_by_label("Your name").fill("Bob Tran")
    joined.get_by_label("Password").fill("another-long-password")
    joined.get_by_role("button", name="Join").click()
    joined.wait_for_url(lambda url: "/join/" not in url)
    joined.goto(reverse("settings:account"))
    expect(joined.get_by_label("Your name")).to_have_value("Bob Tran")
    assert Agent.objects.get(email="bob@lamps.example").memberships.count() == 1
    joined.goto(link)
    expect(joined.get_by_role("heading", level=1)).to_contain_text("doesn't work")
    joined.context.close()

    page.goto("/welcome/open-the-door/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("nothing here")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_passes_axe_and_fits(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    ada = make_agent("Ada", role=Role.ADMIN)
    team = make_team("Support")
    inbox = make_inbox(team)
    item = broken_item(inbox)
    token = invitations.invite(email="n@desk.example", role="agent", teams=[team], by=ada)
    check_all(page, [reverse("account_login"), reverse("account_signup"), f"/join/{token}/", "/x/"])
    sign_in(page, ada.email, "secret")
    check_all(
        page,
        [
            reverse("settings:people"),
            reverse("settings:person", args=[ada.pk]),
            reverse("settings:teams"),
            reverse("settings:team", args=[team.pk]),
            reverse("settings:account"),
            reverse("inboxes:inboxes"),
            reverse("inboxes:inbox", args=[inbox.pk]),
            reverse("items:items"),
            reverse("items:item", args=[item.pk]),
            reverse("mfa_index"),
            reverse("account_change_password"),
            reverse("account_logout"),
        ],
    )


def check_all(page: Page, paths: list[str]) -> None:
    for path in paths:
        page.goto(path)
        found = judged(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], path
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
