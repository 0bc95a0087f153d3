"""One-click sign-in: in the demo, by POST, from this machine; nowhere else."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from conversations import replies
from conversations.models import Agent, HeldSend, Inbox, Team
from helpdesk.demo import data, lively
from helpdesk.embedded import free_port
from tests.builders import answer, identity_of, make_ticket

HERE: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "127.0.0.1"}
PATH = "/demo/sign-in/ada/"
DOORS = (
    "/demo/",
    "/demo/shop/",
    "/demo/guide/",
    "/demo/mailbox/",
    "/demo/mailbox/maya/",
    "/demo/mailbox/maya/news/",
    "/demo/mailbox/maya/write/",
    "/demo/mailbox/maya/sent/",
    "/demo/mailbox/maya/inbox/101/",
    "/demo/mailbox/maya/inbox/101/whole/",
    "/demo/mailbox/maya/inbox/101/file/0/",
    "/demo/phone/",
    "/demo/phone/84901112233/",
    "/demo/phone/84901112233/sms/",
    "/demo/phone/84901112233/sms/news/",
    "/demo/phone/sms/file/ME1/",
)


@pytest.fixture
def demo(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.DEMO = settings.LOCAL = True
    settings.DATA_DIR = tmp_path
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": 2525, "imap_port": 1143}
    settings.ROOT_URLCONF = "tests.helpdesk.demo_urls"
    data.hire()


@pytest.mark.usefixtures("demo")
def test_it_signs_in_and_goes_on(client: Client) -> None:
    signed_in = client.post(PATH, {"next": "/tickets/?mine=1"}, **HERE)
    assert (signed_in.status_code, signed_in["Location"]) == (302, "/tickets/?mine=1")
    assert client.session["_auth_user_id"]


@pytest.mark.usefixtures("demo")
def test_it_leads_nowhere_else(client: Client) -> None:
    assert client.post(PATH, {"next": "https://evil.example/"}, **HERE)["Location"] == "/"


@pytest.mark.usefixtures("demo")
def test_it_offers_everyone(client: Client) -> None:
    page = client.get("/demo/", **HERE).content.decode()
    assert page.count('action="/demo/sign-in/') == 6
    assert client.get("/sign-in/?next=/x/", **HERE)["Location"] == "/demo/?next=%2Fx%2F"


@pytest.mark.usefixtures("demo")
def test_it_needs_post_and_a_token(client: Client) -> None:
    assert client.get(PATH, **HERE).status_code == 405
    assert Client(enforce_csrf_checks=True).post(PATH, **HERE).status_code == 403


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    "far",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"SERVER_NAME": "192.0.2.8"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
    ],
)
def test_it_is_not_there_for_others(
    client: Client, settings: Settings, far: dict[str, Any]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert client.post(PATH, **(HERE | far)).status_code == 404
    for door in DOORS:
        assert client.get(door, **(HERE | far)).status_code == 404, door
    assert client.post("/demo/lively/", {"on": "1"}, **(HERE | far)).status_code == 404
    assert client.post("/demo/guide/", **(HERE | far)).status_code == 404
    assert not lively.is_on()


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("missing", ["DEMO", "LOCAL"])
def test_it_is_not_there_without_the_demo(client: Client, settings: Settings, missing: str) -> None:
    setattr(settings, missing, False)
    assert client.post(PATH, **HERE).status_code == 404


@pytest.mark.django_db
def test_the_product_has_no_such_route(client: Client) -> None:
    assert client.post(PATH, **HERE).status_code == 404
    for door in DOORS:
        assert client.get(door, **HERE).status_code == 404, door


@pytest.mark.usefixtures("demo")
def test_the_floor_is_switched_on_and_off(client: Client) -> None:
    assert b"Let them act" in client.get("/demo/", **HERE).content
    client.post("/demo/lively/", {"on": "1"}, **HERE)
    assert lively.is_on()
    assert b"Stop them" in client.get("/demo/", **HERE).content
    client.post("/demo/lively/", {"on": "0"}, **HERE)
    assert not lively.is_on()


@pytest.mark.usefixtures("demo")
def test_an_answer_taken_back_is_no_step_done(client: Client) -> None:
    mail = data.inbox_of(Team.objects.get(name="Support"))
    mail.undo_window = timedelta(seconds=30)
    mail.save()
    ticket = make_ticket(mail, "amelie@demo.example")
    client.post(PATH, **HERE)
    ada = Agent.objects.get(email="ada@demo.example")
    to = identity_of("amelie@demo.example")
    held = answer(ticket, by=ada, inbox=mail, to=to)
    assert isinstance(held, HeldSend)
    told = client.get("/demo/guide/", **HERE).content.decode()
    assert "2 of 8" in told, "What she wrote is the other one."
    replies.undo(held)
    assert "1 of 8" in client.get("/demo/guide/", **HERE).content.decode()


@pytest.mark.usefixtures("demo")
def test_to_be_maya_is_more_than_to_chat(client: Client) -> None:
    client.post(PATH, **HERE)
    chat = data.inbox_of(Team.objects.get(name="Support"))
    Inbox.objects.filter(pk=chat.pk).update(kind="chat")
    make_ticket(chat, "a-stranger@demo.example")
    assert "0 of 8" in client.get("/demo/guide/", **HERE).content.decode()
    make_ticket(chat, "maya@demo.example")
    assert "1 of 8" in client.get("/demo/guide/", **HERE).content.decode()


@pytest.mark.usefixtures("demo")
def test_where_the_mail_servers_are_away_the_mailbox_says_so(
    client: Client, settings: Settings
) -> None:
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": free_port(), "imap_port": free_port()}
    away = client.get("/demo/mailbox/maya/", **HERE)
    assert away.status_code == 503
    assert "mail servers" in away.content.decode()
    assert client.get("/demo/mailbox/", **HERE).status_code == 200
