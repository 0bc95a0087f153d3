"""What goes out, and that what is said about a send is true."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from channels_inbox import deliver, vault
from channels_inbox.email import compose, send
from channels_inbox.gates import out
from channels_inbox.models import Account
from conversations import attachments, deliveries, replies
from conversations.models import Delivery, Entry, Inbox, Reference, Ticket
from tests.builders import Cast, head_of, identity_of, outgoing, ticket_of
from tests.channels_inbox.mailing import arrive, connect, make_mail, sent, threaded
from tests.channels_inbox.servers import PASSWORD, USERNAME, SilentSMTP, content_of
from tests.patience import until

if TYPE_CHECKING:
    from tests.channels_inbox.servers import SMTPSink

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast: Cast, sink: SMTPSink) -> Ticket:
    """Kim's ticket at an inbox that sends through the sink."""
    connect(cast.inbox, sink.config())
    return ticket_of(threaded(cast.inbox, make_mail(message_id="<one@mua.example>")))


def write(ticket: Ticket, cast: Cast, **fields: Any) -> Entry:
    """A reply of Alice's, queued."""
    token = fields.pop("client_token", uuid.uuid4())
    files = fields.pop("attachments", ())
    entry = replies.reply(
        ticket,
        by=cast.alice,
        outgoing=outgoing(identity_of(), cast.inbox, **fields),
        seen_head=head_of(ticket.conversation_id),
        client_token=token,
        attachments=files,
    )
    assert isinstance(entry, Entry)
    return entry


