"""Every word on a page comes through translation: with a catalog that brackets all it is asked for,
and data in Greek letters, no Latin word is left outside of brackets."""

from __future__ import annotations

import gettext
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings as given
from django.test import Client
from django.urls import reverse
from django.utils.translation import trans_real

from channels_inbox.chat import accounts as chat
from channels_inbox.chat.config import ChatConfig
from channels_inbox.email.config import MailConfig
from conversations import merges, replies
from conversations.models import Delivery, Inbox, Role
from tests import builders
from tests.channels_inbox.mailing import connect
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from conversations.models import Agent

pytestmark = pytest.mark.django_db

OPEN, CLOSE = "‹", "›"
BRACKETED = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
LATIN = re.compile(r"(?<![\w@./:-])[A-Za-z]{3,}(?![\w@./:-])")
# Read by people, beside what stands between tags.
READ = ("aria-label", "title", "placeholder", "alt", "aria-description", "data-said", "data-empty")
# Names of things that are called so everywhere, and what is typed as it stands.
AS_IT_IS = {"English", "IMAP", "SMTP", "Google", "Microsoft"}
AS_IT_IS |= {"Gmail", "JSON", "HTML", "API", "URL", "JWT", "INBOX", "TLS", "STARTTLS"}
# Names of time zones are the same for everybody.
UNREAD_FIELDS = {"zone"}
UNREAD_ELEMENTS = {"script", "style", "code", "kbd", "pre", "template", "svg"}
PAGES_AT_MOST = 400
START = ("/", "/transcripts/", "/settings/", "/nowhere/")


class Bracketing(gettext.NullTranslations):
    """Translates everything to itself in brackets."""

    def to_language(self) -> str:
        return "vi"

    def gettext(self, message: str) -> str:
        # Django puts a text's context before it.
        text = message.rpartition("\x04")[2]
        return f"{OPEN}{text}{CLOSE}" if text.strip() else text

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Read(HTMLParser):
    """What a page shows to people, and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.told = "", list[str]()
        self.links, self.forms, self.within = list[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.told += [told[name] for name in READ if name in told]
        if tag == "input" and told.get("type") in ("submit", "button"):
            self.told.append(told.get("value", ""))
        if tag == "a" and "download" not in told:
            self.links.append(told.get("href", ""))
        if tag == "form" and told.get("method") == "post":
            self.forms.append(told.get("action", ""))
        if (
            tag in UNREAD_ELEMENTS
            or told.get("name") in UNREAD_FIELDS
            or told.get("translate") == "no"
        ):
            self.within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.within and self.within[-1] == tag:
            self.within.pop()

    def handle_data(self, data: str) -> None:
        if not self.within:
            # One text may go on behind a tag: brackets are closed where it ends.
            self.said += data


def left_over(text: str) -> list[str]:
    """The pieces of a text with Latin words that no translation was asked for."""
    while (inner := BRACKETED.sub("\n", text)) != text:
        text = inner
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if set(LATIN.findall(line)) - AS_IT_IS]


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Vietnamese is this catalog for as long as the test runs."""
    settings.LOCAL = True  # Django's own checks for deployments are English.
    monkeypatch.setitem(trans_real._translations, "vi", Bracketing())


