"""The pages of inboxes and of what was not taken in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from channels_inbox import vault
from channels_inbox.email import accounts, connections, oauth
from channels_inbox.email.config import MailConfig
from channels_inbox.models import Account, Envelope, Item
from conversations.models import Agent, Entry, Inbox, Membership, Role
from tests.builders import make_agent, make_inbox, make_team
from tests.channels_inbox.mailing import arrive, make_mail
from tests.channels_inbox.servers import PASSWORD

if TYPE_CHECKING:
    from tests.builders import Cast
    from tests.channels_inbox.servers import IMAPServer, SMTPSink, TokenServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Agent:
    return make_agent("Ada", role=Role.ADMIN)


def signed_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def values(team: int, **changes: Any) -> dict[str, Any]:
    """The form as a browser posts it, for a mailbox that is connected by hook only."""
    return {
        "address": "shop@desk.example",
        "sign_in": "password",
        "password": "",
        "username": "",
        "imap_host": "",
        "imap_port": 993,
        "imap_security": "ssl",
        "smtp_host": "",
        "smtp_port": 465,
        "smtp_security": "ssl",
        "since_days": 0,
        "folders": "INBOX",
        "after": "leave",
        "name": "Shop",
        "team": team,
        "restriction": "",
        "undo_seconds": 10,
        "reopen_hours": 24,
        **changes,
    }


def servers(imap: IMAPServer, sink: SMTPSink, **changes: Any) -> dict[str, Any]:
    """The parts of the form that name these servers."""
    reading, sending = imap.config(), sink.config()
    return {
        "username": reading.imap_username,
        "imap_host": reading.imap_host,
        "imap_port": reading.imap_port,
        "imap_security": reading.imap_security,
        "smtp_host": sending.smtp_host,
        "smtp_port": sending.smtp_port,
        "smtp_security": sending.smtp_security,
        "smtp_open": "on",
        **changes,
    }


# Who may


INBOX_ROUTES = [
    ("get", "inboxes:inboxes", []),
    ("get", "inboxes:new", []),
    ("post", "inboxes:new", []),
    ("post", "inboxes:test-new", []),
    ("get", "inboxes:new-provider", ["telegram"]),
    ("post", "inboxes:new-provider", ["telegram"]),
    ("post", "inboxes:test-provider", ["telegram"]),
    ("get", "inboxes:new-chat", []),
    ("post", "inboxes:new-chat", []),
    ("get", "inboxes:assistant", [1]),
    ("post", "inboxes:new-signing-secret", [1]),
    ("post", "inboxes:stop-old-secret", [1]),
    ("get", "inboxes:consent-callback", []),
    ("get", "inboxes:inbox", [1]),
    ("post", "inboxes:inbox", [1]),
    ("post", "inboxes:test", [1]),
    ("post", "inboxes:new-hook-secret", [1]),
    ("post", "inboxes:close", [1]),
    ("post", "inboxes:open", [1]),
    ("get", "inboxes:consent", [1]),
]
ITEM_ROUTES = [
    ("get", "items:items", []),
    ("get", "items:nothing-lost", []),
    ("post", "items:replay-all", []),
    ("get", "items:item", [1]),
    ("get", "items:raw", [1]),
    ("post", "items:bring-in", [1]),
    ("post", "items:discard", [1]),
]


@pytest.mark.parametrize(("method", "name", "args"), INBOX_ROUTES)
def test_inboxes_are_the_admins(method: str, name: str, args: list[int]) -> None:
    client = signed_in(make_agent(role=Role.SUPERVISOR))
    assert getattr(client, method)(reverse(name, args=args)).status_code == 403


@pytest.mark.parametrize(("method", "name", "args"), ITEM_ROUTES)
def test_items_are_the_supervisors(method: str, name: str, args: list[int]) -> None:
    client = signed_in(make_agent(role=Role.AGENT))
    assert getattr(client, method)(reverse(name, args=args)).status_code == 403


@pytest.mark.parametrize(("method", "name", "args"), [*INBOX_ROUTES, *ITEM_ROUTES])
def test_strangers_are_led_to_the_sign_in(
    client: Client, method: str, name: str, args: list[int]
) -> None:
    response = getattr(client, method)(reverse(name, args=args))
    assert response["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize(("method", "name", "args"), [*INBOX_ROUTES, *ITEM_ROUTES])
def test_what_is_not_there_is_not_found(
    admin: Agent, method: str, name: str, args: list[int]
) -> None:
    if args:
        assert getattr(signed_in(admin), method)(reverse(name, args=[0])).status_code == 404


# Inboxes


def test_the_form_begins_with_what_the_address_tells(admin: Agent) -> None:
    make_team()
    page = signed_in(admin).get(reverse("inboxes:new"), {"address": "Help@Gmail.com"})
    form = page.context["form"]
    assert form["imap_host"].value() == "imap.gmail.com"
    assert form["address"].value() == "help@gmail.com"
    page = signed_in(admin).get(reverse("inboxes:new"), {"address": "a@lamps.example"})
    assert page.context["form"]["smtp_host"].value() == "smtp.lamps.example"


def test_an_inbox_is_saved_with_its_account(admin: Agent, imap: IMAPServer, sink: SMTPSink) -> None:
    team = make_team()
    form = values(
        team.pk,
        **servers(imap, sink, password="secret"),
        since_days=14,
        folders="INBOX\nOrders",
        plus_addressing="on",
        trusted_forwarders="boss@desk.example, desk.example",
        authserv_id="mx.desk.example",
        signature="Your shop",
        restriction="legal",
    )
    response = signed_in(admin).post(reverse("inboxes:new"), form)
    inbox = Inbox.objects.get(address="shop@desk.example")
    assert response["Location"] == reverse("inboxes:inbox", args=[inbox.pk])
    assert (inbox.team, inbox.restriction, inbox.signature) == (team, "legal", "Your shop")
    assert (inbox.undo_window, inbox.reopen_within) == (timedelta(seconds=10), timedelta(hours=24))
    config = accounts.config_of(inbox)
    assert config.imap_port == imap.config().imap_port
    assert config.folders == ("INBOX", "Orders")
    assert config.trusted_forwarders == ("boss@desk.example", "desk.example")
    assert (config.plus_addressing, config.authserv_id) == (True, "mx.desk.example")
    assert config.smtp_username == ""
    assert timezone.now() - config.cutoff_at > timedelta(days=13)  # type: ignore[operator]
    assert vault.get(inbox, connections.IMAP_PASSWORD) == "secret"


def test_a_secret_never_comes_back(admin: Agent, imap: IMAPServer, sink: SMTPSink) -> None:
    client = signed_in(admin)
    form = values(make_team().pk, **servers(imap, sink, password="hush-hush"))
    client.post(reverse("inboxes:new"), form)
    inbox = Inbox.objects.get()
    page = client.get(reverse("inboxes:inbox", args=[inbox.pk])).content.decode()
    assert "hush-hush" not in page
    assert "•••• set" in page
    broken = client.post(
        reverse("inboxes:inbox", args=[inbox.pk]), {**form, "name": "", "password": "hush-hush"}
    )
    assert broken.status_code == 422
    assert "hush-hush" not in broken.content.decode()


def test_an_empty_password_keeps_the_one_that_is_set(
    admin: Agent, imap: IMAPServer, sink: SMTPSink
) -> None:
    client = signed_in(admin)
    form = values(make_team().pk, **servers(imap, sink, password="one"))
    client.post(reverse("inboxes:new"), form)
    inbox = Inbox.objects.get()
    url = reverse("inboxes:inbox", args=[inbox.pk])
    saved = client.post(url, {**form, "password": "", "name": "Renamed"})
    assert saved.status_code == 302
    inbox.refresh_from_db()
    assert inbox.name == "Renamed"
    assert vault.get(inbox, connections.IMAP_PASSWORD) == "one"
    client.post(url, {**form, "password": "two"})
    assert vault.get(inbox, connections.IMAP_PASSWORD) == "two"


def test_a_stored_password_goes_to_no_other_server(
    admin: Agent, imap: IMAPServer, sink: SMTPSink
) -> None:
    client = signed_in(admin)
    form = values(make_team().pk, **servers(imap, sink, password="one"))
    client.post(reverse("inboxes:new"), form)
    url = reverse("inboxes:test", args=[Inbox.objects.get().pk])
    response = client.post(url, {**form, "password": "", "imap_host": "elsewhere.example"})
    assert response.status_code == 422
    assert "Write the password for this server" in response.content.decode()


def test_the_test_shows_each_step_and_saves_nothing(
    admin: Agent, imap: IMAPServer, sink: SMTPSink
) -> None:
    form = values(make_team().pk, **servers(imap, sink, password=PASSWORD))
    page = signed_in(admin).post(reverse("inboxes:test-new"), {**form, "folders": "INBOX\nGone"})
    steps = [(check.what, check.ok) for check in page.context["checks"]]
    host = imap.config().imap_host
    assert steps[0] == (f"Sign in to {host} to read", True)
    assert ("Folder INBOX", True) in steps
    assert ("Folder Gone", False) in steps
    assert steps[-1][1] is True
    assert not Inbox.objects.exists()


def test_the_test_says_what_to_do_about_a_wrong_password(
    admin: Agent, imap: IMAPServer, sink: SMTPSink
) -> None:
    form = values(make_team().pk, **servers(imap, sink, password="wrong"))
    page = signed_in(admin).post(reverse("inboxes:test-new"), form, headers={"hx-request": "true"})
    text = page.content.decode()
    assert "refuses the sign-in" in text
    assert "<form" not in text


def test_testing_uses_the_stored_password(admin: Agent, imap: IMAPServer, sink: SMTPSink) -> None:
    client = signed_in(admin)
    form = values(make_team().pk, **servers(imap, sink, password=PASSWORD))
    client.post(reverse("inboxes:new"), form)
    url = reverse("inboxes:test", args=[Inbox.objects.get().pk])
    page = client.post(url, {**form, "password": ""})
    assert page.context["checks"][0].ok


def test_a_plus_address_that_gets_too_long_is_refused(admin: Agent) -> None:
    form = values(make_team().pk, address="a" * 25 + "@desk.example", plus_addressing="on")
    response = signed_in(admin).post(reverse("inboxes:new"), form)
    assert response.status_code == 422
    assert "plus_addressing" in response.context["form"].errors


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("imap_host", "https://imap.desk.example"),
        ("imap_port", "0"),
        ("folders", " "),
        ("after", "burn"),
        ("after", "move"),
        ("restriction", "mine"),
        ("team", "0"),
        ("address", "no address"),
        ("undo_seconds", "-1"),
    ],
)
def test_what_can_not_be_is_refused(admin: Agent, field: str, value: str) -> None:
    form = values(make_team().pk, imap_host="imap.desk.example", password="x")
    response = signed_in(admin).post(reverse("inboxes:new"), {**form, field: value})
    assert response.status_code == 422
    assert not Inbox.objects.exists()


def test_two_inboxes_can_not_have_one_address(admin: Agent) -> None:
    inbox = make_inbox(make_team())
    response = signed_in(admin).post(
        reverse("inboxes:new"), values(inbox.team_id, address=inbox.address.upper())
    )
    assert response.status_code == 422
    assert "has this address already" in response.content.decode()


def test_an_inbox_is_closed_and_opened(admin: Agent) -> None:
    inbox = make_inbox(make_team())
    client = signed_in(admin)
    client.post(reverse("inboxes:close", args=[inbox.pk]))
    inbox.refresh_from_db()
    assert not inbox.is_active
    client.post(reverse("inboxes:open", args=[inbox.pk]))
    inbox.refresh_from_db()
    assert inbox.is_active


def test_the_list_tells_trouble_in_words(admin: Agent) -> None:
    inbox = make_inbox(make_team())
    accounts.save_account(inbox, MailConfig())
    Account.objects.update(error_code="sending:sign_in", error="535 no", error_at=timezone.now())
    text = signed_in(admin).get(reverse("inboxes:inboxes")).content.decode()
    assert "Sending: The server refuses the sign-in" in text


def test_the_list_takes_the_same_queries_for_many(
    admin: Agent, django_assert_max_num_queries: Any
) -> None:
    team = make_team()
    for _ in range(15):
        accounts.save_account(make_inbox(team), MailConfig())
    client = signed_in(admin)
    with django_assert_max_num_queries(4):
        client.get(reverse("inboxes:inboxes"))


def test_a_hook_secret_is_shown_once(admin: Agent) -> None:
    inbox = make_inbox(make_team())
    client = signed_in(admin)
    page = client.post(reverse("inboxes:new-hook-secret", args=[inbox.pk]))
    first = page.context["hook_secret"]
    assert first in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert inbox.public_id in page.content.decode()
    assert first not in client.get(reverse("inboxes:inbox", args=[inbox.pk])).content.decode()
    second = client.post(reverse("inboxes:new-hook-secret", args=[inbox.pk])).context["hook_secret"]
    assert first != second == vault.get(inbox, "hook")
    assert vault.before(inbox, "hook") == first
    stop = reverse("inboxes:stop-old-secret", args=[inbox.pk])
    assert stop in client.get(reverse("inboxes:inbox", args=[inbox.pk])).content.decode()
    client.post(stop)
    assert vault.before(inbox, "hook") is None
    assert stop not in client.get(reverse("inboxes:inbox", args=[inbox.pk])).content.decode()


# A provider's consent


@pytest.fixture
def oauth_inbox(admin: Agent, tokens_server: TokenServer) -> Inbox:
    form = values(
        make_team().pk,
        sign_in="other",
        imap_host="imap.desk.example",
        oauth_client_id="our-client",
        oauth_client_secret="our-secret",
        oauth_authorize_url="https://provider.example/authorize",
        oauth_token_url=tokens_server.url,
        oauth_scope="mail",
    )
    signed_in(admin).post(reverse("inboxes:new"), form)
    return Inbox.objects.get()


def test_consent_leads_out_and_back(
    admin: Agent, oauth_inbox: Inbox, tokens_server: TokenServer
) -> None:
    tokens_server.answer = {"access_token": "a-token", "refresh_token": "r", "expires_in": 3600}
    client = signed_in(admin)
    out = client.get(reverse("inboxes:consent", args=[oauth_inbox.pk]))["Location"]
    assert out.startswith("https://provider.example/authorize?")
    asked = parse_qs(urlsplit(out).query)
    assert asked["client_id"] == ["our-client"]
    assert asked["redirect_uri"][0].endswith(reverse("inboxes:consent-callback"))
    back = {"code": "a-code", "state": asked["state"][0]}
    done = client.get(reverse("inboxes:consent-callback"), back)
    assert done["Location"] == reverse("inboxes:inbox", args=[oauth_inbox.pk])
    assert vault.has(oauth_inbox, oauth.ACCESS_TOKEN)
    assert client.get(reverse("inboxes:consent-callback"), back).status_code == 422


@pytest.mark.parametrize("state", ["", "wrong", "é"])
def test_a_foreign_state_is_refused(admin: Agent, oauth_inbox: Inbox, state: str) -> None:
    client = signed_in(admin)
    client.get(reverse("inboxes:consent", args=[oauth_inbox.pk]))
    answer = client.get(reverse("inboxes:consent-callback"), {"code": "x", "state": state})
    assert answer.status_code == 422
    assert not vault.has(oauth_inbox, oauth.ACCESS_TOKEN)


def test_a_refused_consent_changes_nothing(admin: Agent, oauth_inbox: Inbox) -> None:
    client = signed_in(admin)
    out = client.get(reverse("inboxes:consent", args=[oauth_inbox.pk]))["Location"]
    state = parse_qs(urlsplit(out).query)["state"][0]
    answer = client.get(
        reverse("inboxes:consent-callback"), {"error": "access_denied", "state": state}
    )
    assert answer.status_code == 302
    assert not vault.has(oauth_inbox, oauth.ACCESS_TOKEN)


# What was not taken in


def broken_item(
    inbox: Inbox, raw: bytes = b"", *, state: str = "dead", reason: str = "it broke"
) -> Item:
    raw = raw or make_mail()
    envelope = Envelope.objects.create(
        inbox=inbox,
        source="hook",
        dedup_key=f"k{Envelope.objects.count()}",
        raw=raw,
        size=len(raw),
        received_at=timezone.now(),
    )
    return Item.objects.create(
        envelope=envelope,
        inbox=inbox,
        lane="l",
        state=state,
        reason=reason,
        received_at=timezone.now(),
        next_at=timezone.now(),
        ended_at=timezone.now(),
        attempts=8,
    )


@pytest.fixture
def supervisor() -> Agent:
    return make_agent("Sue", role=Role.SUPERVISOR)


def test_the_page_shows_who_and_what_and_why(cast: Cast, supervisor: Agent) -> None:
    broken_item(cast.inbox, make_mail(subject="Đèn hỏng"))
    spam = arrive(cast.inbox, make_mail(x_spam_flag="YES"))
    assert spam.state == "ignored"
    client = signed_in(supervisor)
    dead = client.get(reverse("items:items")).content.decode()
    assert "kim@example.org" in dead and "Đèn hỏng" in dead and "it broke" in dead
    ignored = client.get(reverse("items:items"), {"state": "ignored"}).content.decode()
    assert "The mail server marked it as spam" in ignored
    assert "it broke" not in ignored


def test_pages_follow_by_key(cast: Cast, supervisor: Agent) -> None:
    items = [broken_item(cast.inbox) for _ in range(53)]
    client = signed_in(supervisor)
    first = client.get(reverse("items:items")).context["page"]
    second = client.get(reverse("items:items"), {"before": first.next}).context["page"]
    shown = [row.item.pk for row in (*first.rows, *second.rows)]
    assert shown == [item.pk for item in reversed(items)]
    assert second.next is None


def test_the_list_of_items_takes_the_same_queries_for_many(
    cast: Cast, supervisor: Agent, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        broken_item(cast.inbox)
    client = signed_in(supervisor)
    with django_assert_max_num_queries(4):
        client.get(reverse("items:items"))


@pytest.mark.parametrize("query", [{"state": "threaded"}, {"before": "x"}])
def test_other_states_have_no_page(supervisor: Agent, query: dict[str, str]) -> None:
    assert signed_in(supervisor).get(reverse("items:items"), query).status_code == 404


def test_a_restricted_inbox_shows_its_items_to_its_team_only(cast: Cast, supervisor: Agent) -> None:
    inbox = make_inbox(cast.billing, restriction="legal")
    item = broken_item(inbox)
    client = signed_in(supervisor)
    for method, name in [(method, name) for method, name, args in ITEM_ROUTES if args]:
        assert getattr(client, method)(reverse(name, args=[item.pk])).status_code == 404
    assert not client.get(reverse("items:items")).context["page"].rows
    Membership.objects.create(team=cast.billing, agent=supervisor)
    assert client.get(reverse("items:item", args=[item.pk])).status_code == 200


def test_the_payload_is_saved_never_shown(cast: Cast, supervisor: Agent) -> None:
    raw = make_mail(text="<script>alert(1)</script>")
    item = broken_item(cast.inbox, raw)
    response = signed_in(supervisor).get(reverse("items:raw", args=[item.pk]))
    assert response.content == raw
    assert response["Content-Type"] == "message/rfc822"
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]


def test_a_dead_item_is_tried_again(cast: Cast, supervisor: Agent) -> None:
    item = broken_item(cast.inbox)
    client = signed_in(supervisor)
    client.post(reverse("items:bring-in", args=[item.pk]))
    item.refresh_from_db()
    assert item.state == "threaded"
    assert Entry.objects.filter(pk=item.entry_id).exists()
    client.post(reverse("items:bring-in", args=[item.pk]))
    assert Entry.objects.filter(kind="message").count() == 1


def test_what_was_left_out_is_brought_in(cast: Cast, supervisor: Agent) -> None:
    spam = arrive(cast.inbox, make_mail(x_spam_flag="YES"))
    response = signed_in(supervisor).post(reverse("items:bring-in", args=[spam.pk]), follow=True)
    spam.refresh_from_db()
    assert spam.state == "threaded"
    assert "in its conversation now" in response.content.decode()


def test_discarding_wants_a_reason_and_keeps_the_bytes(cast: Cast, supervisor: Agent) -> None:
    item = broken_item(cast.inbox)
    client = signed_in(supervisor)
    url = reverse("items:discard", args=[item.pk])
    assert client.post(url, {"reason": " "}).status_code == 422
    client.post(url, {"reason": "a test of ours"})
    item.refresh_from_db()
    assert (item.state, item.reason) == ("ignored", "discarded: a test of ours")
    assert item.envelope.raw
    page = client.get(reverse("items:items"), {"state": "ignored"}).content.decode()
    assert "Discarded by hand: a test of ours" in page


def test_the_frame_says_that_something_is_dead(cast: Cast, supervisor: Agent) -> None:
    supervised, alice = signed_in(supervisor), signed_in(cast.alice)
    url, words = reverse("settings:account"), "Something could not be read"
    assert words not in supervised.get(url).content.decode()
    broken_item(cast.inbox)
    assert words in supervised.get(url).content.decode()
    assert words not in alice.get(url).content.decode()