def test_what_was_taken_is_known_before_the_server_said_goodbye(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    sink.lingers = 20
    assert sent(write(ticket, cast, text="Dear Kim")).state == "sent"
    assert (len(sink.mails), sink.goodbyes) == (1, 0)


def test_a_reply_arrives_as_it_was_written(ticket: Ticket, cast: Cast, sink: SMTPSink) -> None:
    Inbox.objects.update(from_name="Lamps & Co", signature="Lamps & Co\nHanoi")
    upload = SimpleUploadedFile("bill ü.pdf", b"%PDF-1.4", "application/pdf")
    bill = attachments.upload(upload, by=cast.alice)
    entry = write(
        ticket,
        cast,
        text="Dear Kim,\n\n**sorry**!\n.\n<script>x</script>",
        cc=["sam@example.org"],
        bcc=["log@desk.example"],
        attachments=[bill],
    )
    assert sent(entry).state == "sent"
    [envelope], [mail] = sink.mails, sink.parsed()
    assert envelope.mail_from == "support@desk.example"
    assert envelope.rcpt_tos == ["kim@example.org", "sam@example.org", "log@desk.example"]
    assert mail["From"] == "Lamps & Co <support@desk.example>"
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == ("kim@example.org", "sam@example.org", None)
    assert (mail["Subject"], mail["Reply-To"], mail["Auto-Submitted"]) == (
        "Re: Broken lamp",
        None,
        None,
    )
    assert (mail["In-Reply-To"], mail["References"]) == ("<one@mua.example>",) * 2
    text, html = (
        part.get_content()
        for part in mail.walk()
        if part.get_content_type() in ("text/plain", "text/html")
    )
    assert text.replace("\r\n", "\n") == (
        "Dear Kim,\n\n**sorry**!\n.\n<script>x</script>\n\n-- \nLamps & Co\nHanoi\n"
    )
    assert "<strong>sorry</strong>" in html
    assert "<script>" not in html
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("bill ü.pdf", b"%PDF-1.4")
    assert b"\n" not in content_of(envelope).replace(b"\r\n", b"")


def test_the_name_is_fixed_before_the_first_attempt_and_stays(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    entry = write(ticket, cast)
    sink.drop = "DOT"
    assert sent(entry).state == "ambiguous"
    name = Reference.objects.get(ours=True).value
    assert (entry.delivery.provider_id, sink.mails) == (name, [])
    sink.drop = ""
    deliveries.send_again(entry.delivery, by=cast.alice)
    assert sent(entry).state == "sent"
    assert [mail["Message-ID"] for mail in sink.parsed()] == [f"<{name}>"]


@pytest.mark.parametrize(
    ("answers", "state", "code"),
    [
        ({"DATA": "451 later"}, "queued", "smtp_451"),
        ({"DATA": "554 no spam"}, "failed", "smtp_554"),
        ({"RCPT:kim@example.org": "450 greylisted"}, "queued", "smtp_450"),
        ({"RCPT:kim@example.org": "550 no such user"}, "failed", "smtp_550"),
    ],
)
def test_the_servers_answer_decides(
    ticket: Ticket, cast: Cast, sink: SMTPSink, answers: dict[str, str], state: str, code: str
) -> None:
    sink.answers = answers
    entry = write(ticket, cast)
    delivery = sent(entry)
    assert (delivery.state, delivery.error_code) == (state, code)
    assert delivery.error.split(" ", 1)[1] == next(iter(answers.values())).split(" ", 1)[1]
    assert sink.mails == []
    assert ticket_of(entry).status == ("open" if state == "failed" else "pending")


def test_one_refused_among_several_is_told_and_the_others_get_it(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    sink.answers = {"RCPT:gone@example.org": "550 no such user"}
    entry = write(ticket, cast, cc=["gone@example.org"])
    assert sent(entry).state == "sent"
    assert sink.mails[0].rcpt_tos == ["kim@example.org"]
    told = Entry.objects.get(event="bounced")
    assert told.data == {"addresses": ["gone@example.org"], "reason": "550 no such user"}
    assert identity_of().undeliverable_at is None


@pytest.mark.parametrize(("drop", "state"), [("DATA", "queued"), ("DOT", "ambiguous")])
def test_a_connection_lost_before_the_dot_is_tried_again_and_after_it_is_not(
    ticket: Ticket, cast: Cast, sink: SMTPSink, drop: str, state: str
) -> None:
    sink.drop = drop
    entry = write(ticket, cast)
    assert sent(entry).state == state
    Delivery.objects.filter(state="queued").update(next_at="2020-01-01T00:00Z")
    deliver.deliver_due("slow")
    assert sink.connections == (2 if state == "queued" else 1)


def test_silence_after_the_dot_is_ambiguous(
    ticket: Ticket, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "ANSWER_SECONDS", 0.3)
    with SilentSMTP() as silent:
        connect(cast.inbox, silent.config())
        delivery = sent(write(ticket, cast))
        until(lambda: silent.dots)
    assert (delivery.state, silent.dots) == ("ambiguous", 1)


def test_a_server_that_is_down_is_tried_for_hours_and_the_account_says_so(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    connect(cast.inbox, sink.config(smtp_username=USERNAME), smtp_password="wrong")
    entry = write(ticket, cast)
    delivery = sent(entry)
    assert (delivery.state, delivery.error_code) == ("queued", "sign_in")
    assert delivery.attempt_at is not None
    assert delivery.next_at - delivery.attempt_at > timedelta(seconds=9)
    account = Account.objects.get()
    assert account.error_code == "sending:sign_in"
    assert account.error == "127.0.0.1 refuses the sign-in. Check the name and the password."
    vault.put(cast.inbox, "smtp_password", PASSWORD)
    Delivery.objects.update(next_at="2020-01-01T00:00Z")
    assert sent(entry).state == "sent"
    account.refresh_from_db()
    assert account.error_code == ""


def test_no_header_takes_a_line_end(ticket: Ticket, cast: Cast, sink: SMTPSink) -> None:
    entry = write(ticket, cast, subject="Hello\r\nBcc: mallory@evil.example")
    delivery = sent(entry)
    assert (delivery.state, delivery.error_code, sink.connections) == ("failed", "header", 0)


@pytest.mark.parametrize("address", ["a@b@c", "kim@example.org\r\nX: y", "", "kim"])
def test_no_broken_recipient_is_sent_to(
    ticket: Ticket, cast: Cast, sink: SMTPSink, address: str
) -> None:
    delivery = sent(write(ticket, cast, cc=[address]))
    assert (delivery.state, delivery.error_code, sink.connections) == ("failed", "address", 0)


def test_an_inbox_name_can_not_break_out_of_its_header(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    Inbox.objects.update(from_name='"Evil" <evil@x>\r\nBcc: mallory@evil.example')
    assert sent(write(ticket, cast)).state == "sent"
    [mail] = sink.parsed()
    assert mail["From"].addresses[0].addr_spec == "support@desk.example"
    assert mail["Bcc"] is None


def test_long_names_are_written_in_full(ticket: Ticket, cast: Cast, sink: SMTPSink) -> None:
    first = write(ticket, cast)
    sent(first)
    long = f"<{'x' * 150}@mua.example>"
    threaded(cast.inbox, make_mail(message_id=long, in_reply_to=sink.parsed()[0]["Message-ID"]))
    sent(write(ticket, cast))
    raw = content_of(sink.mails[1])
    assert b"In-Reply-To: " + long.encode() + b"\r\n" in raw
    assert b"=?utf-8?" not in raw


def test_history_is_quoted_only_for_who_was_on_it(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    delivery = write(ticket, cast, quote=True).delivery
    deliver.deliver_due("slow")
    assert "> The lamp I bought is broken." in sink.parsed()[0].get_body(("plain",)).get_content()
    delivery = write(ticket, cast, quote=True, cc=["stranger@evil.example"]).delivery
    deliver.deliver_due("slow")
    delivery.refresh_from_db()
    assert compose.quotes(delivery) == []
    assert "lamp I bought" not in sink.parsed()[1].as_string()


def test_a_worker_that_lost_its_lease_sends_nothing(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    entry = write(ticket, cast)
    lease = deliver._claim("slow", out.ways("slow"))
    assert lease
    Delivery.objects.update(lease_until="2020-01-01T00:00Z")
    deliveries.expire_leases()
    deliver.attempt(lease)
    entry.delivery.refresh_from_db()
    assert (entry.delivery.state == "sent", sink.connections) == (False, 0)


def bounce_of(name: str, recipient: str = "kim@example.org", action: str = "failed") -> bytes:
    status = "5.1.1" if action == "failed" else "4.4.1"
    return (
        f"From: MAILER-DAEMON@mx.example.org\r\nTo: support@desk.example\r\n"
        f"Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n"
        f"Message-ID: <{uuid.uuid4()}@mx.example.org>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        f"--b\r\n\r\nI'm sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{name}>\r\n--b--\r\n"
    ).encode()


def test_a_bounce_of_our_mail_marks_the_address_once(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    entry = write(ticket, cast)
    bounce = bounce_of(sent(entry).provider_id)
    assert [arrive(cast.inbox, bounce).state for _ in range(2)] == ["threaded", "duplicate"]
    entry.delivery.refresh_from_db()
    assert (entry.delivery.state, entry.delivery.error_code) == ("failed", "bounced")
    kim = identity_of()
    assert (kim.undeliverable_at is not None, kim.undeliverable_reason) == (
        True,
        "smtp; 550 5.1.1 no such user",
    )
    assert ticket_of(entry).status == "open"
    assert Entry.objects.filter(event="bounced").count() == 1


def test_a_bounce_that_quotes_no_name_of_ours_marks_nothing(
    ticket: Ticket, cast: Cast, sink: SMTPSink
) -> None:
    name = sent(write(ticket, cast)).provider_id
    forged = name[:5] + ("a" if name[5] != "a" else "b") + name[6:]
    for wrong in (forged, "one@mua.example"):
        assert arrive(cast.inbox, bounce_of(wrong)).reason == "bounce_of_unknown_mail"
    arrive(cast.inbox, bounce_of(name, "boss@example.org"))
    assert identity_of().undeliverable_at is None


def test_a_delay_marks_nothing(ticket: Ticket, cast: Cast, sink: SMTPSink) -> None:
    entry = write(ticket, cast)
    assert arrive(cast.inbox, bounce_of(sent(entry).provider_id, action="delayed")).entry
    entry.delivery.refresh_from_db()
    assert (entry.delivery.state, identity_of().undeliverable_at) == ("sent", None)
