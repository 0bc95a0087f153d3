"""Every door: for a member, for another team, for nobody; and nonsense at each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversations import handoffs
from conversations.models import Agent, Attachment, Delivery, HeldSend, Offer, Role, Ticket
from conversations.thread import locked
from conversations.urls import urlpatterns
from tests.builders import (
    Cast,
    answer,
    conversation_of,
    identity_of,
    make_agent,
    make_cast,
    make_inbox,
    make_team,
    make_ticket,
    run_out,
    write_in,
)
from tests.conversations.desk import sign_in
from tests.conversations.promising import promised

pytestmark = pytest.mark.django_db


@dataclass
class Place:
    """A restricted conversation of Support, with one of everything a route can name."""

    cast: Cast
    ticket: Ticket
    ids: dict[str, object]


NEXT_MONTH = (timezone.now() + timedelta(days=30)).strftime("%Y-%m-%dT12:00")
# route → (method, which id its path takes, what it sends)
DOORS: dict[str, tuple[str, str, dict[str, object]]] = {
    "conversation": ("get", "conversation", {}),
    "since": ("get", "conversation", {"rev": 0}),
    "thread-rows": ("get", "conversation", {}),
    "read": ("post", "conversation", {}),
    "unread": ("post", "ticket", {}),
    "composer": ("get", "ticket", {}),
    "name": ("post", "conversation", {"name": "Kim"}),
    "memo": ("post", "conversation", {"memo": "x"}),
    "addresses": ("post", "conversation", {"value": "more@example.org"}),
    "join": ("get", "conversation", {}),
    "alike": ("get", "conversation", {}),
    "address": ("post", "identity", {"action": "block"}),
    "entry": ("get", "entry", {}),
    "about": ("get", "entry", {}),
    "whole": ("get", "entry", {}),
    "move": ("post", "entry", {"to": 0}),
    "call": ("get", "call", {}),
    "delivery": ("post", "sent", {"action": "again"}),
    "take": ("post", "ticket", {"epoch": 1}),
    "release": ("post", "ticket", {"epoch": 1}),
    "assign": ("post", "ticket", {"epoch": 1, "to": "1:"}),
    "lend": ("post", "ticket", {"epoch": 1, "bot": 1, "goal": "email", "turns": 3}),
    "snooze": ("post", "ticket", {"until": "2099-01-01T09:00"}),
    "pending": ("post", "ticket", {}),
    "resolve": ("post", "ticket", {"promises": "kept"}),
    "reopen": ("post", "ticket", {}),
    "offer": ("post", "ticket", {}),
    "accept-offer": ("post", "offer", {"seen": 1, "skip": "on"}),
    "decline-offer": ("post", "offer", {"reason": "No."}),
    "recall-offer": ("post", "offer", {}),
    "promise": ("post", "ticket", {"text": "Call back", "due": NEXT_MONTH}),
    "suggested-promise": ("post", "sent", {"due": ""}),
    "keep-promise": ("post", "promise", {}),
    "break-promise": ("post", "broken", {}),
    "withdraw-promise": ("post", "withdrawn", {"reason": "No need."}),
    "reschedule-promise": ("post", "later", {"due": NEXT_MONTH}),
    "rename": ("post", "ticket", {"subject": "x"}),
    "dismiss": ("post", "ticket", {}),
    "reply": ("post", "ticket", {"text": "x"}),
    "note": ("post", "ticket", {"note-text": "x"}),
    "draft": ("post", "ticket", {"mode": "note", "text": "x"}),
    "undo-send": ("post", "held", {}),
    "send-held": ("post", "held", {}),
    "file": ("get", "file", {}),
    "retry-file": ("post", "file", {}),
}
OPEN_TO_ALL_AGENTS = {
    "home",
    "list",
    "rows",
    "search",
    "new-message",
    "new-call",
    "ringing",
    "new-customer",
    "upload",
    "undo-join",
    "not-same",
    "inline",
    "live-ticket",
    "offered",
    "unanswered",
    "alert-seen",
    "alerts-seen",
    "pressing",
    "promises",
    "presence",
    "shift",
    "shift-waiting",
    "shift-offer",
    "shift-offer-drafted",
    "shift-accept",
    "sign-off",
    "sign-offs",
    "sign",
}
READS = {"conversation", "since", "thread-rows", "entry", "about", "whole", "file"}


def make_place(restriction: str) -> Place:
    cast = make_cast()
    inbox = make_inbox(cast.support, "Quiet box", restriction=restriction)
    slow = make_inbox(
        cast.support, "Slow box", restriction=restriction, undo_window=timedelta(minutes=5)
    )
    entry = write_in(inbox)
    ticket = entry.ticket
    assert ticket is not None
    sent = answer(ticket, by=cast.alice, inbox=inbox, to=identity_of())
    held = answer(ticket, by=cast.alice, inbox=slow, to=identity_of())
    assert isinstance(held, HeldSend)
    Delivery.objects.filter(entry=sent.pk).update(state="failed")
    epoch = Ticket.objects.get(pk=ticket.pk).owner_epoch
    offer = handoffs.offer(ticket, team=cast.support, by=cast.alice, epoch=epoch)
    promises = {
        name: promised(ticket, cast, text=name).pk
        for name in ("promise", "broken", "withdrawn", "later")
    }
    with locked(ticket.origin_id) as thread:
        call = thread.append(
            ticket.origin_id, ticket=ticket, actor=cast.alice.actor, kind="call", direction="out"
        )
    file = Attachment.objects.create(
        entry=entry,
        conversation_id=entry.conversation_id,
        filename="a.txt",
        content_type="text/plain",
    )
    ids = {
        "conversation": entry.conversation_id,
        "identity": identity_of().pk,
        "entry": entry.pk,
        "sent": sent.pk,
        "ticket": ticket.pk,
        "held": held.pk,
        "call": call.pk,
        "offer": offer.pk,
        "file": file.public_id,
        **promises,
    }
    return Place(cast, ticket, ids)


def knock(client: Client, place: Place, name: str) -> int:
    method, key, data = DOORS[name]
    url = reverse(f"conversations:{name}", args=[place.ids[key]])
    status: int = getattr(client, method)(url, data).status_code
    return status


def test_every_route_is_accounted_for() -> None:
    assert {str(route.name) for route in urlpatterns} == set(DOORS) | OPEN_TO_ALL_AGENTS


def test_a_restricted_conversation_is_not_there_for_other_teams() -> None:
    place = make_place("legal")
    charlie = sign_in(place.cast.charlie)
    assert {name: knock(charlie, place, name) for name in DOORS} == dict.fromkeys(DOORS, 404)


def test_an_open_conversation_may_be_read_by_other_teams_and_not_changed() -> None:
    place = make_place("")
    charlie = sign_in(place.cast.charlie)
    expected = {name: 200 if name in READS else 403 for name in DOORS}
    # A permalink leads on. Nothing of the file is stored yet; storing it is no act on the ticket.
    expected |= {"entry": 302, "file": 404, "retry-file": 302}
    # What one has read is one's own affair.
    expected |= {"read": 204, "unread": 302}
    assert {name: knock(charlie, place, name) for name in DOORS} == expected


def test_whoever_is_not_signed_in_is_led_to_sign_in() -> None:
    place = make_place("")
    for name, (method, key, data) in DOORS.items():
        url = reverse(f"conversations:{name}", args=[place.ids[key]])
        answered = getattr(Client(), method)(url, data)
        assert (answered.status_code, answered.url.split("?")[0]) == (302, "/sign-in/"), name


def test_a_member_gets_through_every_door() -> None:
    place = make_place("legal")
    alice = sign_in(place.cast.alice)
    told = {name: knock(alice, place, name) for name in DOORS if name != "file"}
    assert [name for name, status in told.items() if status in (403, 404) or status >= 500] == []


def test_what_leads_look_at_is_there_for_them_only() -> None:
    place = make_place("legal")
    offer = run_out(Offer.objects.get())
    handoffs.expire_due()
    urls = [
        reverse("conversations:unanswered"),
        reverse("conversations:alert-seen", args=[offer.alerts.get().pk]),
    ]
    outsider = make_agent("Boss", place.cast.billing, role=Role.SUPERVISOR)
    answers = {
        agent: [sign_in(agent).get(urls[0]).status_code, sign_in(agent).post(urls[1]).status_code]
        for agent in (place.cast.alice, outsider)
    }
    assert answers == {place.cast.alice: [200, 404], outsider: [200, 404]}


def test_a_disabled_agent_is_signed_out_at_once() -> None:
    place = make_place("")
    bob = sign_in(place.cast.bob)
    Agent.objects.filter(pk=place.cast.bob.pk).update(is_active=False)
    assert knock(bob, place, "conversation") == 302


NONSENSE = [
    "/desk/nowhere/open/",
    "/desk/mine/asleep/",
    "/desk/mine/open/?after=zzz",
    "/desk/mine/open/?after=2026-01-01T00:00:00%2B00:00,99999999999999999999999",
    "/desk/mine/open/?after=0001-01-01T00:00:00%2B14:00,1",
    "/desk/mine/open/?after=2026-01-01T00:00:00,1",
    "/conversations/999999999999999999999999999/",
    "/conversations/{c}/?before=x",
    "/conversations/{c}/?after=2026-01-01,5",
    "/conversations/{c}/?entry=abc",
    "/conversations/{c}/?entry=999999999",
    "/conversations/{c}/?entry=99999999999999999999999",
    "/conversations/{c}/since/?rev=-1",
    "/conversations/{c}/since/?rev=²",
    "/conversations/{c}/since/",
    "/conversations/{c}/rows/?before=x",
    "/conversations/{c}/rows/?entry=99999999999999999999999",
    "/desk/mine/open/rows/?ids=x",
    "/desk/mine/open/rows/?ids=1,,2",
    "/desk/mine/open/rows/?ids=" + "9" * 30,
    "/desk/mine/asleep/rows/?ids=1",
    "/conversations/{c}/join/?with=x",
    "/entries/99999999999999999999999999/",
    "/files/inline/forged/",
    "/messages/new/?to=" + "x" * 999,
    "/promises/nobodys/",
    "/promises/mine/?after=zzz",
    "/promises/overdue/?after=2026-01-01T00:00:00%2B00:00,99999999999999999999999",
    "/tickets/{t}/promise/?entry=x",
    "/tickets/{t}/promise/?entry=99999999999999999999999",
    "/tickets/{t}/promise/?entry=²",
    "/search/?q=%00",
    "/search/?q=" + "%27%22%3A%2A%26%21" * 20,
    "/conversations/{c}/?ticket=zz&answer=zz&all",
]


def test_nonsense_never_breaks_a_page() -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    alice = sign_in(cast.alice)
    for path in NONSENSE:
        answered = alice.get(path.format(c=conversation_of().pk, t=ticket.pk))
        assert answered.status_code in (200, 404), path


@pytest.mark.parametrize("value", ["", "²", "-1", "9" * 40, "\x00", "<b>", "2026-13-45T99:99"])
def test_nonsense_never_breaks_a_form(value: str) -> None:
    place = make_place("")
    alice = sign_in(place.cast.alice)
    for name, (method, key, data) in DOORS.items():
        names = [*data, "seen", "client_token", "identity", "file", "version", "note-client_token"]
        url = reverse(f"conversations:{name}", args=[place.ids[key]])
        if method == "post":
            assert alice.post(url, dict.fromkeys(names, value)).status_code < 500, name
    url = reverse("conversations:reply", args=[place.ids["ticket"]])
    for action in ("draft", "everybody", "anyway+resolve", value):
        sent = {"action": action, "seen": value, "version": value, "text": "x"}
        assert alice.post(url, sent, headers={"hx-request": "true"}).status_code < 500, action


def test_restricted_matters_show_as_one_folded_line_and_nothing_of_them_leaks() -> None:
    cast = make_cast()
    hidden = make_inbox(cast.support, "Secret box", restriction="health")
    write_in(hidden, text="My secret illness", subject="Secret subject")
    write_in(make_inbox(cast.billing, "Bills"), text="My open question")
    client = sign_in(cast.charlie)
    conversation = conversation_of()
    for url in (
        f"/conversations/{conversation.pk}/",
        f"/conversations/{conversation.pk}/since/?rev=0",
    ):
        text = client.get(url).content.decode()
        assert "My open question" in text
        assert "ecret illness" not in text
        assert "Secret subject" not in text
    page = client.get(f"/conversations/{conversation.pk}/").content.decode()
    assert page.count("A restricted matter that only Support may read.") == 1
    assert "illness" not in client.get("/search/?q=illness").content.decode().replace(
        'value="illness"', ""
    ).replace("illness ·", "")


def test_supervisors_act_on_what_they_read_but_not_on_restricted_matters() -> None:
    boss = make_agent("Suri", make_team("Nobody's"), role=Role.SUPERVISOR)
    place = make_place("")
    assert knock(sign_in(boss), place, "resolve") == 302


def test_a_refusal_is_a_page_for_people_and_json_for_scripts() -> None:
    place = make_place("")
    client = sign_in(place.cast.charlie)
    url = reverse("conversations:resolve", args=[place.ticket.pk])
    page = client.post(url)
    assert "You are not in the team of this conversation." in page.content.decode()
    told = client.post(url, headers={"accept": "application/json"})
    assert told.json()["code"] == "not_allowed"
    fragment = client.post(url, headers={"hx-request": "true"})
    assert fragment.content.decode().startswith('<p class="refusal">')
