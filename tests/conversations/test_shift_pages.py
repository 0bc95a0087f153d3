"""The shift change by pages, without a script: board, taking over, signing off, settings."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F, ProtectedError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conversations import handoffs, ownership, rota, shift_board, shift_ends, signing_off
from conversations.errors import BadInput, NotAllowed, StillYours
from conversations.models import (
    Agent,
    Conversation,
    Leaving,
    Offer,
    Presence,
    Shift,
    SignOff,
    Ticket,
)
from conversations.thread import database_now
from tests.builders import Cast, make_agent, make_inbox, make_ticket, write_in
from tests.conversations.desk import sign_in
from tests.conversations.offering import PACKET, now, offered, owner
from tests.conversations.on_shift import HOUR, MINUTE, alices, changing, over, shift_of, told
from tests.conversations.shifting import comes
from tests.properties import laws

pytestmark = pytest.mark.django_db


def at(name: str, *args: int) -> str:
    return reverse(f"conversations:{name}", args=args)


def shown(client: Client, path: str, status: int = 200) -> str:
    response = client.get(path)
    assert response.status_code == status
    return unescape(response.content.decode())


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def fields_of(html: str) -> dict[str, Any]:
    """What the form of the board would send as it stands."""
    told: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html[html.index("shift-own") :]):
        name, value = (re.search(rf' {key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and (not re.search("type=.checkbox", tag) or "checked" in tag):
            told.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    return told


def packet_of(ticket: Ticket) -> dict[str, str]:
    offer = Offer.objects.get(ticket=ticket)
    return {name: line["text"] for name, line in offer.packet.items()}


# --- the board


def test_the_board_says_who_works_and_what_is_left(cast: Cast) -> None:
    told(cast)
    alices(cast)
    html = shown(sign_in(cast.alice), at("shift"))
    assert "Your shift ends at" in html
    assert "Early" in html and "Late" in html and "Bob" in html
    assert 'value="where is the parcel of kim?"' in html
    assert "Offer it to the next shift" in html
    assert at("shift") in shown(sign_in(cast.bob), "/promises/mine/")
    assert at("shift") not in shown(sign_in(cast.charlie), "/promises/mine/")
    assert "work without shifts" in shown(sign_in(cast.charlie), at("shift"))


def test_what_is_on_already_is_no_next_shift(cast: Cast) -> None:
    """Alice hands over to who began before she ends; whoever comes on is told what begins next."""
    changing(cast)
    dave = make_agent("Dave", cast.support)
    shift_of(cast.support, "Night", dave, begins=HOUR, ends=3 * HOUR)
    alices = words_of(shown(sign_in(cast.alice), at("shift")))
    assert "You hand over to Late from" in alices
    daves = words_of(shown(sign_in(dave), at("shift")))
    assert "Next Night from" in daves
    assert "You hand over to" not in daves


def test_all_are_offered_in_one_go_with_what_was_corrected(cast: Cast) -> None:
    told(cast)
    first, second = alices(cast), alices(cast, "lee")
    alice = sign_in(cast.alice)
    fields = fields_of(shown(alice, at("shift")))
    fields[f"t{first.pk}-next"] = ["Call Kim before noon."]
    response = alice.post(at("shift-offer"), fields, follow=True)
    assert "2 conversations are offered." in response.content.decode()
    assert packet_of(first)["next"] == "Call Kim before noon."
    assert packet_of(second)["asks"] == "where is the parcel of lee?"
    assert packet_of(second)["reason"].startswith("My shift ends at")
    offer = Offer.objects.get(ticket=second)
    assert (offer.to_name, offer.warm, offer.offered_by) == ("Support · Late", True, cast.alice)
    assert offer.packet["asks"]["entries"]
    html = shown(alice, at("shift"))
    assert html.count("Offered to Support · Late") == 2
    assert alice.get(at("shift-waiting")).json() == {"count": 0}
    laws.check()


def test_one_is_offered_and_one_is_left_out(cast: Cast) -> None:
    told(cast)
    first, second, third = alices(cast), alices(cast, "lee"), alices(cast, "max")
    alice = sign_in(cast.alice)
    assert alice.get(at("shift-waiting")).json() == {"count": 3}
    fields = fields_of(shown(alice, at("shift")))
    alice.post(at("shift-offer"), {**fields, "only": first.pk})
    assert [one.ticket for one in Offer.objects.all()] == [first]
    fields = fields_of(shown(alice, at("shift")))
    alice.post(at("shift-offer"), {**fields, "ticket": [second.pk]})
    assert {one.ticket for one in Offer.objects.all()} == {first, second}
    assert not Offer.objects.filter(ticket=third).exists()


def test_what_did_not_go_is_said_by_name_and_why(cast: Cast) -> None:
    told(cast)
    gone, long, fine = alices(cast), alices(cast, "lee"), alices(cast, "max")
    alice = sign_in(cast.alice)
    fields = fields_of(shown(alice, at("shift")))
    fields[f"t{long.pk}-done"] = ["word " * 58]
    ownership.assign(gone, to=cast.bob, by=cast.alice, epoch=2)
    response = alice.post(at("shift-offer"), fields)
    html = unescape(response.content.decode())
    assert response.status_code == 409
    assert "2 conversations did not go:" in html
    assert "Parcel of Kim</a>: Somebody else changed who owns this" in html
    assert "Parcel of Lee</a>: This is" in html and "words long" in html
    # What was typed is still there.
    assert "word word" in html
    assert [one.ticket for one in Offer.objects.all()] == [fine]
    assert owner(gone) == (cast.support.pk, cast.bob.pk)


def test_nobody_offers_what_is_another_teams(cast: Cast) -> None:
    told(cast)
    ticket = alices(cast)
    fields = fields_of(shown(sign_in(cast.alice), at("shift")))
    assert sign_in(cast.charlie).post(at("shift-offer"), fields).status_code == 302
    junk = {"ticket": ["x", "9" * 30, "²"], "offer": ["-1"]}
    assert sign_in(cast.alice).post(at("shift-offer"), junk).status_code == 302
    assert sign_in(cast.alice).post(at("shift-accept"), junk).status_code == 302
    assert not Offer.objects.filter(ticket=ticket).exists()


def test_as_many_queries_for_ten_as_for_two(cast: Cast) -> None:
    told(cast)
    asked = []
    for names in (["a", "b"], [f"c{number}" for number in range(8)]):
        for name in names:
            alices(cast, name)
        alice = sign_in(cast.alice)
        shown(alice, at("shift"))
        with CaptureQueriesContext(connection) as queries:
            shown(alice, at("shift"))
        asked.append(len(queries))
    assert asked[0] == asked[1]
    over(Leaving.objects.get())
    shift_ends.settle_due()
    bob = sign_in(cast.bob)
    shown(bob, at("shift"))
    with CaptureQueriesContext(connection) as queries:
        assert "10 conversations for your shift" in shown(bob, at("shift"))
    assert len(queries) <= asked[1] + 2


def test_what_does_not_fit_on_a_page_is_on_the_next(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift_board, "MOST_OWN", 2)
    told(cast)
    tickets = [alices(cast, name) for name in ("kim", "lee", "max", "nam", "oda")]
    alice, found, path = sign_in(cast.alice), [], at("shift")
    while path:
        html = shown(alice, path)
        found += fields_of(html)["ticket"]
        more = re.search(r'href="(\?own=\d+)#own"', html)
        path = at("shift") + more[1] if more else ""
    assert found == [str(one.pk) for one in tickets]
    page = shown(alice, at("shift"))
    assert "Offer these 2 to the next shift" in page
    # What is offered makes room for what is not.
    assert alice.post(at("shift-offer"), fields_of(page)).status_code == 302
    html = shown(alice, at("shift"))
    assert fields_of(html)["ticket"] == [str(one.pk) for one in tickets[2:4]]
    assert "Offered to Support" not in html
    last = shown(alice, f"{at('shift')}?own={tickets[3].pk}")
    assert fields_of(last)["ticket"] == [str(tickets[4].pk)] and "Offered to Support" in last
    refused = {**fields_of(last), f"t{tickets[4].pk}-asks": "word " * 61}
    action = unescape(str(re.search(r'action="([^"]*own=\d+)"', last)[1]))  # type: ignore[index]
    assert "word word" in alice.post(action, refused).content.decode()


# --- the incoming shift


def left_to_bob(cast: Cast, *names: str) -> list[Ticket]:
    leaving = told(cast)
    tickets = [alices(cast, name) for name in names]
    over(leaving)
    assert shift_ends.settle_due() == 1
    return tickets


def test_one_is_accepted_and_then_all(cast: Cast) -> None:
    first, second, third = left_to_bob(cast, "kim", "lee", "max")
    bob = sign_in(cast.bob)
    write_in(cast.inbox, "kim@example.org", tokens=(first.token_id,), text="Hello?")
    html = shown(bob, at("shift"))
    assert "3 conversations for your shift" in html and "Accept all 3" in html
    assert html.count("The customer wrote since") == 1
    one = Offer.objects.get(ticket=first)
    seen = {"seen": one.packet_head, "skip": "on", "next": at("shift")}
    assert bob.post(at("accept-offer", one.pk), seen).headers["Location"] == at("shift")
    rest = list(Offer.objects.open().values_list("pk", flat=True))
    response = bob.post(at("shift-accept"), {"offer": rest}, follow=True)
    assert "2 conversations are yours." in response.content.decode()
    for ticket in (first, second, third):
        assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    laws.check()


def test_all_that_is_offered_to_a_shift_is_reached(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift_board, "MOST", 2)
    tickets = left_to_bob(cast, "kim", "lee", "max")
    bob = sign_in(cast.bob)
    html = shown(bob, at("shift"))
    assert "Conversations for your shift" in html and "Accept these 2" in html
    more = re.search(r'href="(\?incoming=\d+)#incoming"', html)
    assert more and "Parcel of Max" in shown(bob, at("shift") + more[1])
    for _page in range(2):
        rows = re.findall(r'name="offer" value="(\d+)"', shown(bob, at("shift")))
        bob.post(at("shift-accept"), {"offer": rows})
    assert {owner(one) for one in tickets} == {(cast.support.pk, cast.bob.pk)}


def test_accepted_by_the_packet_alone_it_says_so(cast: Cast) -> None:
    [ticket] = left_to_bob(cast, "kim")
    offer = Offer.objects.get()
    # Something closed to others ended all older pages, which the packet is none of.
    Conversation.objects.filter(pk=ticket.conversation_id).update(reset_head=F("head"))
    write_in(cast.inbox, "kim@example.org", tokens=(ticket.token_id,), text="Hello?")
    sign_in(cast.bob).post(at("shift-accept"), {"offer": [offer.pk]})
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    assert now(offer).seen_head == offer.packet_head


def test_what_somebody_took_meanwhile_is_said(cast: Cast) -> None:
    carol = make_agent("Carol", cast.support)
    first, second = left_to_bob(cast, "kim", "lee")
    bob = sign_in(cast.bob)
    offers = list(Offer.objects.values_list("pk", flat=True))
    ownership.take(first, by=carol, epoch=2)
    response = bob.post(at("shift-accept"), {"offer": offers})
    html = unescape(response.content.decode())
    assert response.status_code == 409
    assert "Parcel of Kim</a>: Carol has it already." in html
    assert "1 conversation is yours." in html
    assert owner(second) == (cast.support.pk, cast.bob.pk)
    assert sign_in(carol).post(at("shift-accept"), {"offer": offers}).status_code == 409
    assert owner(second) == (cast.support.pk, cast.bob.pk)


def test_before_it_begins_the_shift_sees_it_and_waits(cast: Cast) -> None:
    shift_of(cast.support, "Early", cast.alice, ends=10 * MINUTE)
    shift_of(cast.support, "Late", cast.bob, begins=10 * MINUTE, ends=8 * HOUR)
    ticket = alices(cast)
    stretch = rota.next_for(cast.alice, cast.support, database_now())
    offer = offered(ticket, cast, team=cast.support, shift=stretch, packet=PACKET)
    bob = sign_in(cast.bob)
    html = shown(bob, at("shift"))
    assert "to be answered from" in html
    assert "Accept it" not in html and 'name="restatement"' not in html
    assert bob.get(at("offered")).json() == {"count": 0}
    assert bob.post(at("accept-offer", offer.pk), {"seen": 1, "skip": "on"}).status_code == 422
    assert now(offer).is_open


def test_the_next_shift_is_among_whom_it_is_offered_to(cast: Cast) -> None:
    changing(cast)
    ticket = alices(cast)
    alice = sign_in(cast.alice)
    html = shown(alice, at("offer", ticket.pk))
    assert "Support, the next shift" in html and "Billing, the next shift" not in html
    told = {"to": f"{cast.support.pk}:next", "how": "warm", "minutes": 30, "epoch": 2}
    words = {"asks": "Where it is.", "next": "Call.", "reason": "I go."}
    assert alice.post(at("offer", ticket.pk), told).status_code == 422
    assert alice.post(at("offer", ticket.pk), {**told, **words}).status_code == 302
    assert Offer.objects.get().to_name == "Support · Late"
    refused = {**told, **words, "to": f"{cast.billing.pk}:next"}
    assert alice.post(at("offer", ticket.pk), refused).status_code == 422


# --- signing off


def test_who_has_something_left_does_not_go_offline(cast: Cast) -> None:
    leaving = told(cast)
    ticket = alices(cast)
    comes(cast.alice)
    alice = sign_in(cast.alice)
    response = alice.post(at("presence"), {"state": "offline"})
    assert response.headers["Location"] == at("sign-off")
    response = alice.post(at("presence"), {"state": "offline"}, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (409, at("sign-off"))
    assert alice.post(reverse("account_logout")).headers["Location"] == at("sign-off")
    assert Agent.objects.get(pk=cast.alice.pk).chosen_state == "online"
    assert alice.post(at("presence"), {"state": "away"}).status_code == 302
    html = shown(alice, at("sign-off"))
    assert "nobody was offered 1 conversation of yours" in html and "Parcel of Kim" in html
    alice.post(at("shift-offer-drafted"))
    assert packet_of(ticket)["asks"] == "where is the parcel of kim?"
    assert "Nothing keeps you" in shown(alice, at("sign-off"))
    alice.post(at("presence"), {"state": "offline"})
    assert Agent.objects.get(pk=cast.alice.pk).chosen_state == "offline"
    assert Leaving.objects.get(pk=leaving.pk).settled_at is None
    assert alice.post(reverse("account_logout")).headers["Location"] != at("sign-off")


def test_a_supervisor_signs_for_it(cast: Cast) -> None:
    dana = make_agent("Dana", cast.support, role="supervisor")
    leaving = told(cast)
    kept, ticket = alices(cast), alices(cast, "lee")
    alice, boss = sign_in(cast.alice), sign_in(dana)
    assert boss.get(at("shift-waiting")).json() == {"count": 0}
    alice.post(at("sign-off"))
    alice.post(at("sign-off"))
    [asked] = SignOff.objects.all()
    assert "Asked at" in shown(alice, at("sign-off"))
    assert boss.get(at("shift-waiting")).json() == {"count": 1}
    html = shown(boss, at("sign-offs"))
    assert "Alice asks to go" in html and "Parcel of Lee" in html
    assert "Alice" not in shown(sign_in(cast.bob), at("sign-offs"))
    assert sign_in(cast.bob).post(at("sign", asked.pk), {"reason": "Why not"}).status_code == 404
    assert boss.post(at("sign", asked.pk), {"reason": " "}).status_code == 422
    offered(kept, cast)
    boss.post(at("sign", asked.pk), {"reason": "Her train goes."})
    boss.post(at("sign", asked.pk), {"reason": "Twice."})
    asked.refresh_from_db()
    assert (asked.agent, asked.signed_by, asked.reason) == (cast.alice, dana, "Her train goes.")
    assert asked.signed_at and asked.asked_at < asked.signed_at
    assert asked.tickets == [{"ticket": ticket.pk, "name": "Lee · Parcel of Lee"}]
    html = shown(boss, at("sign-offs"))
    assert "Dana let Alice go: Her train goes." in html and "Parcel of Lee" in html
    assert "Dana signed for what is left" in shown(alice, at("sign-off"))
    alice.post(at("presence"), {"state": "offline"})
    assert Agent.objects.get(pk=cast.alice.pk).chosen_state == "offline"
    # Nothing is forgotten by it.
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    over(leaving)
    assert shift_ends.settle_due() == 1
    assert packet_of(ticket)["reason"] == "The shift of Alice is over."


def test_what_a_supervisor_may_not_read_is_not_named_to_them(cast: Cast) -> None:
    dana = make_agent("Dana", cast.billing, role="supervisor")
    told(cast)
    alices(cast, "lee")
    health = make_inbox(cast.support, "Health", restriction="health")
    quiet = make_ticket(health, "ana@example.org", label="Ana", subject="My illness")
    ownership.take(quiet, by=cast.alice, epoch=1)
    [asked] = signing_off.ask(cast.alice)
    boss, inside = sign_in(dana), sign_in(make_agent("Eve", cast.support, role="supervisor"))
    for _time in ("asked", "signed"):
        html = shown(boss, at("sign-offs"))
        assert "Parcel of Lee" in html and "Restricted" in html
        assert "illness" not in html and "Ana" not in html
        assert "Ana · My illness" in shown(inside, at("sign-offs"))
        boss.post(at("sign", asked.pk), {"reason": "Her train goes."})
    assert SignOff.objects.get().signed_by == dana


def test_only_supervisors_sign_and_what_is_signed_stays(cast: Cast) -> None:
    dana = make_agent("Dana", cast.support, role="supervisor")
    told(cast)
    alices(cast)
    [asked] = signing_off.ask(cast.alice)
    with pytest.raises(NotAllowed):
        signing_off.sign(asked, by=cast.bob, reason="Fine.")
    with pytest.raises(BadInput):
        signing_off.sign(asked, by=dana, reason="x" * 201)
    signing_off.sign(asked, by=dana, reason="Fine.")
    signing_off.require_free(cast.alice)
    for change in (
        lambda: SignOff.objects.update(reason="Other."),
        lambda: SignOff.objects.all().delete(),
        lambda: Leaving.objects.all().delete(),
    ):
        with pytest.raises((DatabaseError, ProtectedError)), transaction.atomic():
            change()


def test_off_shift_and_long_after_anybody_goes(cast: Cast) -> None:
    alices(cast)
    signing_off.choose(cast.alice, "offline")
    leaving = told(cast)
    with pytest.raises(StillYours):
        signing_off.choose(cast.alice, "offline")
    signing_off.choose(cast.bob, "offline")
    over(leaving)
    shift_ends.settle_due()
    signing_off.choose(cast.alice, "offline")
    assert Presence.objects.count() == 2


# --- settings


def test_an_admin_gives_a_team_shifts(cast: Cast) -> None:
    admin = sign_in(make_agent("Ada", role="admin"))
    team, new = (
        reverse(f"settings:{name}", args=[cast.support.pk]) for name in ("team", "new-shift")
    )
    fields = {
        "name": "Night",
        "weekdays": [4, 5],
        "begins": "22:00",
        "ends": "06:00",
        "agents": [cast.alice.pk],
    }
    assert admin.post(new, fields).headers["Location"] == team
    shift = Shift.objects.get()
    assert (shift.name, shift.weekdays, shift.passes_midnight) == ("Night", [4, 5], True)
    assert [one.agent for one in shift.workers.all()] == [cast.alice]
    html = shown(admin, team)
    assert "Night" in html and "22:00–06:00 (the next day)" in html and "Alice" in html
    assert admin.post(new, fields).status_code == 422
    assert admin.post(new, {**fields, "agents": [cast.charlie.pk]}).status_code == 422
    assert admin.post(new, {**fields, "weekdays": []}).status_code == 422
    edit = reverse("settings:shift", args=[shift.pk])
    assert 'value="22:00"' in shown(admin, edit)
    admin.post(edit, {**fields, "name": "Late night", "agents": [cast.bob.pk]})
    shift.refresh_from_db()
    assert shift.name == "Late night"
    assert [one.agent for one in shift.workers.all()] == [cast.bob]
    admin.post(reverse("settings:remove-shift", args=[shift.pk]))
    assert edit not in shown(admin, team)
    assert admin.get(edit).status_code == 404


def test_the_zone_of_a_team_is_chosen_and_its_shifts_follow(cast: Cast) -> None:
    admin = sign_in(make_agent("Ada", role="admin"))
    shift = shift_of(cast.support, "Early", cast.alice)
    before = shift.times.get(told_at=None).ends_at
    fields = {"name": "Support", "respond_hours": 8, "follow_up_days": 7, "assigns": "off"}
    fields |= {"members": [cast.alice.pk, cast.bob.pk]}
    path = reverse("settings:team", args=[cast.support.pk])
    assert admin.post(path, {**fields, "zone": "Mars/Phobos"}).status_code == 422
    assert admin.post(path, fields).status_code == 302
    assert shift.times.get(told_at=None).ends_at == before
    assert admin.post(path, {**fields, "zone": "Asia/Ho_Chi_Minh"}).status_code == 302
    cast.support.refresh_from_db()
    assert cast.support.zone == "Asia/Ho_Chi_Minh"
    moved = (before - shift.times.get(told_at=None).ends_at) % timedelta(days=1)
    assert moved == timedelta(hours=7)


def test_handoffs_to_a_shift_can_be_taken_back_from_the_conversation(cast: Cast) -> None:
    told(cast)
    comes(cast.alice)
    ticket = alices(cast)
    alice = sign_in(cast.alice)
    alice.post(at("shift-offer-drafted"))
    offer = Offer.objects.get()
    html = shown(alice, f"{at('conversation', ticket.conversation_id)}?ticket={ticket.pk}")
    assert "You offer this to Support · Late" in html
    handoffs.recall(offer, by=cast.alice)
    assert signing_off.held(cast.alice) == [ticket]
