"""A customer's phone in the demo: to the desk and back by the stand-ins, in weather of all kinds."""

from __future__ import annotations

import re
import threading
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from channels_inbox import accounts, deliver, guard, pulling, receive
from channels_inbox.models import Account
from conversations import replies
from conversations.models import Agent, Delivery, Entry, Identity, Inbox, Team
from helpdesk.demo import data, handset, lines
from helpdesk.embedded import free_port
from helpdesk.sandbox.exchange import Exchange
from helpdesk.sandbox.lines import LINES
from helpdesk.sandbox.provider import PICTURE
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.builders import head_of, make_inbox, make_team, outgoing, ticket_of
from tests.channels_inbox.providers.conftest import knock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

HERE: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "127.0.0.1"}
LAN = "+84901112233"
OURS = [line.slug for line in LINES if not line.spare]
# The stand-ins call from threads of their own, which see only what is committed.
pytestmark = pytest.mark.django_db(transaction=True)


def knocks(url: str, headers: dict[str, str], body: bytes) -> int:
    try:
        return knock(url, headers, body)
    finally:
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()


@pytest.fixture
def exchange(settings: Settings, tmp_path: Path) -> Iterator[Exchange]:
    """The stand-ins, and the demo's inboxes connected to them."""
    settings.DEMO = settings.LOCAL = True
    settings.ROOT_URLCONF = "tests.helpdesk.demo_urls"
    settings.ALLOW_PRIVATE_HOSTS = True
    settings.DATA_DIR = tmp_path
    made = Exchange([0] * len(LINES), tmp_path / "sandbox" / "phones.pickle")
    page = free_port()
    with ExitStack() as stack:
        for phones in made.phones.values():
            phones.sandbox.knock = knocks
            if isinstance(phones.sandbox, WhatsAppSandbox):
                phones.sandbox.ask = None
            stack.enter_context(phones.sandbox)
        stack.enter_context(made.door(page))
        ports = [phones.sandbox.port for phones in made.phones.values()]
        settings.DEMO_SANDBOX_PORTS = [page, *ports]
        agents = data.hire()
        lines.connect(Team.objects.get(name="Support"), agents["ada"])
        lines.open_hooks()
        yield made


def inbox_of(line: str, exchange: Exchange) -> Inbox:
    return Inbox.objects.get(address=exchange.phones[line].sandbox.address)


def work() -> None:
    while receive.process_waiting("fast"):
        pass


def answer(text: str, inbox: Inbox) -> Entry:
    """Anh answers what came last there."""
    newest = Entry.objects.filter(inbox=inbox, direction="in").latest("at")
    identity = Identity.objects.get(pk=newest.identity_id)
    sent = replies.reply(
        ticket_of(newest),
        by=Agent.objects.get(email="anh@demo.example"),
        outgoing=outgoing(identity, inbox, text),
        seen_head=head_of(newest.conversation_id),
        client_token=uuid.uuid4(),
    )
    assert isinstance(sent, Entry)
    deliver.deliver_due("slow")
    return sent


@pytest.mark.parametrize("line", ["sms", "telegram", "whatsapp", "app"])
def test_what_is_written_on_a_phone_is_answered_there(exchange: Exchange, line: str) -> None:
    inbox = inbox_of(line, exchange)
    page = f"/demo/phone/{LAN[1:]}/{line}/"
    client = Client()
    client.get("/demo/phone/", {"number": LAN, "name": "Lan Phạm"}, **HERE)
    assert client.post(page, {"act": "write", "text": "Đèn bị vỡ"}, **HERE).status_code == 302
    picture = SimpleUploadedFile("lamp.png", PICTURE, "image/png")
    client.post(page, {"act": "write", "picture": picture}, **HERE)
    work()
    texts = Entry.objects.filter(inbox=inbox, direction="in").order_by("at")
    assert list(texts.values_list("text", flat=True)) == ["Đèn bị vỡ", ""]
    assert texts[1].attachments.count() == 1
    sent = answer("Chúng tôi gửi cái mới.", inbox)
    shown = client.get(page, **HERE).content.decode()
    assert "Chúng tôi gửi cái mới." in shown
    assert shown.count("in its conversation") == 2
    [key] = next(one["files"] for one in handset.thread(LAN[1:], line) if one["files"])
    assert client.get(f"/demo/phone/{line}/file/{key}/", **HERE).content == PICTURE
    state = Delivery.objects.get(entry=sent).state
    assert state == "sent"


