from __future__ import annotations

from datetime import timedelta

import pytest

from conversations import customers, intake, merges, tickets
from conversations.models import (
    Arrival,
    Conversation,
    Customer,
    Delivery,
    Entry,
    Identity,
    Ticket,
)
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched
from tests.properties import laws


def test_a_first_message_makes_a_customer_a_conversation_and_a_ticket(cast: Cast) -> None:
    entry = builders.write_in(cast.inbox, label="Kim Lee", subject="Late")
    ticket = builders.ticket_of(entry)
    identity = Identity.objects.get()
    assert (Customer.objects.get().name, identity.value) == ("Kim Lee", "kim@example.org")
    assert (identity.proof, identity.wrote_at is not None) == ("aligned", True)
    assert (ticket.subject, ticket.team, ticket.status) == ("Late", cast.support, "open")
    assert ticket.newest == entry
    events = Entry.objects.order_by("at").values_list("kind", "event", "seq")
    assert list(events) == [("event", "opened", 1), ("message", "", 2)]
    laws.check()


def test_the_same_message_again_is_a_duplicate(cast: Cast) -> None:
    message = builders.inbound(cast.inbox)
    first = intake.receive(message)
    with watched(builders.ticket_of(first.entry)) as seen:
        again = intake.receive(message)
    assert (again.state, again.entry) == (intake.DUPLICATE, first.entry)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_the_same_mail_at_another_inbox_is_named_on_the_entry(cast: Cast) -> None:
    other = builders.make_inbox(cast.billing, "Billing mail")
    first = intake.receive(builders.inbound(cast.inbox, external_id="<1>")).entry
    with watched(builders.ticket_of(first)) as seen:
        for _ in range(2):
            again = intake.receive(builders.inbound(other, external_id="<1>"))
            assert again.state == intake.DUPLICATE
    assert first is not None
    first.refresh_from_db()
    assert first.data["also_at"] == ["Billing mail"]
    assert (seen.kinds, seen.raised) == ([], 1)
    assert Arrival.objects.count() == 2


def test_a_restricted_inbox_keeps_its_own_copy(cast: Cast) -> None:
    legal = builders.make_inbox(cast.billing, "Legal", restriction="legal")
    states = [
        intake.receive(builders.inbound(inbox, external_id="<1>")).state
        for inbox in (cast.inbox, legal)
    ]
    assert states == [intake.THREADED, intake.THREADED]
    assert set(Ticket.objects.values_list("restriction", flat=True)) == {"", "legal"}
    assert Conversation.objects.count() == 1


def test_a_mail_without_a_hint_opens_a_ticket(cast: Cast) -> None:
    first, second = (builders.make_ticket(cast.inbox) for _ in range(2))
    assert first != second
    assert first.conversation == second.conversation


