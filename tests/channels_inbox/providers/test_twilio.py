"""What is Twilio's own: status calls, its list as the truth, opt-out, numbers, files."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from channels_inbox import compared
from channels_inbox.models import Account
from conversations import attachments
from conversations.errors import NotReachable
from conversations.models import Attachment, Delivery, Identity, Ticket
from conversations.thread import database_now
from helpdesk.sandbox.twilio import CUSTOMER, NUMBER, TwilioSandbox
from tests.builders import make_team
from tests.channels_inbox.providers.conftest import Place, connected, knock, settings_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[TwilioSandbox]:
    with TwilioSandbox(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: TwilioSandbox, cast: Cast, admin: Agent) -> Place:
    place = connected(sandbox, cast, admin)
    sandbox.says("Hi")
    place.work()
    return place


def test_saving_tells_twilio_where_to_call(place: Place, sandbox: TwilioSandbox) -> None:
    assert sandbox.hook.endswith(f"/hooks/twilio_sms/{place.inbox.public_id}/")
    assert place.inbox.address == NUMBER
    [first] = place.messages()
    assert (first.proof, first.identity and first.identity.kind) == ("claimed", "phone")


def test_the_form_begins_with_the_team_of_most_inboxes_and_says_which_country_is_which(
    place: Place,
) -> None:
    make_team("A new one")
    client = Client()
    client.force_login(place.admin, "django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("inboxes:new-provider", args=["twilio_sms"])).content.decode()
    support = place.cast.support
    assert f'<option value="{support.pk}" selected>{support}</option>' in page
    assert '<option value="VN">VN (+84)</option>' in page


def test_the_answer_to_a_call_is_nothing_a_customer_would_get(
    place: Place, sandbox: TwilioSandbox
) -> None:
    call = sandbox.call_of("Hi")
    headers = {name: value for name, value in call.headers.items() if name != "Content-Type"}
    answer = Client().post(
        urlsplit(call.url).path,
        call.body,
        content_type=call.headers["Content-Type"],
        headers=headers,
    )
    assert (answer.content, answer["Content-Type"]) == (b"<Response/>", "text/xml")


def test_receipts_come_in_any_order(place: Place, sandbox: TwilioSandbox) -> None:
    delivery = place.send(place.answer("Hello"))
    for state in ("delivered", "sent", "queued", "undelivered"):
        sandbox.call(sandbox.status_call(delivery.provider_id, state))
        place.work()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_what_will_not_arrive_says_why_and_is_our_turn_again(
    place: Place, sandbox: TwilioSandbox
) -> None:
    delivery = place.send(place.answer("Hello"))
    assert Ticket.objects.get().status == "pending"
    sandbox.tells(delivery.provider_id, "undelivered")
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("failed", "There is no such number.")
    assert Ticket.objects.get().status == "open"


def test_a_status_call_settles_what_may_have_been_sent(
    place: Place, sandbox: TwilioSandbox
) -> None:
    sandbox.faults = ["dropped"]
    delivery = place.send(place.answer("Hello"))
    assert delivery.state == "ambiguous"
    sandbox.tells(sandbox.took[0].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("delivered", sandbox.took[0].name)


def test_the_list_settles_what_may_have_been_sent(place: Place, sandbox: TwilioSandbox) -> None:
    sandbox.faults, sandbox.calls = ["dropped"], False
    delivery = place.send(place.answer("Hello"))
    place.pull()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.provider_id) == ("sent", sandbox.took[0].name)


def test_of_two_alike_nobody_guesses(place: Place, sandbox: TwilioSandbox) -> None:
    sandbox.calls = False
    for fault in ("error", "dropped"):
        sandbox.faults = [fault]
        assert place.send(place.answer("Hello")).state == "ambiguous"
    place.pull()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"ambiguous"}


def test_the_list_tells_receipts_that_no_call_brought(place: Place, sandbox: TwilioSandbox) -> None:
    delivery = place.send(place.answer("Hello"))
    sandbox.calls = False
    sandbox.tells(delivery.provider_id, "delivered")
    place.pull()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_a_long_outage_is_read_over_all_pages_in_order_and_marked_late(
    place: Place, sandbox: TwilioSandbox
) -> None:
    sandbox.calls = False
    for number in range(8):
        sandbox.says(f"part {number}", picture=number == 3)
    sandbox.outage_was(timedelta(minutes=5))
    place.pull()
    late = place.messages()[1:]
    assert [one.text for one in late] == [f"part {number}" for number in range(8)]
    assert all(one.late for one in late)
    assert Attachment.objects.get().state == "stored"
    assert place.account.missed == 8


def test_half_a_sign_in_the_list_stops_nothing(place: Place, sandbox: TwilioSandbox) -> None:
    """A long SMS may be cut in the middle of an emoji."""
    sandbox.calls = False
    sandbox.says("Cut")
    sandbox.messages[-1]["body"] = "Cut \ud83d"
    sandbox.says("Whole")
    sandbox.outage_was(timedelta(minutes=5))
    place.pull()
    assert place.account.error_code == ""
    assert [one.text for one in place.messages()[1:]] == ["Cut \ufffd", "Whole"]


def test_a_message_whose_call_is_on_its_way_is_left_to_it(
    place: Place, sandbox: TwilioSandbox
) -> None:
    sandbox.calls = False
    sandbox.says("Just now")
    place.pull()
    assert len(place.messages()) == 1
    assert place.account.missed == 0


def hours_ago(sandbox: TwilioSandbox, place: Place, text: str, ago: timedelta) -> str:
    """A message that got into the list only now, with the time it was sent."""
    sandbox.calls = False
    sandbox.ago = ago
    name = sandbox.says(text)
    sandbox.ago = timedelta(0)
    Account.objects.update(
        cursor={**place.account.cursor, "began": (database_now() - timedelta(days=3)).isoformat()}
    )
    return name


def an_hour_later(place: Place) -> None:
    days = [
        {**day, "at": (database_now() - timedelta(minutes=61)).isoformat()}
        for day in place.account.cursor["days"]
    ]
    Account.objects.update(cursor={**place.account.cursor, "days": days})


def page_of(place: Place) -> str:
    client = Client()
    client.force_login(place.admin, "django.contrib.auth.backends.ModelBackend")
    found = client.get(reverse("items:nothing-lost")).content.decode()
    return " ".join(strip_tags(found).split())


def test_whole_days_are_compared_with_the_list_and_what_lacks_is_fetched(
    place: Place, sandbox: TwilioSandbox
) -> None:
    place.pull()
    assert "messages came in there" not in page_of(place)
    name = hours_ago(sandbox, place, "Behind the others", timedelta(hours=24))
    place.pull()
    assert len(place.messages()) == 1
    an_hour_later(place)
    place.pull()
    assert [one.text for one in place.messages()] == ["Hi", "Behind the others"]
    [late] = [one for one in place.messages() if one.late]
    assert late.text == "Behind the others"
    [_today, before] = compared.days_of(place.account)
    assert (before.came, before.fetched) == (1, (name,))
    told = f"stored here; 1 of them was lacking and has been fetched: {name}."
    assert told in page_of(place)
    an_hour_later(place)
    place.pull()
    assert len(place.messages()) == 2
    assert told in page_of(place)


def test_what_was_there_before_the_inbox_stays_there(
    sandbox: TwilioSandbox, cast: Cast, admin: Agent
) -> None:
    sandbox.ago = timedelta(hours=2)
    sandbox.says("Before there was a desk")
    sandbox.ago = timedelta(0)
    place = connected(sandbox, cast, admin)
    place.pull()
    an_hour_later(place)
    place.pull()
    assert place.messages() == []
    assert compared.days_of(place.account)[0].came == 0


def test_what_another_system_sent_by_our_number_is_named(
    place: Place, sandbox: TwilioSandbox
) -> None:
    place.send(place.answer("By the desk"))
    row = sandbox.messages[-1]
    sandbox.messages.append({**row, "sid": "SM" + "9" * 32, "body": "By a till"})
    place.pull()
    today = compared.days_of(place.account)[0]
    assert (today.went, today.unknown) == (2, ("SM" + "9" * 32,))
    assert f"2 went out; not by a message of this desk: SM{'9' * 32}." in page_of(place)


def test_a_day_is_compared_once_in_a_while(place: Place, sandbox: TwilioSandbox) -> None:
    place.pull()
    first = place.account.cursor["days"]
    place.pull()
    assert place.account.cursor["days"] == first
    an_hour_later(place)
    place.pull()
    assert place.account.cursor["days"][0]["at"] > first[0]["at"]


def test_stop_is_heeded_until_start(place: Place, sandbox: TwilioSandbox) -> None:
    sandbox.says("Stop")
    place.work()
    assert Identity.objects.get().undeliverable_reason == "opted_out"
    with pytest.raises(NotReachable, match="STOP"):
        place.answer("Hello?")
    sandbox.says("START")
    place.work()
    assert Identity.objects.get().undeliverable_at is None
    assert place.send(place.answer("Hello again")).state == "sent"


@pytest.mark.parametrize(("lost", "called", "reason"), [
    ("STOP", "START", ""), ("START", "STOP", "opted_out"),
])  # fmt: skip
def test_of_stop_and_start_the_later_one_counts_whichever_came_in_first(
    place: Place, sandbox: TwilioSandbox, lost: str, called: str, reason: str
) -> None:
    """No call brought the first one: it is found in the list after the second."""
    sandbox.calls = False
    sandbox.says(lost)
    sandbox.outage_was(timedelta(minutes=5))
    sandbox.calls = True
    sandbox.says(called)
    place.work()
    place.pull()
    assert [one.text for one in place.messages()] == ["Hi", called, lost]
    assert Identity.objects.get().undeliverable_reason == reason


def test_numbers_are_of_the_inboxs_country(place: Place, sandbox: TwilioSandbox) -> None:
    sandbox.says("Me again", sender="0901112223")
    place.work()
    assert Identity.objects.get().value == CUSTOMER
    sandbox.says("Your code is 1", sender="MYBANK")
    place.work()
    assert set(Identity.objects.values_list("value", flat=True)) == {CUSTOMER, "MYBANK"}


def test_a_message_for_another_number_is_set_aside(place: Place, sandbox: TwilioSandbox) -> None:
    sandbox.call(sandbox.call_of("Hi", To="+12025550199"))
    place.work()
    assert place.items()[-1] == ("ignored", "other_account")


def test_only_the_api_is_told_who_we_are(place: Place, sandbox: TwilioSandbox) -> None:
    sandbox.says("Look", picture=True)
    place.work()
    assert Attachment.objects.get().state == "stored"
    assert sandbox.strangers == []


def test_twilio_fetches_files_by_an_address_of_an_hour(
    place: Place, sandbox: TwilioSandbox
) -> None:
    upload = SimpleUploadedFile("lamp.jpg", b"\xff\xd8lamp", "image/jpeg")
    picture = attachments.upload(upload, by=place.cast.alice)
    place.send(place.answer("This one?", [picture]))
    [address] = sandbox.took[0].files
    path = urlsplit(address).path
    answer = Client().get(path)
    assert b"".join(answer) == b"\xff\xd8lamp"
    assert answer["Content-Type"] == "image/jpeg"
    assert Client().get(path.replace(path[-8:-1], "aaaaaaa")).status_code == 404


def test_a_number_of_somebody_else_is_not_connected(cast: Cast, admin: Agent) -> None:
    with TwilioSandbox(knock=knock) as sandbox:
        answer = settings_page(admin, sandbox, cast, number="+12025550177")
        assert answer.status_code == 422
        assert "This number is not in the account." in answer.content.decode()
        answer = settings_page(admin, sandbox, cast, auth_token="wrong")
        assert "Twilio refuses the account SID or the auth token." in answer.content.decode()
        assert sandbox.hook == ""
