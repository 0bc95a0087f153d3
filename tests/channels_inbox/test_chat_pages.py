"""The settings of a chat, and the pages a browser opens: loader, panel, plain form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from channels_inbox import receive, vault
from channels_inbox.chat import accounts, signatures
from channels_inbox.models import Visitor
from conversations.models import Agent, Entry, Inbox, Role
from tests.builders import make_agent
from tests.channels_inbox.chatting import make_chat
from tests.channels_inbox.test_pages import signed_in

if TYPE_CHECKING:
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Agent:
    return make_agent("Ada", role=Role.ADMIN)


def values(team: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Shop chat",
        "team": team,
        "domains": "shop.example\nhttps://*.Shop.example/some/page",
        "title": "",
        "greeting": "Hello!",
        "from_name": "The Shop",
        "color": "#aa3300",
        "side": "end",
        "theme": "auto",
        "language": "",
        "zone": "Asia/Ho_Chi_Minh",
        "hours_on": "on",
        "day_0": "09:00-17:30",
        "reply_words": "Soon.",
        "ask_email": "on",
        "gone_minutes": 2,
        "restriction": "",
        "undo_seconds": 0,
        "reopen_hours": 72,
        "ask_0": "email",
        "ask_1": "other",
        "label_1": "Order number",
        "required_1": "on",
        **changes,
    }


def test_an_admin_makes_a_chat_and_changes_it(admin: Agent, cast: Cast) -> None:
    client = signed_in(admin)
    assert client.get(reverse("inboxes:new-chat")).status_code == 200
    client.post(reverse("inboxes:new-chat"), values(cast.support.pk))
    chat = Inbox.objects.get(kind="chat")
    config = accounts.config_of(chat)
    assert (config.domains, config.is_gone_after.seconds) == (
        ("shop.example", "*.shop.example"),
        120,
    )
    assert [one["name"] for one in config.prechat] == ["email", "Order number"]
    page = client.get(reverse("inboxes:inbox", args=[chat.pk])).content.decode()
    assert f"/w/{chat.public_id}.js" in page
    client.post(
        reverse("inboxes:inbox", args=[chat.pk]), values(cast.support.pk, hours_on="", domains="")
    )
    assert (accounts.config_of(chat).hours, accounts.config_of(chat).domains) == ((), ())


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("color", "red; } body { display: none"),
        ("domains", "https://"),
        ("domains", "shop.example 'unsafe-inline'"),
        ("day_0", "9-5"),
        ("day_0", "17:00-09:00"),
        ("zone", "Mars/Base"),
        ("ask_1", "email"),
        ("label_1", ""),
        ("gone_minutes", 0),
    ],
)
def test_what_cannot_be_is_marked_and_not_saved(
    admin: Agent, cast: Cast, field: str, wrong: object
) -> None:
    answer = signed_in(admin).post(
        reverse("inboxes:new-chat"), values(cast.support.pk, **{field: wrong})
    )
    assert answer.status_code == 422
    assert not Inbox.objects.filter(kind="chat").exists()


def test_the_signing_secret_is_shown_once_and_changed_over(admin: Agent, cast: Cast) -> None:
    chat = make_chat(cast.support)
    client = signed_in(admin)
    shown = client.post(reverse("inboxes:new-signing-secret", args=[chat.pk])).content.decode()
    secret = vault.get(chat, signatures.SECRET)
    assert secret in shown
    assert secret not in client.get(reverse("inboxes:inbox", args=[chat.pk])).content.decode()
    client.post(reverse("inboxes:new-signing-secret", args=[chat.pk]))
    assert vault.get(chat, signatures.SECRET_BEFORE) == secret
    client.post(reverse("inboxes:stop-old-secret", args=[chat.pk]))
    assert not vault.has(chat, signatures.SECRET_BEFORE)


def test_doors_of_mailboxes_are_not_those_of_chats(admin: Agent, cast: Cast) -> None:
    chat, client = make_chat(cast.support), signed_in(admin)
    for name in ("test", "new-hook-secret"):
        assert client.post(reverse(f"inboxes:{name}", args=[chat.pk])).status_code == 404
    there = reverse("inboxes:new-signing-secret", args=[cast.inbox.pk])
    assert client.post(there).status_code == 404


def test_the_loader_is_cached_by_its_tag(client: Client, cast: Cast) -> None:
    chat = make_chat(cast.support, title='</script><b>"', color="#123456")
    there = reverse("chat:loader", args=[chat.public_id])
    first = client.get(there)
    assert first["Content-Type"] == "text/javascript; charset=utf-8"
    assert first["Cache-Control"] == "public, max-age=300"
    assert b"</script>" not in first.content
    assert not first.cookies
    again = client.get(there, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(reverse("chat:loader", args=["nowhere"])).status_code == 404


def test_the_panel_stands_only_in_frames_of_its_sites(client: Client, cast: Cast) -> None:
    chat = make_chat(cast.support, domains=("shop.example", "*.shop.example", "localhost:8000"))
    page = client.get(reverse("chat:panel", args=[chat.public_id]), {"language": "vi"})
    policy = page["Content-Security-Policy"]
    assert policy.rpartition("; ")[2] == (
        "frame-ancestors 'self' https://shop.example:* https://*.shop.example:*"
        " https://localhost:8000 http://localhost:8000"
    )
    assert "unsafe" not in policy
    assert "X-Frame-Options" not in page
    assert not page.cookies
    assert 'lang="vi"' in page.content.decode()
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert f'nonce="{nonce[1]}"' in page.content.decode()
    anywhere = make_chat(cast.support, "Open to all")
    policy = client.get(reverse("chat:panel", args=[anywhere.public_id]))["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors *")


def test_without_javascript_a_form_takes_the_message_and_shows_the_answer(
    client: Client, cast: Cast
) -> None:
    chat = make_chat(cast.support)
    there = reverse("chat:form", args=[chat.public_id])
    page = client.get(there)
    assert not page.cookies
    said = re.search(r'name="said" value="([^"]+)"', page.content.decode())
    assert said is not None
    told = {"text": "No scripts here", "email": "kim@example.org", "said": said[1], "kept": ""}
    sent = client.post(there, told)
    assert sent.status_code == 302
    receive.process_waiting("fast")
    shown = client.get(sent["Location"])
    assert "No scripts here" in shown.content.decode()
    assert shown["Referrer-Policy"] == "no-referrer"
    kept = re.search(r'name="kept" value="([^"]+)"', shown.content.decode())
    assert kept is not None
    for _ in range(2):
        client.post(there, told | {"text": "And again", "said": said[1][::-1], "kept": kept[1]})
    assert client.post(there, told | {"text": ""}).status_code == 422
    receive.process_waiting("fast")
    assert Visitor.objects.count() == 1
    assert client.get(f"{there}?c={kept[1]}x").status_code == 200
    assert "No scripts here" not in client.get(f"{there}?c={kept[1]}x").content.decode()
    texts = list(Entry.objects.filter(kind="message").values_list("text", flat=True))
    assert texts == ["No scripts here", "And again"]