def test_a_token_of_its_own_conversation_is_followed(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    with watched(ticket) as seen:
        entry = builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert entry.ticket == ticket
    assert (seen.kinds, seen.raised) == (["in"], 2)


def test_a_token_in_a_stranger_s_hands_is_only_a_suggestion(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    with watched(ticket) as seen:
        entry = builders.write_in(cast.inbox, "eve@example.org", tokens=(ticket.token_id,))
    assert seen.raised == 0
    assert entry.conversation != ticket.conversation
    assert builders.ticket_of(entry).suggests == ticket


def test_a_reference_of_the_customer_s_own_making_suggests_nothing(cast: Cast) -> None:
    first = builders.write_in(cast.inbox, names=("<theirs>",))
    entry = builders.write_in(cast.inbox, "eve@example.org", replies_to=("<theirs>",))
    assert builders.ticket_of(entry).suggests is None
    answer = builders.write_in(cast.inbox, replies_to=("<theirs>",))
    assert answer.ticket == first.ticket


def test_of_many_references_the_newest_counts(cast: Cast) -> None:
    builders.write_in(cast.inbox, names=("<1>",))
    newer = builders.write_in(cast.inbox, names=("<2>",))
    answer = builders.write_in(cast.inbox, replies_to=("<1>", "<2>"))
    assert answer.ticket == newer.ticket


def test_a_restricted_ticket_is_never_suggested_to_an_open_inbox(cast: Cast) -> None:
    legal = builders.make_inbox(cast.billing, "Legal", restriction="legal")
    secret = builders.make_ticket(legal)
    entry = builders.write_in(cast.inbox, "eve@example.org", tokens=(secret.token_id,))
    assert builders.ticket_of(entry).suggests is None


def test_a_resolved_ticket_opens_again_for_a_while_only(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    tickets.resolve(ticket, by=cast.alice)
    Ticket.objects.update(resolved_at=database_now() - timedelta(hours=73))
    entry = builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert entry.ticket != ticket
    ticket.refresh_from_db()
    assert ticket.is_resolved


def test_a_chat_follows_its_sender_s_newest_ticket(cast: Cast) -> None:
    texts = builders.make_inbox(cast.support, "Texts", kind="sms")
    fields = {"kind": "phone", "follows_on": True}
    first = builders.write_in(texts, "+84901111111", **fields)
    builders.make_ticket(cast.inbox, "other@example.org")
    assert builders.write_in(texts, "+84901111111", **fields).ticket == first.ticket


def test_a_chat_joins_the_only_unresolved_ticket(cast: Cast) -> None:
    texts = builders.make_inbox(cast.support, "Texts", kind="sms")
    ticket = builders.make_ticket(cast.inbox)
    phone = customers.Address("phone", "+84901111111")
    customers.add_address(ticket.conversation, phone, by=cast.alice)
    entry = builders.write_in(texts, "+84901111111", kind="phone", follows_on=True)
    assert entry.ticket == ticket


def test_a_chat_never_joins_a_ticket_of_another_restricted_inbox(cast: Cast) -> None:
    legal = builders.make_inbox(cast.billing, "Legal", restriction="legal")
    other = builders.make_inbox(cast.support, "Other legal", kind="sms", restriction="legal")
    secret = builders.make_ticket(legal)
    phone = customers.Address("phone", "+84901111111")
    customers.add_address(secret.conversation, phone, by=cast.charlie)
    entry = builders.write_in(other, "+84901111111", kind="phone", follows_on=True)
    assert entry.ticket != secret
    assert builders.ticket_of(entry).team == cast.support


def test_an_automatic_reply_is_shown_and_changes_nobody_s_turn(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    tickets.set_pending(ticket, by=cast.alice)
    with watched(ticket) as seen:
        builders.write_in(cast.inbox, tokens=(ticket.token_id,), quiet="auto_reply")
    ticket.refresh_from_db()
    assert (seen.kinds, ticket.status) == (["in"], "pending")


@pytest.mark.parametrize("reason", ["auto_reply", "spam"])
def test_what_is_ignored_leaves_no_customer_behind(cast: Cast, reason: str) -> None:
    outcome = intake.receive(builders.inbound(cast.inbox, quiet=reason))
    assert (outcome.state, outcome.reason) == (intake.IGNORED, reason)
    assert (Customer.objects.count(), Identity.objects.count()) == (0, 0)


def test_a_blocked_sender_is_ignored_unless_asked_for_by_hand(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    customers.block(builders.identity_of(), by=cast.alice)
    message = builders.inbound(cast.inbox)
    with watched(ticket) as seen:
        outcome = intake.receive(message)
    assert (outcome.state, outcome.reason) == (intake.IGNORED, "blocked_sender")
    assert seen.raised == 0
    assert intake.receive(message, by_hand=True).state == intake.THREADED


def test_the_best_proof_is_kept(cast: Cast) -> None:
    for proof in ("claimed", "verified", "aligned"):
        builders.write_in(cast.inbox, proof=proof)
    assert builders.identity_of().proof == "verified"
    assert list(
        Entry.objects.filter(direction="in").order_by("at").values_list("proof", flat=True)
    ) == ["claimed", "verified", "aligned"]


def test_files_come_with_changes_of_their_own(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    files = (
        intake.InboundFile("a.txt", "text/plain", 3, "there/1"),
        intake.InboundFile("b.exe", "text/plain", 3, "there/2", refused="too large"),
    )
    with watched(ticket) as seen:
        entry = builders.write_in(cast.inbox, tokens=(ticket.token_id,), files=files)
    assert seen.raised == 4
    states = entry.attachments.order_by("position").values_list("state", "reason")
    assert list(states) == [("pending", ""), ("refused", "too large")]


def sent(cast: Cast, ticket: Ticket, provider_id: str = "<ours>") -> Delivery:
    entry = builders.answer(ticket, by=cast.alice, inbox=cast.inbox, to=builders.identity_of())
    Delivery.objects.filter(entry_id=entry.pk).update(
        state="sent", provider_id=provider_id, sent_at=database_now()
    )
    return Delivery.objects.get(entry_id=entry.pk)


def bounce(**fields: object) -> intake.Outcome:
    told = {
        "names": ["<ours>"],
        "recipients": ["kim@example.org"],
        "reason": "No such user",
        "temporary": False,
        **fields,
    }
    return intake.bounced(**told)  # type: ignore[arg-type]


def test_a_bounce_marks_the_address_and_makes_it_our_turn(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    delivery = sent(cast, ticket)
    with watched(ticket) as seen:
        assert bounce().state == intake.THREADED
    delivery.refresh_from_db()
    ticket.refresh_from_db()
    assert seen.kinds == ["bounced"]
    assert (delivery.state, ticket.status) == ("failed", "open")
    assert builders.identity_of().undeliverable_reason == "No such user"


def test_a_delay_is_told_and_changes_nothing(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    delivery = sent(cast, ticket)
    with watched(ticket) as seen:
        bounce(temporary=True)
    delivery.refresh_from_db()
    assert (seen.kinds, delivery.state) == (["delayed"], "sent")


def test_a_bounce_about_another_address_marks_nothing(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    delivery = sent(cast, ticket)
    bounce(recipients=["victim@example.org"])
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert builders.identity_of().undeliverable_at is None


def test_a_bounce_of_unknown_mail_is_ignored(cast: Cast) -> None:
    assert bounce().reason == "bounce_of_unknown_mail"


def test_a_bounce_finds_its_entry_after_a_join(cast: Cast) -> None:
    ticket = builders.make_ticket(cast.inbox)
    sent(cast, ticket)
    other = builders.make_ticket(cast.inbox, "other@example.org")
    merges.merge(ticket.conversation, other.conversation, by=cast.alice, reason="one")
    assert bounce().state == intake.THREADED
    laws.check()