def test_news_come_only_when_there_are_some(exchange: Exchange) -> None:
    page = f"/demo/phone/{LAN[1:]}/sms/"
    exchange.write("sms", LAN, "Lan", "Hi")
    work()
    client = Client()
    stamp = client.get(page, **HERE).context["stamp"]
    assert client.get(f"{page}news/", {"stamp": stamp}, **HERE).status_code == 204
    answer("Hello Lan", inbox_of("sms", exchange))
    fresh = client.get(f"{page}news/", {"stamp": stamp}, **HERE)
    assert (fresh.status_code, "Hello Lan" in fresh.content.decode()) == (200, True)


def test_messages_are_changed_and_reacted_to_on_telegram(exchange: Exchange) -> None:
    inbox = inbox_of("telegram", exchange)
    page = f"/demo/phone/{LAN[1:]}/telegram/"
    client = Client()
    exchange.write("telegram", LAN, "Lan", "Order 10433")
    work()
    answer("Which lamp?", inbox)
    mine, theirs = exchange.thread("telegram", LAN)
    client.post(page, {"act": "edit", "name": mine["name"], "text": "Order 10434"}, **HERE)
    client.post(page, {"act": "react", "name": theirs["name"], "emoji": "👍"}, **HERE)
    work()
    entry = Entry.objects.get(inbox=inbox, direction="in")
    assert entry.text == "Order 10434"
    assert Entry.objects.get(event="reacted").data["emoji"] == "👍"
    assert client.post(page, {"act": "delete", "name": "7:7"}, **HERE).status_code == 404
    assert client.post(page, {"act": "write", "text": ""}, **HERE).status_code == 422


def test_the_shops_own_app_edits_reacts_and_takes_back(exchange: Exchange) -> None:
    inbox = inbox_of("app", exchange)
    page = f"/demo/phone/{LAN[1:]}/app/"
    client = Client()
    exchange.write("app", LAN, "Lan", "Order 10433")
    work()
    answer("Which lamp?", inbox)
    mine, theirs = exchange.thread("app", LAN)
    client.post(page, {"act": "edit", "name": mine["name"], "text": "Order 10434"}, **HERE)
    client.post(page, {"act": "react", "name": theirs["name"], "emoji": "👍"}, **HERE)
    client.post(page, {"act": "delete", "name": mine["name"]}, **HERE)
    work()
    entry = Entry.objects.get(inbox=inbox, direction="in")
    assert (entry.text, entry.withdrawn_at is None) == ("Order 10434", False)
    assert Entry.objects.get(event="reacted").data["emoji"] == "👍"
    assert entry.identity is not None and entry.identity.label == "Lan"


def test_what_is_not_of_today_has_its_day(exchange: Exchange) -> None:
    exchange.write("sms", LAN, "Lan", "Two days ago")
    [bubble] = exchange.phones["sms"].threads[LAN]
    bubble.at -= 2 * 86_400
    page = Client().get(f"/demo/phone/{LAN[1:]}/sms/", **HERE).content.decode()
    [when] = re.findall(r'<p class="when"><time[^>]*>([^<]+)</time>', page)
    assert re.fullmatch(r"\w+ \d\d:\d\d", when), when


def test_a_receipt_comes_by_itself(exchange: Exchange) -> None:
    exchange.write("sms", LAN, "Lan", "Hi")
    work()
    sent = answer("Hello", inbox_of("sms", exchange))
    exchange.phones["sms"].catch_up()
    for bubble in exchange.phones["sms"].threads[LAN]:
        bubble.at -= 5
    exchange.tick()
    work()
    assert Delivery.objects.get(entry=sent).state == "delivered"


