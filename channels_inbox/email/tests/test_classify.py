"""What `classify` says about mails written by us in the style of the software that sends them."""

import email
from email.message import Message

import pytest

from channels_inbox.email.notices.classify import Classification, classify
from channels_inbox.email.tests.clock import timed

DAEMON = "From: Mail Delivery System <mailer-daemon@mx.example.net>\n"
PERSON = "From: Lan Nguyen <lan@example.org>\n"


def classified(headers: str, body: str = "", html: str = "") -> Classification:
    plain = "Content-Type: text/plain; charset=utf-8\n\n"
    return classify(_message(headers + plain + body), body, html)


def classified_mime(raw: str) -> Classification:
    message = _message(raw)
    texts = [
        part.get_payload() for part in message.walk() if part.get_content_type() == "text/plain"
    ]
    return classify(message, str(texts[0]) if texts else "", "")


def _message(raw: str) -> Message:
    return email.message_from_bytes(raw.encode())


DSN = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

{recipients}
--b
Content-Type: message/rfc822

From: support@desk.example
To: somebody-else@example.org
Subject: Your ticket

Hello
--b--
"""


class TestDeliveryStatusNotification:
    def test_names_the_failed_recipient(self) -> None:
        result = classified_mime(
            DSN.format(recipients="Final-Recipient: rfc822; Lan@Example.org\nAction: failed\n")
        )
        assert result.is_bounce
        assert result.not_a_new_ticket
        assert result.auto_submitted
        assert not result.temporary
        assert result.failed_recipients == ("lan@example.org",)

    def test_prefers_the_address_we_wrote_to(self) -> None:
        result = classified_mime(
            DSN.format(
                recipients="Final-Recipient: rfc822; mailbox7@inside.example.org\n"
                "Original-Recipient: rfc822;sales@example.org\nAction: failed\n"
            )
        )
        assert result.failed_recipients == ("sales@example.org",)

    @pytest.mark.parametrize(
        ("value", "address"),
        [
            ("rfc822;lan+40example.org", "lan@example.org"),
            ("<lan@example.org>", "lan@example.org"),
            ("utf-8; lan@b\\x{FC}cher.example", "lan@bücher.example"),
            ("RFC822; lan+news@example.org", "lan+news@example.org"),
        ],
    )
    def test_reads_every_spelling_of_an_address(self, value: str, address: str) -> None:
        result = classified_mime(
            DSN.format(recipients=f"Original-Recipient: {value}\nAction: failed\n")
        )
        assert result.failed_recipients == (address,)

    def test_tells_recipients_apart_without_blank_lines(self) -> None:
        result = classified_mime(
            DSN.format(
                recipients="Final-Recipient: rfc822; a@example.org\nAction: failed\n"
                "Final-Recipient: rfc822; b@example.org\nAction: failed\n"
            )
        )
        assert result.failed_recipients == ("a@example.org", "b@example.org")

    def test_delay_is_temporary(self) -> None:
        result = classified_mime(
            DSN.format(
                recipients="Final-Recipient: rfc822; lan@example.org\nAction: delayed\n"
                "Status: 4.4.1\n"
            )
        )
        assert result.is_bounce
        assert result.temporary
        assert result.failed_recipients == ("lan@example.org",)

    def test_one_failure_among_delays_is_final(self) -> None:
        result = classified_mime(
            DSN.format(
                recipients="Final-Recipient: rfc822; a@example.org\nAction: delayed\n\n"
                "Final-Recipient: rfc822; b@example.org\nAction: failed\n"
            )
        )
        assert not result.temporary
        assert result.failed_recipients == ("b@example.org",)

    def test_success_report_fails_nobody(self) -> None:
        result = classified_mime(
            DSN.format(recipients="Final-Recipient: rfc822; lan@example.org\nAction: delivered\n")
        )
        assert result.is_bounce
        assert result.failed_recipients == ()

    def test_encoded_report_is_read(self) -> None:
        result = classified_mime(
            "From: postmaster@example.net\nSubject: Delivery report\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            "--b\nContent-Type: message/delivery-status\n"
            "Content-Transfer-Encoding: base64\n\n"
            "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGxhbkBleGFtcGxlLm9yZwpBY3Rpb246IGZhaWxlZAo=\n--b--\n"
        )
        assert result.failed_recipients == ("lan@example.org",)

    def test_internationalised_report_is_read(self) -> None:
        recipients = "Final-Recipient: utf-8; lán@example.org\nAction: failed\n"
        raw = DSN.format(recipients=recipients)
        result = classified_mime(raw.replace("message/delivery", "message/global-delivery"))
        assert result.is_bounce
        assert result.failed_recipients == ("lán@example.org",)

    def test_attached_to_a_persons_mail_is_a_ticket(self) -> None:
        inner = DSN.format(recipients="Final-Recipient: rfc822; lan@example.org\nAction: failed\n")
        result = classified_mime(
            PERSON + "Subject: What does this mean?\n"
            'Content-Type: multipart/mixed; boundary="outer"\n\n'
            "--outer\nContent-Type: text/plain\n\nI got the attached mail.\n"
            f"--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n"
        )
        assert not result.is_bounce
        assert not result.not_a_new_ticket


FREE_TEXT_BOUNCES = {
    "exim": (
        DAEMON + "Subject: Mail delivery failed: returning message to sender\n",
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients. The following address(es) failed:\n\n"
        "  lan@example.org\n    (ultimately generated from sales@example.org)\n"
        "    user is over quota\n  binh@example.org\n"
        "    SMTP error from remote mail server after RCPT TO:<binh@example.org>:\n\n"
        "------ This is a copy of the message, including all the headers. ------\n\n"
        "To: nobody@example.org\n",
        ("lan@example.org", "binh@example.org"),
    ),
    "qmail": (
        "From: MAILER-DAEMON@example.net\nSubject: failure notice\n",
        "Hi. This is the qmail-send program at example.net.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up.\n\n"
        "<lan@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        "--- Below this line is a copy of the message.\n\n<other@example.org>:\n",
        ("lan@example.org",),
    ),
    "postfix": (
        DAEMON + "Subject: Undelivered Mail Returned to Sender\n",
        "This is the mail system at host mx.example.net.\n\n"
        "For further assistance, please send mail to <postmaster@example.net>\n\n"
        "<lan@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 User\n"
        "    unknown (in reply to RCPT TO command)\n",
        ("lan@example.org",),
    ),
    "sendmail": (
        "From: MAILER-DAEMON (Mail Delivery Subsystem)\nSubject: Returned mail: User unknown\n",
        "   ----- Transcript of session follows -----\n>>> RCPT To:<lan@example.org>\n"
        "<<< 550 <lan@example.org>, User Unknown\n\n"
        "   ----- Unsent message follows -----\nReceived: from x\nTo: binh@example.org\n",
        ("lan@example.org",),
    ),
    "exchange 2003": (
        "From: System Administrator <postmaster@example.net>\nSubject: Undeliverable: Your order\n",
        "Your message\n\n  To:      Lan\n  Subject: Your order\n\n"
        "did not reach the following recipient(s):\n\n"
        "lan@example.org on Fri, 18 Oct 2002 09:13:24 -0600\n"
        "    The recipient name is not recognized\n",
        ("lan@example.org",),
    ),
    "exchange 2007": (
        "Return-Path: <>\nFrom: <postmaster@example.net>\nSubject: Undeliverable: Your order\n",
        "Delivery has failed to these recipients or distribution lists:\n\nlan@example.org\n"
        "The address was not found.\n\nDiagnostic information for administrators:\n\n"
        "lan@example.org\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n",
        ("lan@example.org",),
    ),
    "domino": (
        "From: Postmaster@example.net\nSubject: DELIVERY FAILURE: User lan not listed\n",
        "Your message\n\n  Subject: Your order\n\nwas not delivered to:\n\n  lan@example.org\n\n"
        "because:\n\n  User lan (lan@example.org) not listed in Domino Directory\n",
        ("lan@example.org",),
    ),
    "groupwise": (
        "From: Mailer-Daemon@example.org\nSubject: Message status - undeliverable\n",
        "The message that you sent was undeliverable to the following:\n\tlan (user unknown)\n",
        ("lan@example.org",),
    ),
    "webmail": (
        "From: MAILER-DAEMON@example.com\nSubject: Delivery failure\n",
        "Message from example.com.\nUnable to deliver message to the following address(es).\n\n"
        "<lan@example.org>:\nThis account is over quota.\n\n--- Original message follows.\n",
        ("lan@example.org",),
    ),
    "imail": (
        'From: "Postmaster" <postmaster@example.net>\nSubject: Undeliverable Mail\n',
        "User mailbox exceeds allowed size: lan@example.org\n\nOriginal message follows.\n",
        ("lan@example.org",),
    ),
    "james": (
        "From: postmaster@example.net\nSubject: [BOUNCE]\n",
        "Hi. This is the mail server at localhost.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
        "RCPT TO: lan@example.org\nError message below:\n550 - no such user here\n",
        ("lan@example.org",),
    ),
    "vietnamese": (
        "From: postmaster@example.net\nSubject: Không gửi được: Đơn hàng\n",
        "Không thể gửi thư của bạn đến những người nhận sau:\n\nlan@example.org\n",
        ("lan@example.org",),
    ),
    "polish": (
        "Return-Path: <>\nFrom: postmaster@example.net\nSubject: Niedostarczona: Zamówienie\n",
        "Wiadomość nie mogła zostać dostarczona.\n\n<lan@example.org>: brak skrzynki\n",
        ("lan@example.org",),
    ),
    "only the original names the recipient": (
        "From: MAILER-DAEMON@example.net\n",
        "I wasn't able to deliver the following message.\n\nSubject: Hello\nTo: lan@example.org\n",
        ("lan@example.org",),
    ),
}


@pytest.mark.parametrize("name", FREE_TEXT_BOUNCES)
def test_free_text_bounce(name: str) -> None:
    headers, body, failed = FREE_TEXT_BOUNCES[name]
    result = classified(headers, body)
    assert result.is_bounce
    assert result.not_a_new_ticket
    assert not result.temporary
    assert result.failed_recipients == failed


def test_bounce_in_html_only() -> None:
    page = (
        "<html><body><p>Delivery has failed to these recipients or groups:</p>"
        '<p><a href="mailto:lan@example.org">lan@example.org</a></p></body></html>'
    )
    headers = "From: postmaster@example.net\nSubject: Undeliverable: Hello\n"
    result = classified(headers, "", page)
    assert result.is_bounce
    assert result.failed_recipients == ("lan@example.org",)


def test_failed_recipients_header_wins() -> None:
    result = classified(
        DAEMON + "X-Failed-Recipients: Lan@example.org,\n binh@example.org\nSubject: hello\n",
        "The group you tried to contact may not exist.",
    )
    assert result.is_bounce
    assert result.failed_recipients == ("lan@example.org", "binh@example.org")


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        (
            "Warning: message 1abc-2 delayed 24 hours",
            "A message that you sent has not yet been delivered to one or more of its\n"
            "recipients.\n\nThe address to which the message has not yet been delivered is:\n\n"
            "  lan@example.org\n",
        ),
        (
            "Delayed Mail (still being retried)",
            "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n\n"
            "<lan@example.org>: temporary failure\n",
        ),
        (
            "Warning: could not send message for past 4 hours",
            "   ----- The following addresses had transient non-fatal errors -----\n"
            "<lan@example.org>\n\nWill keep trying until message is 5 days old\n",
        ),
    ],
)
def test_delay_warning_is_temporary(subject: str, body: str) -> None:
    result = classified(f"{DAEMON}Subject: {subject}\n", body)
    assert result.is_bounce
    assert result.temporary
    assert result.failed_recipients == ("lan@example.org",)


@pytest.mark.parametrize("kind", ["Bounce", "Delivery"])
def test_notice_of_a_sending_service(kind: str) -> None:
    body = (
        f'{{"notificationType":"{kind}","mail":{{"source":"support@desk.example"}},'
        '"bounce":{"bouncedRecipients":[{"emailAddress":"Lan@example.org"}]}}'
    )
    result = classified("From: no-reply@sns.amazonaws.com\nSubject: Notification\n", body)
    assert result.is_bounce
    assert result.failed_recipients == ("lan@example.org",)


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Undelivered parcel", "My parcel could not be delivered to 12 Hang Bai. It was returned."),
        ("Undeliverable mail", "Mail to your sales@desk.example is undeliverable, please help"),
        (
            "Fwd: Undelivered Mail Returned to Sender",
            "Why?\n\n---------- Forwarded message ---------\nFrom: <mailer-daemon@example.net>\n\n"
            "This is the mail system at host mx.\n\n<binh@example.org>: host said: 550 unknown\n",
        ),
        ("Re: Undeliverable: order", "did not reach the following recipient(s):\nb@example.org\n"),
        ("Automatic reply not working", "How do I switch it on?"),
        ("Absence of a manual in the box", "There is none."),
        ("Read: only access", "Please explain."),
        ("Re: Binh is out of the office", "Who can help instead?"),
        ("Đơn hàng chưa giao được", "Bưu tá không gửi được hàng tới nhà tôi."),
    ],
)
def test_people_may_write_about_failures(subject: str, body: str) -> None:
    result = classified(f"{PERSON}Subject: {subject}\n", body)
    assert result == Classification(
        auto_submitted=False,
        is_bounce=False,
        is_feedback_report=False,
        is_list=False,
        not_a_new_ticket=False,
        temporary=False,
        failed_recipients=(),
    )


def test_shop_notice_about_a_parcel_is_no_bounce() -> None:
    headers = "From: no-reply@shop.example\nSubject: Delivery failed: order 22\n"
    result = classified(headers, "Your order could not be delivered. Sent to: lan@example.org")
    assert not result.is_bounce


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Your ticket",
        "Out of Office AutoReply: Your ticket",
        "[Auto-Reply] Your ticket",
        "AUTO: Lan is out of the office (returning 05/05/2025)",
        "Automatische Antwort: Ihre Anfrage",
        "Abwesenheitsnotiz",
        "Réponse automatique : Votre demande",
        "Trả lời tự động: Yêu cầu của bạn",
        "Tra\u0309 lo\u031b\u0300i tu\u031b\u0323 d\u0111o\u0323\u0302ng: x".replace(
            "d\u0111", "đ"
        ),
        "Tra loi tu dong: Yeu cau",
        "自動応答: お問い合わせ",
        "自动回复：您好",
        "자동 회신: 문의",
        "Автоматический ответ: Заявка",
        "Respuesta automática: Su consulta",
    ],
)
def test_vacation_subject_in_many_languages(subject: str) -> None:
    result = classified(f"{PERSON}Subject: {subject}\n", "I am away until Monday.")
    assert result.auto_submitted
    assert result.not_a_new_ticket
    assert not result.is_bounce


@pytest.mark.parametrize(
    "marker",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Replied; owner=lan",
        "Auto-Submitted: auto-generated\nIn-Reply-To: <1@desk.example>",
        "X-Autoreply: yes",
        "X-Autorespond: Your ticket",
        "Precedence: auto_reply",
        "Return-Path: <>",
        'Content-Type: multipart/report; report-type="disposition-notification"',
    ],
)
def test_header_marks_an_auto_reply(marker: str) -> None:
    result = classified(f"{marker}\n{PERSON}Subject: Hello\n", "Thank you for your mail.")
    assert result.auto_submitted
    assert result.not_a_new_ticket


@pytest.mark.parametrize(
    "marker", ["Auto-Submitted: auto-generated", "X-FC-MachineGenerated: true"]
)
def test_alert_may_open_a_ticket_but_is_never_answered(marker: str) -> None:
    result = classified(f"{marker}\n{PERSON}Subject: Disk is full\n", "92 % used")
    assert result.auto_submitted
    assert not result.not_a_new_ticket


@pytest.mark.parametrize(
    "marker", ["Auto-Submitted: no", "X-Autoreply: no", "X-Auto-Response-Suppress: OOF, DR"]
)
def test_header_of_an_ordinary_mail(marker: str) -> None:
    result = classified(f"{marker}\n{PERSON}Subject: Hello\n", "I need help.")
    assert not result.auto_submitted
    assert not result.not_a_new_ticket


def test_vacation_that_mentions_deliveries_is_no_bounce() -> None:
    result = classified(
        f"Return-Path: <>\n{PERSON}Subject: Automatic reply: Order\n",
        "My address is no longer valid. Write to:\nbinh@example.org\n\n"
        "-----Original Message-----\nYour mail was not delivered.\n",
    )
    assert result.auto_submitted
    assert not result.is_bounce


FEEDBACK = """\
From: fbl@provider.example
Subject: FW: Your ticket
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an email abuse report.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
--b--
"""


def test_abuse_report() -> None:
    result = classified_mime(FEEDBACK)
    assert result.is_feedback_report
    assert result.not_a_new_ticket
    assert not result.is_bounce


def test_free_form_complaint() -> None:
    result = classified_mime(
        "From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.1\n"
        'Content-Type: multipart/mixed; boundary="b"\n\n'
        "--b\nContent-Type: message/rfc822\n\nTo: lan@example.org\n\nHello\n--b--\n"
    )
    assert result.is_feedback_report
    assert result.not_a_new_ticket


def test_dmarc_report() -> None:
    subject = "Report domain: desk.example Submitter: provider.example Report-ID: 1"
    assert classified(f"From: dmarc@provider.example\nSubject: {subject}\n").is_feedback_report


def test_list_mail_may_carry_a_customer() -> None:
    result = classified(f"{PERSON}List-Id: <support.desk.example>\nSubject: Hello\n", "Help!")
    assert result.is_list
    assert not result.not_a_new_ticket


HOSTILE_BODIES = {
    "at signs": "@" * 1_000_000,
    "local parts": "a@" * 500_000,
    "addresses": "lan@example.org:\n" * 60_000,
    "open tags": "<a" * 500_000,
    "introductions": "could not be delivered to the following recipients: " * 20_000,
    "delivery fields": "Final-Recipient: rfc822; lan@example.org\n" * 25_000,
    "line ends": "\n" * 1_000_000,
    "open braces": '{"mail":' * 125_000,
    "accents": "ế" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE_BODIES)
@pytest.mark.parametrize("where", ["text", "html", "delivery report"])
def test_large_hostile_body_is_cheap(name: str, where: str) -> None:
    body = HOSTILE_BODIES[name]
    report = (
        "Content-Type: message/delivery-status\n\n" + body if where == "delivery report" else ""
    )
    message = _message(DAEMON + report)
    text, html = ("", body) if where == "html" else (body, "")
    _found, seconds = timed(lambda: classify(message, text, html))
    assert seconds < 0.2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Subject: \xff\xfe =?utf-8?b?!!?= =?nope?q?=ff?=\nFrom: \xe9@\n\n",
        b"Content-Type: multipart/report\nFrom: mailer-daemon\n\nno boundary",
        b"Content-Type: multipart/report; report-type*0=x; boundary=\n\n--\n",
        b"Content-Type: \xff/\xff\nAuto-Submitted: \xff\nReturn-Path: \xff\n\n",
        b'Content-Type: message/delivery-status\n\n\xff: x\nFinal-Recipient: "\n\n',
        b"From: mailer-daemon@x.example\nContent-Transfer-Encoding: base64\n\n*",
    ],
)
def test_broken_mail_does_not_raise(raw: bytes) -> None:
    classify(email.message_from_bytes(raw), "\udcff <@>:", "<\ud800>&#xffffffff;")
