"""Which ticket a mail joins, and what a mere claim never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from channels_inbox import receive
from channels_inbox.email import tokens
from channels_inbox.email.config import MailConfig
from conversations import customers
from conversations.models import Entry, Ticket
from tests.builders import Cast, answer, identity_of, make_inbox, ticket_of
from tests.channels_inbox.mailing import arrive, connect, make_mail, make_mail_with, sent, threaded

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from tests.channels_inbox.servers import SMTPSink

pytestmark = pytest.mark.django_db


def plus(ticket: Ticket) -> str:
    return tokens.plus_address("support@desk.example", tokens.make(ticket))


def test_a_token_is_39_characters_and_any_change_makes_it_none(cast: Cast) -> None:
    ticket = ticket_of(threaded(cast.inbox, make_mail()))
    token = tokens.make(ticket)
    assert (len(token), tokens.check(token)) == (39, ticket.token_id)
    for place in range(39):
        other = "b" if token[place] == "a" else "a"
        assert tokens.check(token[:place] + other + token[place + 1 :]) is None
    assert tokens.check(token[:-1]) is None
    assert tokens.check(token + "a") is None
    assert tokens.check(token.upper()) is None


def test_keys_rotate_and_old_tokens_stay_good(cast: Cast, settings: Settings) -> None:
    ticket = ticket_of(threaded(cast.inbox, make_mail()))
    old = tokens.make(ticket)
    settings.REPLY_TOKEN_KEYS = ["a-newer-key-" + "1" * 30, *settings.REPLY_TOKEN_KEYS]
    assert tokens.check(old) == ticket.token_id
    assert tokens.make(ticket) != old
    settings.REPLY_TOKEN_KEYS = settings.REPLY_TOKEN_KEYS[:1]
    assert tokens.check(old) is None


@pytest.mark.parametrize("way", ["to", "cc", "delivered_to", "rcpt", "in_reply_to", "references"])
def test_a_token_of_ours_joins_its_ticket(cast: Cast, way: str) -> None:
    first = threaded(cast.inbox, make_mail())
    ticket = ticket_of(first)
    name = f"<{tokens.message_id(ticket, first.client_token, 'desk.example')}>"
    address = plus(ticket)
    if way == "rcpt":
        entry = threaded(cast.inbox, make_mail(subject="Other"), rcpt=address)
    else:
        value = name if way in ("in_reply_to", "references") else address
        entry = threaded(cast.inbox, make_mail(subject="Other", **{way: value}))
    assert entry.ticket == ticket


def test_an_answer_to_a_message_we_know_joins_its_ticket(cast: Cast) -> None:
    first = threaded(cast.inbox, make_mail(message_id="<one@mua.example>"))
    again = threaded(cast.inbox, make_mail(text="And the plug.", in_reply_to="<one@mua.example>"))
    assert again.ticket == first.ticket


def test_without_headers_the_same_subject_is_a_new_matter(cast: Cast) -> None:
    first = threaded(cast.inbox, make_mail(subject="[#1] Broken lamp"))
    again = threaded(cast.inbox, make_mail(subject="Re: [#1] Broken lamp"))
    assert (again.ticket == first.ticket, again.conversation_id) == (False, first.conversation_id)


def test_names_without_a_genuine_token_join_nothing(cast: Cast) -> None:
    first = threaded(cast.inbox, make_mail())
    ticket = ticket_of(first)
    token = tokens.make(ticket)
    for name in (f"{token[:-1]}.{'0' * 32}@desk.example", f"{ticket.pk}@desk.example"):
        assert threaded(cast.inbox, make_mail(in_reply_to=f"<{name}>")).ticket != ticket


@pytest.mark.parametrize("way", ["to", "in_reply_to"])
def test_a_third_party_with_the_token_gets_a_conversation_of_their_own(
    cast: Cast, way: str
) -> None:
    first = threaded(cast.inbox, make_mail())
    ticket = ticket_of(first)
    name = f"<{tokens.message_id(ticket, first.client_token, 'desk.example')}>"
    entry = threaded(
        cast.inbox,
        make_mail("Mallory <mallory@evil.example>", **{way: plus(ticket) if way == "to" else name}),
    )
    assert entry.conversation_id != first.conversation_id
    assert ticket_of(entry).suggests == ticket
    assert ticket.entries.filter(kind="message").count() == 1


def test_a_spoofed_sender_is_only_a_claim_and_moves_nothing(cast: Cast) -> None:
    connect(cast.inbox, MailConfig(authserv_id="mx.desk.example"))
    genuine = "mx.desk.example; spf=pass; dmarc=pass header.from=example.org"
    aligned = threaded(cast.inbox, make_mail(authentication_results=genuine))
    spoofed = threaded(
        cast.inbox,
        make_mail(authentication_results="mx.evil.example; dmarc=pass header.from=example.org"),
    )
    failed = threaded(
        cast.inbox,
        make_mail(authentication_results="mx.desk.example; dmarc=fail header.from=example.org"),
    )
    assert (aligned.proof, spoofed.proof, failed.proof) == ("aligned", "claimed", "claimed")
    assert identity_of().proof == "aligned"


def test_a_reply_goes_out_and_its_answer_comes_back_to_the_ticket(
    cast: Cast, sink: SMTPSink
) -> None:
    connect(cast.inbox, sink.config(plus_addressing=True))
    ticket = ticket_of(threaded(cast.inbox, make_mail(message_id="<one@mua.example>")))
    reply = answer(ticket, by=cast.alice, inbox=cast.inbox, to=identity_of())
    assert isinstance(reply, Entry)
    assert sent(reply).state == "sent"
    [mail] = sink.parsed()
    assert mail["In-Reply-To"] == "<one@mua.example>"
    assert mail["Subject"] == "Re: Broken lamp"
    assert mail["Reply-To"] == plus(ticket)
    back = threaded(cast.inbox, make_mail(in_reply_to=mail["Message-ID"], text="Thank you."))
    assert (back.ticket, Ticket.objects.count()) == (ticket, 1)


def test_a_blocked_sender_is_ignored_and_can_be_brought_in(cast: Cast) -> None:
    threaded(cast.inbox, make_mail())
    customers.block(identity_of(), by=cast.alice)
    item = arrive(cast.inbox, make_mail(text="Once more"))
    assert (item.state, item.reason) == ("ignored", "blocked_sender")
    receive.replay(item, by=cast.alice)
    item.refresh_from_db()
    assert item.state == "threaded"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"x_spam_flag": "YES"}, "spam"),
        ({"auto_submitted": "auto-replied", "subject": "Out of office"}, "auto_reply"),
        ({"list_id": "<news.shop.example>", "precedence": "list"}, "list_mail"),
        ({"sender": ""}, "no_sender"),
        ({"sender": "Us <support@desk.example>"}, "own_mail"),
    ],
)
def test_what_nobody_waits_for_is_set_aside_and_can_be_brought_in(
    cast: Cast, headers: dict[str, str], reason: str
) -> None:
    item = arrive(cast.inbox, make_mail(**headers))
    assert (item.state, item.reason) == ("ignored", reason)
    receive.replay(item, by=cast.alice)
    item.refresh_from_db()
    assert item.state == "threaded", item.reason


def test_an_automatic_reply_to_a_ticket_is_shown_and_wakes_nobody(cast: Cast) -> None:
    ticket = ticket_of(threaded(cast.inbox, make_mail()))
    Ticket.objects.filter(pk=ticket.pk).update(status="pending", deadline_kind="follow_up")
    entry = threaded(
        cast.inbox, make_mail(to=plus(ticket), auto_submitted="auto-replied", subject="Away")
    )
    assert (entry.ticket, entry.data["quiet"]) == (ticket, "auto_reply")
    assert ticket_of(entry).status == "pending"


def test_mail_through_a_group_that_is_our_own_address_is_a_customers(cast: Cast) -> None:
    mail = make_mail(list_id="Support <support.desk.example>", precedence="list")
    assert threaded(cast.inbox, mail).text == "The lamp I bought is broken."


def test_several_senders_are_none(cast: Cast) -> None:
    mail = b"From: mallory@evil.example\r\n" + make_mail()
    assert (arrive(cast.inbox, mail).reason, Entry.objects.count()) == ("no_sender", 0)


def test_a_trusted_forwarder_stands_for_its_sender(cast: Cast) -> None:
    connect(cast.inbox, MailConfig(trusted_forwarders=("shop.example",)))
    entry = threaded(
        cast.inbox, make_mail("Form <form@shop.example>", reply_to="Kim <kim@example.org>")
    )
    assert entry.identity is not None
    assert (entry.identity.value, entry.proof) == ("kim@example.org", "claimed")
    assert entry.data["via"] == "form@shop.example"
    other = threaded(
        cast.inbox, make_mail("Form <form@other.example>", reply_to="Kim <kim@example.org>")
    )
    assert other.identity is not None
    assert other.identity.value == "form@other.example"


def test_each_mail_of_a_system_sender_is_a_matter_of_its_own(cast: Cast) -> None:
    connect(cast.inbox, MailConfig(system_senders=("alerts@shop.example",)))
    one = threaded(cast.inbox, make_mail("alerts@shop.example", message_id="<a@shop.example>"))
    two = threaded(
        cast.inbox,
        make_mail("alerts@shop.example", in_reply_to="<a@shop.example>", text="Disk full again"),
    )
    assert (one.ticket == two.ticket, one.conversation_id) == (False, two.conversation_id)


def test_the_same_message_id_with_other_words_is_kept_and_without_one_the_date_decides(
    cast: Cast,
) -> None:
    for text in ("one", "two", "two"):
        arrive(cast.inbox, make_mail(text=text, message_id="<same@mua.example>"))
    assert Entry.objects.filter(kind="message").count() == 2
    for date in ("Mon, 02 Nov 2026 10:00:00 +0000", "Tue, 03 Nov 2026 10:00:00 +0000") * 2:
        arrive(cast.inbox, make_mail(text="Yes", message_id="", date=date))
    assert Entry.objects.filter(kind="message").count() == 4


def test_files_are_rows_of_their_own_stored_later(cast: Cast) -> None:
    from conversations import attachments

    mail = make_mail_with({"bill.pdf": b"%PDF-1.4", "run.exe": b"MZ"})
    entry = threaded(cast.inbox, mail)
    bill, program = entry.attachments.order_by("position")
    assert (bill.state, program.state, program.reason) == ("pending", "refused", "runs_code")
    assert attachments.store_waiting(receive.read_file) == 1
    bill.refresh_from_db()
    assert (bill.state, bill.size) == ("stored", 8)


def test_another_inbox_of_another_restriction_opens_its_own_ticket(cast: Cast) -> None:
    legal = make_inbox(cast.support, restriction="legal")
    connect(legal, MailConfig())
    first = threaded(cast.inbox, make_mail())
    token = tokens.make(ticket_of(first))
    entry = threaded(legal, make_mail(to=tokens.plus_address(legal.address, token)))
    assert entry.ticket != first.ticket
