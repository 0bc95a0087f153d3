"""Handing over by pages: forms, cards and lists, without a script."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from conversations import drafts, handoffs, ownership, people, promises, windows
from conversations.models import Agent, Alert, Customer, Offer, Ticket, Window
from tests import builders
from tests.builders import Cast
from tests.conversations.desk import sign_in
from tests.conversations.offering import PACKET, accepted, offered, owner, to_billing
from tests.conversations.promising import promised

pytestmark = pytest.mark.django_db

ASKED = "Hello,\nwhere is my parcel?\nKim"


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's, of Kim, who asks something."""
    ticket = builders.make_ticket(cast.inbox, label="Kim Park", text=ASKED)
    return ownership.take(ticket, by=cast.alice, epoch=1)


def at(name: str, pk: int | None = None) -> str:
    return reverse(f"conversations:{name}", args=[] if pk is None else [pk])


def page(agent: Agent, ticket: Ticket) -> str:
    path = f"{at('conversation', ticket.conversation_id)}?ticket={ticket.pk}"
    return unescape(sign_in(agent).get(path).content.decode())


def fields_of(html: str) -> dict[str, Any]:
    """What the form would send as it stands."""
    told: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html[html.index('class="form card"') :]):
        name, value = (re.search(rf' {key}="([^"]*)"', tag) for key in ("name", "value"))
        if name and (not re.search("type=.(radio|checkbox)", tag) or "checked" in tag):
            told.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    return told | {"minutes": "10"}


def form_of(alice: Client, ticket: Ticket, to: str, **changes: Any) -> dict[str, Any]:
    html = alice.get(at("offer", ticket.pk)).content.decode()
    return {**fields_of(html), "to": to, **changes}


def test_the_form_is_filled_from_the_thread_and_makes_the_offer(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    fields = form_of(alice, ticket, f"{cast.billing.pk}:", next="Ask the carrier.", reason="Yours.")
    asked = builders.newest_of(ticket)
    assert fields["asks"] == ["where is my parcel?"]
    assert fields["asks_entries"] == [str(asked.pk)]
    answer = alice.post(at("offer", ticket.pk), fields)
    assert answer.status_code == 302
    offer = Offer.objects.get()
    assert (offer.to_team, offer.to_agent, offer.warm) == (cast.billing, None, True)
    assert offer.packet["asks"] == {"text": "where is my parcel?", "entries": [asked.pk]}
    assert offer.packet["reason"]["text"] == "Yours."
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)


def test_the_form_quotes_a_customer_by_name_where_only_the_address_has_none(cast: Cast) -> None:
    sms = builders.make_inbox(cast.support, "SMS", kind="twilio_sms", address="+12025550100")
    entry = builders.write_in(sms, "+84901112223", kind="phone", text=ASKED, follows_on=True)
    ticket = ownership.take(builders.ticket_of(entry), by=cast.alice, epoch=1)
    alice = sign_in(cast.alice)
    assert "+84901112223, " in unescape(alice.get(at("offer", ticket.pk)).content.decode())
    Customer.objects.update(name="Hoa Trần")
    told = unescape(alice.get(at("offer", ticket.pk)).content.decode())
    assert "Hoa Trần, " in told
    assert "+84901112223, " not in told


def test_the_form_says_which_promises_go_along(cast: Cast, ticket: Ticket) -> None:
    promised(ticket, cast, text="Send the tracking number")
    kept = promised(ticket, cast, text="Call the carrier")
    promises.keep(kept, by=cast.alice)
    page = unescape(sign_in(cast.alice).get(at("offer", ticket.pk)).content.decode())
    assert "Goes along: Send the tracking number (" in page
    assert "Call the carrier" not in page