@pytest.fixture
def admin() -> Agent:
    """At a desk with one of everything, all of it named in Greek."""
    team, other = builders.make_team("Ομάδα"), builders.make_team("Λογιστική")
    ada = builders.make_agent("Άντα", team, other, role=Role.ADMIN)
    builders.make_agent("Βάσω", team)
    mail = builders.make_inbox(team, "Θυρίδα")
    connect(mail, MailConfig())
    slow = builders.make_inbox(team, "Αργή", restriction="legal")
    talk = builders.make_inbox(team, "Κουβέντα", kind="chat")
    chat.save_account(talk, ChatConfig(title="Κατάστημα"))
    ticket = builders.make_ticket(mail, "4@5.gr", subject="Λάμπα", text="Έσπασε")
    to = builders.identity_of("4@5.gr")
    builders.answer(ticket, by=ada, inbox=mail, to=to, text="Συγγνώμη")
    failed = builders.answer(ticket, by=ada, inbox=mail, to=to, text="Έρχεται")
    Delivery.objects.filter(entry=failed.pk).update(state="failed")
    replies.note(
        ticket, by=ada, text="Προσοχή", client_token="00000000-0000-4000-8000-000000000001"
    )
    builders.make_ticket(slow, "6@5.gr", subject="Νόμος", text="Ερώτηση")
    builders.make_ticket(mail, "7@5.gr", subject="Άλλο", text="Ερώτηση")
    one, two = builders.conversation_of("4@5.gr"), builders.conversation_of("7@5.gr")
    merges.merge(one, two, by=ada, reason="Είναι ένας")
    return ada


def pages(client: Client, *start: str) -> Iterator[tuple[str, Read]]:
    """Every page that can be come to by links, each address's shape three times at most."""
    waiting, seen, shapes = list(start), set[str](), dict[str, int]()
    while waiting and len(seen) < PAGES_AT_MOST:
        address = waiting.pop(0)
        path = urlsplit(address).path
        shape = re.sub(r"\d+", "0", address)
        if address in seen or shapes.get(shape, 0) >= 3 or path == reverse("account_logout"):
            continue
        seen.add(address)
        shapes[shape] = shapes.get(shape, 0) + 1
        answer = client.get(address, follow=True)
        if not answer.get("Content-Type", "").startswith("text/html"):
            continue
        read = Read()
        read.feed(answer.content.decode())
        yield address, read
        for link in read.links:
            there = urlsplit(urljoin(address, link))
            if not there.netloc and not there.scheme and link:
                waiting.append(there._replace(fragment="").geturl())


def reader(agent: Agent) -> Client:
    client = sign_in(agent)
    client.cookies[given.LANGUAGE_COOKIE_NAME] = "vi"
    return client


def in_english(read: Read) -> list[str]:
    return [piece for text in (read.said, *read.told) for piece in left_over(text)]


@pytest.mark.usefixtures("bracketed")
def test_no_word_on_any_page_is_left_untranslated(admin: Agent) -> None:
    found: dict[str, str] = {}
    count = 0
    for address, read in pages(reader(admin), *START):
        found |= dict.fromkeys(in_english(read), address)
        count += 1
    assert not found, "\n".join(f"{address}: {piece}" for piece, address in found.items())
    assert count > 40


@pytest.mark.usefixtures("bracketed")
def test_no_refusal_of_a_form_is_left_untranslated(admin: Agent) -> None:
    """Every form of the settings, of new messages and customers, sent as if with nothing in it."""
    client = reader(admin)
    forms = {
        urljoin(address, form) for address, read in pages(client, *START) for form in read.forms
    }
    refused = 0
    found: dict[str, str] = {}
    for form in sorted(forms):
        answer = reader(admin).post(form, {})
        if not answer.get("Content-Type", "").startswith("text/html"):
            continue
        assert answer.status_code < 500, form
        refused += answer.status_code in (400, 409, 422)
        (read := Read()).feed(answer.content.decode())
        found |= dict.fromkeys(in_english(read), form)
    assert not found, "\n".join(f"{form}: {piece}" for piece, form in found.items())
    assert refused > 10


@pytest.mark.usefixtures("bracketed")
def test_no_word_for_strangers_and_visitors_is_left_untranslated(admin: Agent) -> None:
    key = Inbox.objects.get(kind="chat").public_id
    client = Client()
    client.cookies[given.LANGUAGE_COOKIE_NAME] = "vi"
    here = [reverse("chat:panel", args=[key]), reverse("chat:form", args=[key])]
    read = dict(pages(client, "/sign-in/", reverse("account_reset_password"), *here))
    found = {piece: address for address, page in read.items() for piece in in_english(page)}
    assert not found, "\n".join(f"{address}: {piece}" for piece, address in found.items())
    assert {*here, "/sign-in/"} <= set(read)
