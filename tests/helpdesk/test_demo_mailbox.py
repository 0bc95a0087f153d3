"""A customer's mailbox page: real mail in by IMAP, real mail out by SMTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_inbox.email import parse
from conversations.models import Inbox, Team
from helpdesk.demo import data
from tests.helpdesk.mail_pairs import Pair, raw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django import Settings

HERE: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "127.0.0.1"}
MAIL = (
    "From: Demo shop <support@demo.example>\r\nTo: {to}\r\nReply-To: support+x@demo.example\r\n"
    "Subject: Re: Lamp\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <two@demo.example>\r\nReferences: <one@demo.example>\r\n"
    "Content-Type: text/html\r\n\r\n<p onclick='x()'>Hello <b>you</b></p><script>x()</script>"
    "<img src='https://far.example/p.gif'>\r\n"
)
TAKEN = ("support", "privacy", "anh")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    running = Pair(tmp_path_factory.mktemp("pair") / "mail")
    yield running
    running.child.stop()


@pytest.fixture(autouse=True)
def demo(db: None, settings: Settings, pair: Pair, tmp_path: Path) -> None:
    settings.DEMO = settings.LOCAL = True
    settings.DATA_DIR = tmp_path
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": pair.smtp, "imap_port": pair.imap}
    settings.ROOT_URLCONF = "tests.helpdesk.demo_urls"
    data.hire()
    team = Team.objects.get(name="Support")
    Inbox.objects.create(name="Support", kind="email", address="support@demo.example", team=team)


def mail_for(pair: Pair, who: str) -> str:
    """A mail has come; the address of its page."""
    to = f"{who}@demo.example"
    pair.send(to, as_user="support@demo.example", mail=MAIL.format(to=to).encode())
    return f"/demo/mailbox/{who}/inbox/101/"


def test_it_shows_what_came_and_news_only_when_there_are_some(client: Client, pair: Pair) -> None:
    empty = client.get("/demo/mailbox/maya/", **HERE).content.decode()
    assert "No mail yet" in empty
    stamp = re.search('data-stamp="([^"]+)"', empty)
    assert stamp
    news = "/demo/mailbox/maya/news/"
    assert client.get(news, {"stamp": stamp[1]}, **HERE).status_code == 204
    page = mail_for(pair, "maya")
    fresh = client.get(news, {"stamp": stamp[1]}, **HERE)
    assert fresh.status_code == 200
    assert "Re: Lamp" in fresh.content.decode()
    assert "line unread" in fresh.content.decode()
    assert client.get(page, **HERE).status_code == 200
    assert "line unread" not in client.get("/demo/mailbox/maya/", **HERE).content.decode()


def test_html_is_cleaned_and_framed_as_in_the_desk(client: Client, pair: Pair) -> None:
    page = mail_for(pair, "priya")
    shown = client.get(page, **HERE).content.decode()
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown
    assert "<script>x()" not in shown
    whole = client.get(f"{page}whole/", **HERE)
    assert "Hello <b>you</b>" in whole.content.decode()
    for harm in ("script", "onclick", "far.example"):
        assert harm not in whole.content.decode()
    assert "default-src 'none'" in whole["Content-Security-Policy"]


def test_an_answer_goes_to_the_desk_under_what_it_answers(client: Client, pair: Pair) -> None:
    mail_for(pair, "jonas")
    write = "/demo/mailbox/jonas/write/?box=inbox&uid=101"
    assert "Answer to Demo shop" in client.get(write, **HERE).content.decode()
    file = SimpleUploadedFile("note.txt", b"hello", content_type="text/plain")
    told = {"subject": "Re: Lamp", "text": "Xin chào, vâng ạ.", "file": file}
    assert client.post(write, told, **HERE).status_code == 302
    mail = parse.parse(raw(pair, "support@demo.example")[-1])
    assert (mail.in_reply_to, mail.references[-2:]) == (
        "two@demo.example",
        ("one@demo.example", "two@demo.example"),
    )
    assert mail.visible_reply == "Xin chào, vâng ạ."
    assert "> Hello you" in mail.text.replace("*", "")
    assert mail.from_ is not None
    assert (mail.from_.name, mail.from_.address) == ("Jonas Oyelaran", "jonas@demo.example")
    assert mail.delivered_to == ("support+x@demo.example",)
    assert "dmarc=pass" in mail.authentication_results[0]
    assert [file.filename for file in mail.attachments] == ["note.txt"]
    sent = client.get("/demo/mailbox/jonas/sent/", **HERE).content.decode()
    assert "Re: Lamp" in sent
    got = client.get("/demo/mailbox/jonas/sent/101/file/0/", **HERE)
    assert b"".join(got.streaming_content) == b"hello"  # type: ignore[attr-defined]


def test_a_new_mail_goes_to_an_inbox_of_the_desk_only(client: Client, pair: Pair) -> None:
    write = "/demo/mailbox/lan.new/write/"
    told = {"to": "support@demo.example", "subject": "Hi", "text": "A question"}
    assert client.post(write, told, **HERE)["Location"] == "/demo/mailbox/lan.new/?sent"
    mail = parse.parse(raw(pair, "support@demo.example")[-1])
    assert (mail.subject, mail.in_reply_to) == ("Hi", "")
    assert client.post(write, told | {"to": "x@demo.example"}, **HERE).status_code == 422
    assert client.post(write, told | {"text": ""}, **HERE).status_code == 422


def test_what_the_mail_server_refuses_is_said_and_not_lost(client: Client, pair: Pair) -> None:
    """The answer goes where the mail asks for it, and that may be anywhere."""
    to = "erik@demo.example"
    far = MAIL.format(to=to).replace("support+x@demo.example", "somebody@elsewhere.example")
    pair.send(to, as_user="support@demo.example", mail=far.encode())
    write = "/demo/mailbox/erik/write/?box=inbox&uid=101"
    told = {"subject": "Re: Lamp", "text": "Is it mended?"}
    answer = client.post(write, told, **HERE)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "The mail server doesn&#x27;t take mail to somebody@elsewhere.example." in page
    assert "Is it mended?" in page
    assert (
        raw(pair, to, "INBOX")
        and "Re: Lamp" not in client.get("/demo/mailbox/erik/sent/", **HERE).content.decode()
    )


@pytest.mark.parametrize("who", [*TAKEN, "Ma ya", "..", "a..b", "a.", ".a", "a@b", "x" * 41])
def test_the_desks_own_mailboxes_are_nobodys_to_play(client: Client, who: str) -> None:
    assert client.get(f"/demo/mailbox/{who}/", **HERE).status_code == 404
    assert client.get("/demo/mailbox/", {"who": who}, **HERE).status_code in (302, 404)


def test_what_is_not_there_is_not_found(client: Client) -> None:
    for path in ("inbox/999/", "inbox/999/whole/", "sent/1/", "inbox/999/file/0/", "spam/1/"):
        assert client.get(f"/demo/mailbox/maya/{path}", **HERE).status_code == 404
    assert client.get("/demo/mailbox/maya/write/?box=inbox&uid=999", **HERE).status_code == 404