def test_what_is_not_offered_keeps_what_was_typed(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    fields = form_of(alice, ticket, f"{cast.billing.pk}:", mood="Fairly cross")
    answer = alice.post(at("offer", ticket.pk), fields)
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "Say what the customer asks, what comes next, and why" in html
    assert fields_of(html)["mood"] == ["Fairly cross"]
    assert f'<option value="{cast.billing.pk}:" selected>' in html
    assert not Offer.objects.exists()


def test_the_form_refuses_nonsense(cast: Cast, ticket: Ticket) -> None:
    alice = sign_in(cast.alice)
    good = form_of(alice, ticket, f"{cast.support.pk}:{cast.bob.pk}")
    wrong: list[dict[str, Any]] = [
        {"to": ""},
        {"to": "x"},
        {"to": "999999:"},
        {"to": f"{cast.support.pk}:{cast.charlie.pk}"},
        {"how": "sideways"},
        {"minutes": "99999"},
        {"asks_entries": ["x"]},
        {"asks_entries": ["²"]},
        {"asks_entries": ["9" * 30]},
        {"asks_entries": ["999999999"]},
        {"asks": "x" * 301},
        {"asks": "a\x00b"},
        {"epoch": "0"},
    ]
    for change in wrong:
        assert alice.post(at("offer", ticket.pk), {**good, **change}).status_code == 422, change
    stale = alice.post(at("offer", ticket.pk), {**good, "epoch": "1"})
    assert stale.status_code == 409
    assert not Offer.objects.exists()


def test_nobody_is_asked_who_has_it(cast: Cast, ticket: Ticket) -> None:
    html = sign_in(cast.alice).get(at("offer", ticket.pk)).content.decode()
    assert f'value="{cast.support.pk}:{cast.bob.pk}"' in html
    assert f'value="{cast.support.pk}:{cast.alice.pk}"' not in html
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    secret = builders.make_ticket(legal, "lee@example.org")
    html = sign_in(cast.alice).get(at("offer", secret.pk)).content.decode()
    assert f'value="{cast.billing.pk}:"' not in html


def test_who_it_is_offered_to_sees_it_in_the_thread_and_in_a_list(
    cast: Cast, ticket: Ticket
) -> None:
    drafts.save(ticket, by=cast.alice, mode="reply", text="Dear Kim", fields={}, version=0)
    offer = to_billing(ticket, cast)
    charlie = sign_in(cast.charlie)
    assert charlie.get(at("offered")).json() == {"count": 1}
    listing = charlie.get(reverse("conversations:list", args=["offered", "open"])).content.decode()
    assert "Kim Park" in listing
    html = page(cast.charlie, ticket)
    for words in ("Alice offers this to Billing", "Where the parcel is.", "Dear Kim", "Accept"):
        assert words in html
    assert at("recall-offer", offer.pk) not in html
    sender = page(cast.alice, ticket)
    assert "You offer this to Billing" in sender
    assert at("recall-offer", offer.pk) in sender
    assert at("accept-offer", offer.pk) not in sender
    assert sign_in(cast.alice).get(at("offered")).json() == {"count": 0}


def test_the_card_says_how_long_free_text_goes_where(cast: Cast) -> None:
    told: dict[str, Any] = {"kind": "whatsapp", "address": "+842838220000"}
    inbox = builders.make_inbox(cast.support, "Lamps on WhatsApp", **told)
    entry = builders.write_in(inbox, "+84901112223", kind="whatsapp", follows_on=True)
    ticket = ownership.take(builders.ticket_of(entry), by=cast.alice, epoch=1)
    assert entry.identity is not None
    for ago, said in ((1, "free text goes there until"), (25, "only a template goes there now")):
        Window.objects.all().delete()  # a window only grows
        windows.opened(inbox, entry.identity, at=timezone.now() - timedelta(hours=ago))
        offer = offered(ticket, cast)
        html = page(cast.bob, ticket)
        assert re.search(rf"Lamps on WhatsApp, \+84901112223: {said}", html)
        handoffs.recall(offer, by=cast.alice)


def test_only_what_is_offered_is_in_the_list(cast: Cast, ticket: Ticket) -> None:
    charlie = sign_in(cast.charlie)
    rows = reverse("conversations:rows", args=["offered", "open"])
    assert charlie.get(rows).json()["rows"] == []
    offer = to_billing(ticket, cast)
    assert [row["key"] for row in charlie.get(rows).json()["rows"]] == [f"row:{ticket.pk}"]
    told = charlie.get(rows, {"ids": ticket.pk}).json()["rows"]
    assert [row["key"] for row in told] == [f"row:{ticket.pk}"]
    builders.run_out(offer)
    assert charlie.get(rows, {"ids": ticket.pk}).json()["rows"] == []
    for status in ("pending", "resolved"):
        path = reverse("conversations:rows", args=["offered", status])
        assert charlie.get(path).json()["rows"] == []
    charlie.cookies["list"] = "offered.pending"
    assert charlie.get(at("home")).url == reverse("conversations:list", args=["offered", "open"])


def test_the_card_comes_and_goes_by_catching_up(cast: Cast, ticket: Ticket) -> None:
    bob = sign_in(cast.bob)
    head = builders.head_of(ticket.conversation_id)
    offer = offered(ticket, cast)

    def since(rev: int) -> dict[str, Any]:
        path = at("since", ticket.conversation_id)
        answer = bob.get(path, {"rev": rev, "ticket": ticket.pk}).json()
        return {**answer, "rows": {row["key"]: row["html"] for row in answer["rows"]}}

    told = since(head)
    assert "Alice offers this to you" in unescape(told["rows"][f"offer:{offer.pk}"])
    assert f'name="seen" value="{told["head"]}"' in told["rows"][f"offer:{offer.pk}"]
    handoffs.recall(offer, by=cast.alice)
    assert since(told["head"])["rows"][f"offer:{offer.pk}"] == ""


def test_accepting_says_what_comes_next_or_skips_it(cast: Cast, ticket: Ticket) -> None:
    bob = sign_in(cast.bob)
    first = offered(ticket, cast)
    seen = builders.head_of(ticket.conversation_id)
    accept = at("accept-offer", first.pk)
    assert bob.post(accept, {"seen": seen, "restatement": " "}).status_code == 422
    assert bob.post(accept, {"restatement": "I ask them."}).status_code == 422
    assert bob.post(accept, {"seen": 1, "restatement": "I ask them."}).status_code == 409
    assert bob.post(accept, {"seen": seen, "restatement": "I ask them."}).status_code == 302
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    assert "You accepted this: I ask them." in page(cast.bob, ticket)
    again = offered(ticket, cast, cast.alice, by=cast.bob, epoch=3)
    seen = builders.head_of(ticket.conversation_id)
    answer = sign_in(cast.alice).post(at("accept-offer", again.pk), {"seen": seen, "skip": "on"})
    assert answer.status_code == 302
    assert Offer.objects.get(pk=again.pk).restatement == ""
    assert bob.post(accept, {"seen": seen, "skip": "on"}).status_code == 302


@pytest.mark.usefixtures("known_all_along")
def test_cards_of_several_matters_name_them_and_cost_no_query_each(
    cast: Cast, ticket: Ticket
) -> None:
    """Four open matters, of which one is offered, or all."""
    others = [builders.make_ticket(cast.inbox, subject=f"Matter {n}") for n in range(3)]
    offered(ticket, cast)
    client = sign_in(cast.bob)
    path = f"{at('conversation', ticket.conversation_id)}?ticket={ticket.pk}"

    def counted() -> tuple[int, str]:
        client.get(path)  # what is asked now and then only has been asked
        with CaptureQueriesContext(connection) as asked:
            html = client.get(path).content.decode()
        return len(asked), html

    one, _html = counted()
    builders.make_agent("Dana", cast.billing)
    for other in others:
        fields: dict[str, Any] = {"by": cast.alice, "epoch": other.owner_epoch, "packet": PACKET}
        offer = handoffs.offer(other, team=cast.billing, **fields)
        handoffs.decline(offer, by=cast.charlie, reason="Not me.")
    four, html = counted()
    assert html.count("Charlie declined: Not me.") == 3
    for number in range(3):
        assert re.search(f'<section class="offer".*?>Matter {number}</a>', html, re.DOTALL)
    # Who declined is read once for all of them.
    assert four - one <= 2


def test_declining_and_taking_back(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    bob, alice = sign_in(cast.bob), sign_in(cast.alice)
    assert bob.post(at("decline-offer", offer.pk), {"reason": ""}).status_code == 422
    assert bob.post(at("recall-offer", offer.pk)).status_code == 403
    assert alice.post(at("accept-offer", offer.pk), {"seen": 9, "skip": "on"}).status_code == 403
    assert bob.post(at("decline-offer", offer.pk), {"reason": "Lunch."}).status_code == 302
    assert "Bob declined the offer: Lunch." in page(cast.alice, ticket)
    second = offered(ticket, cast, team=cast.billing, packet=PACKET)
    assert alice.post(at("recall-offer", second.pk)).status_code == 302
    assert bob.post(at("decline-offer", second.pk), {"reason": "Late."}).status_code == 403
    states = Offer.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["declined", "recalled"]


def test_leads_look_at_what_nobody_answered(cast: Cast, ticket: Ticket) -> None:
    boss = builders.make_agent("Boss", cast.support, role="supervisor")
    builders.run_out(offered(ticket, cast))
    handoffs.expire_due()
    client = sign_in(boss)
    path = at("unanswered")
    html = unescape(client.get(path).content.decode())
    assert "Kim Park" in html
    assert "Offered by Alice to Bob, now with Alice" in html
    assert f'class="rail-link bad" href="{path}"' in html
    assert path not in sign_in(cast.alice).get("/search/").content.decode()
    alert = Alert.objects.get()
    assert client.post(at("alert-seen", alert.pk)).status_code == 302
    html = client.get(path).content.decode()
    assert "Every offer was answered" in html
    assert "rail-link bad" not in html


def test_a_lead_has_seen_all_that_was_on_the_page(cast: Cast, ticket: Ticket) -> None:
    boss = builders.make_agent("Boss", cast.support, role="supervisor")
    client, path = sign_in(boss), at("unanswered")
    second = ownership.take(
        builders.make_ticket(cast.inbox, "lee@example.org"), by=cast.alice, epoch=1
    )
    for one in (ticket, second):
        builders.run_out(offered(one, cast))
        handoffs.expire_due()
    html = client.get(path).content.decode()
    shown = Alert.objects.order_by("pk").values_list("pk", flat=True)
    assert all(f'name="alert" value="{pk}"' in html for pk in shown)
    sent = {"alert": [*map(str, shown), "x", "9" * 5000]}
    assert sign_in(cast.alice).post(at("alerts-seen"), sent).status_code == 302
    assert Alert.objects.unseen().count() == 2
    assert client.post(at("alerts-seen"), {"alert": [str(shown[0])]}).status_code == 302
    assert Alert.objects.unseen().get().ticket == second
    assert client.post(at("alerts-seen"), sent).status_code == 302
    assert set(Alert.objects.values_list("seen_by", flat=True)) == {boss.pk}


def test_what_the_desk_offered_names_who_left_it(cast: Cast, ticket: Ticket) -> None:
    boss = builders.make_agent("Dana", role="admin")
    people.disable(cast.alice, by=boss)
    builders.run_out(Offer.objects.get())
    handoffs.expire_due()
    html = sign_in(boss).get(at("unanswered")).content.decode()
    assert "Left by Alice and offered to Support, now with Support" in html


def test_an_accepted_offer_is_no_card_any_more(cast: Cast, ticket: Ticket) -> None:
    accepted(offered(ticket, cast), cast.bob)
    assert 'class="offer' not in page(cast.bob, ticket).replace('class="offers"', "")
