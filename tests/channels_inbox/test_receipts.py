"""The note that a mail has come in can't be turned into a weapon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from channels_inbox import deliver
from channels_inbox.email.config import MailConfig
from conversations.models import Delivery, Entry
from tests.builders import Cast
from tests.channels_inbox.mailing import arrive, connect, make_mail
from tests.channels_inbox.servers import content_of

if TYPE_CHECKING:
    from tests.channels_inbox.servers import SMTPSink

pytestmark = pytest.mark.django_db


def test_it_is_off_unless_switched_on(cast: Cast) -> None:
    arrive(cast.inbox, make_mail())
    assert Delivery.objects.count() == 0


def test_it_repeats_nothing_of_the_mail_and_says_it_is_automatic(
    cast: Cast, sink: SMTPSink
) -> None:
    connect(cast.inbox, sink.config(receipt=True))
    item = arrive(
        cast.inbox,
        make_mail(
            "EVIL words <kim@example.org>",
            subject="EVIL",
            text="EVIL",
            message_id="<EVIL@evil.example>",
        ),
    )
    deliver.deliver_due("slow")
    [envelope], [mail] = sink.mails, sink.parsed()
    assert b"evil" not in content_of(envelope).lower()
    assert (mail["Auto-Submitted"], mail["To"]) == ("auto-replied", "kim@example.org")
    assert item.entry is not None
    assert item.entry.ticket is not None
    assert item.entry.ticket.status == "open"


def test_one_address_gets_three_a_day_and_one_for_each_matter(cast: Cast, sink: SMTPSink) -> None:
    connect(cast.inbox, sink.config(receipt=True))
    for number in range(10):
        name = f"<{number}@mua.example>"
        arrive(cast.inbox, make_mail(text=str(number), message_id=name))
        arrive(cast.inbox, make_mail(text=f"{number} again", in_reply_to=name))
    assert Delivery.objects.count() == 3
    assert Entry.objects.filter(direction="in").count() == 20


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-generated"},
        {"auto_submitted": "auto-replied"},
        {"precedence": "bulk"},
        {"list_id": "<support.desk.example>"},
        {"return_path": "<>"},
        {"x_auto_response_suppress": "All"},
        {"sender": "Shop <no-reply@shop.example>"},
    ],
)
def test_machines_get_none(cast: Cast, headers: dict[str, str]) -> None:
    connect(cast.inbox, MailConfig(receipt=True))
    arrive(cast.inbox, make_mail(**headers))
    assert Delivery.objects.count() == 0


def test_where_forgery_can_be_told_a_mere_claim_gets_none(cast: Cast) -> None:
    connect(cast.inbox, MailConfig(receipt=True, authserv_id="mx.desk.example"))
    arrive(cast.inbox, make_mail())
    assert Delivery.objects.count() == 0
    verdict = "mx.desk.example; dmarc=pass header.from=example.org"
    arrive(cast.inbox, make_mail(authentication_results=verdict))
    assert Delivery.objects.count() == 1


def test_two_desks_acknowledging_each_other_fall_silent(cast: Cast, sink: SMTPSink) -> None:
    """The other side strips every header that would tell it is a machine."""
    connect(cast.inbox, sink.config(receipt=True))
    for _ in range(10):
        arrive(cast.inbox, make_mail("Desk <desk@other.example>", text="We got your mail."))
        deliver.deliver_due("slow")
    assert len(sink.mails) == 3