def test_a_call_rings_on_the_desk_and_is_missed_or_answered(exchange: Exchange) -> None:
    page = f"/demo/phone/{LAN[1:]}/phone/"
    client = Client()
    for acts in (("ring", "hang_up"), ("ring", "answer", "hang_up")):
        for act in acts:
            assert client.post(page, {"act": act}, **HERE).status_code == 302
            work()
    assert [one["state"] for one in exchange.thread("phone", LAN)] == ["missed", "ended"]
    assert Entry.objects.filter(kind="call", direction="in").count() == 2
    shown = client.get(page, **HERE).content.decode()
    assert "Call the shop" in shown
    assert "not on the desk yet" not in shown


def test_the_weather_is_set_by_its_form(exchange: Exchange) -> None:
    page = f"/demo/phone/{LAN[1:]}/sms/weather/"
    told = {"latency": "0", "trouble": "busy", "silent": "on"}
    assert Client().post(page, told, **HERE).status_code == 302
    sandbox = exchange.phones["sms"].sandbox
    assert (sandbox.trouble, sandbox.calls, sandbox.doubles) == ("busy", False, False)
    exchange.write("sms", LAN, "Lan", "Alo?")
    work()
    shown = Client().get(f"/demo/phone/{LAN[1:]}/sms/", **HERE).content.decode()
    assert "not on the desk yet" in shown
    assert Client().post(page, {"latency": "9"}, **HERE).status_code == 422
    with pytest.raises(LookupError):
        exchange.weather("sms", knock=None)


def test_threads_and_hooks_survive_a_restart(exchange: Exchange, tmp_path: Path) -> None:
    exchange.write("telegram", LAN, "Lan", "Hi")
    exchange.weather("sms", doubles=True)
    exchange.save()
    again = Exchange([0] * len(LINES), tmp_path / "sandbox" / "phones.pickle")
    assert again.thread("telegram", LAN) == exchange.thread("telegram", LAN)
    hooks = [phones.sandbox.is_connected for phones in again.phones.values()]
    assert hooks == [line.slug in OURS for line in LINES]
    assert again.phones["sms"].sandbox.doubles is True
    (tmp_path / "sandbox" / "phones.pickle").write_bytes(b"of another release")
    assert Exchange([0] * len(LINES), tmp_path / "sandbox" / "phones.pickle").lines()


def test_inboxes_are_led_to_where_the_stand_ins_are_now(exchange: Exchange) -> None:
    Account.objects.update(
        config={**Account.objects.earliest("pk").config, "base_url": "http://127.0.0.1:1"}
    )
    lines.open_hooks()
    urls = {account.config["base_url"] for account in Account.objects.exclude(inbox__kind="phone")}
    stand_ins = [exchange.phones[line].sandbox for line in OURS if line != "phone"]
    assert urls == {one.answers()["base_url"] for one in stand_ins}


def test_values_for_the_settings_stand_beside_a_spare_account(exchange: Exchange) -> None:
    shown = Client().get(f"/demo/phone/{LAN[1:]}/spare-sms/", **HERE).content.decode()
    sandbox = exchange.phones["spare-sms"].sandbox
    for value in ("try-it-token", "+1 202-555-0142", sandbox.url):
        assert value in shown
    assert "The ledger" not in shown


def test_a_bot_is_connected_too_where_the_desk_asks_and_is_not_called(exchange: Exchange) -> None:
    page = f"/demo/phone/{LAN[1:]}/spare-telegram/"
    sandbox = exchange.phones["spare-telegram"].sandbox
    assert "nobody would read it" in Client().get(page, **HERE).content.decode()
    inbox = make_inbox(make_team("Bots"), kind="telegram", address=sandbox.address)
    told = {**sandbox.answers(), "way": "poll"}
    accounts.connect(inbox, told, {"token": told.pop("token")})
    pulling.pull(inbox.pk)
    assert "nobody would read it" not in Client().get(page, **HERE).content.decode()


def test_only_our_own_pages_are_answered(exchange: Exchange, settings: Settings) -> None:
    url = f"http://127.0.0.1:{settings.DEMO_SANDBOX_PORTS[0]}/lines"
    assert guard.request("POST", url, {}, content=b"{}").status == 404
    assert len(handset.ask("lines")) == len(LINES)
    with pytest.raises(handset.NotFound):
        handset.ask("thread", line="pigeon", number=LAN)
    settings.DEMO_SANDBOX_PORTS = []
    assert Client().get("/demo/phone/", **HERE).status_code == 503
