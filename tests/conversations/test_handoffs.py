from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, connection, transaction
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations import (
    attachments,
    drafts,
    handoffs,
    ownership,
    permissions,
    replies,
    shifts,
    tickets,
    windows,
)
from conversations.errors import BadInput, Moved, NotAllowed, OfferOver, StaleContext, StaleOwner
from conversations.models import (
    Bot,
    HeldSend,
    HeldState,
    Offer,
    Ownership,
    Ticket,
)
from conversations.models.offers import MEANT
from conversations.packets import Line, Packet
from conversations.rota import Stretch
from conversations.thread import SYSTEM, database_now, locked
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched
from tests.conversations.offering import PACKET, accepted, offered, owner, to_billing
from tests.conversations.on_shift import shift_of

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    """Alice's."""
    return ownership.take(builders.make_ticket(cast.inbox), by=cast.alice, epoch=1)


# Offering


def test_the_sender_stays_responsible_while_it_is_offered(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen:
        offer = offered(ticket, cast)
    assert (seen.kinds, seen.raised) == (["offered"], 2)
    assert seen.entries[0].actor == cast.alice.actor
    assert seen.entries[0].data["to_name"] == "Bob"
    assert owner(ticket) == (cast.support.pk, cast.alice.pk)
    assert (offer.from_agent, offer.from_epoch, offer.warm) == (cast.alice, 2, True)
    assert offer.expires_at - offer.offered_at == handoffs.ANSWER_WITHIN


def test_pressing_twice_offers_once(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen:
        assert offered(ticket, cast) == offered(ticket, cast)
    assert seen.kinds == ["offered"]


def test_what_is_offered_is_not_offered_to_others(cast: Cast, ticket: Ticket) -> None:
    offered(ticket, cast)
    with watched(ticket) as seen, pytest.raises(BadInput, match="to Bob already"):
        to_billing(ticket, cast)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_direct_the_team_answers_until_somebody_accepts(cast: Cast, ticket: Ticket) -> None:
    with watched(ticket) as seen:
        offer = offered(ticket, cast, warm=False)
    assert seen.kinds == ["released", "offered"]
    assert owner(ticket) == (cast.support.pk, None)
    assert (offer.from_agent, offer.from_epoch) == (cast.alice, 3)


def test_the_same_in_another_way_is_another_offer(cast: Cast, ticket: Ticket) -> None:
    offered(ticket, cast)
    with pytest.raises(BadInput, match="to Bob already"):
        offered(ticket, cast, warm=False)


def test_offering_on_a_stale_page_is_refused(cast: Cast, ticket: Ticket) -> None:
    ownership.assign(ticket, to=cast.bob, by=cast.bob, epoch=2)
    with watched(ticket) as seen, pytest.raises(StaleOwner):
        to_billing(ticket, cast)
    assert (seen.kinds, seen.raised) == ([], 0)


def test_who_can_not_take_it_over_is_offered_nothing(cast: Cast, ticket: Ticket) -> None:
    empty = builders.make_team("Empty")
    gone = builders.make_agent("Gone", cast.support)
    ownership.disable(gone, by=cast.bob)
    done = builders.make_ticket(cast.inbox, "done@example.org")
    tickets.resolve(done, by=cast.alice)
    free = builders.make_ticket(cast.inbox, "free@example.org")
    attempts: list[Callable[[], object]] = [
        lambda: offered(ticket, cast, cast.alice),
        lambda: offered(ticket, cast, cast.charlie),
        lambda: offered(ticket, cast, gone),
        lambda: to_billing(ticket, cast, team=empty),
        lambda: offered(done, cast, epoch=1),
        lambda: offered(free, cast, team=cast.support, epoch=1),
        lambda: offered(ticket, cast, within=timedelta(0)),
        lambda: offered(ticket, cast, within=timedelta(hours=25)),
    ]
    for attempt in attempts:
        with watched(ticket) as seen, pytest.raises(BadInput):
            attempt()
        assert (seen.kinds, seen.raised) == ([], 0)
    assert not Offer.objects.exists()


def test_a_restricted_ticket_is_offered_within_its_team(cast: Cast) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    secret = ownership.take(builders.make_ticket(legal), by=cast.alice, epoch=1)
    with pytest.raises(BadInput):
        to_billing(secret, cast)
    offer = offered(secret, cast)
    with pytest.raises(Http404):
        permissions.offer_for(cast.charlie, offer.pk)
    assert permissions.offer_for(cast.bob, offer.pk, to="answer") == offer


def test_a_bot_stays_responsible_too(cast: Cast) -> None:
    bot = Bot.objects.create(name="Helper", team=cast.support)
    ticket = builders.make_ticket(cast.inbox)
    ticket = of_a_bot(cast, bot)
    offer = to_billing(ticket, cast, warm=False)
    assert (offer.from_agent, offer.from_bot) == (None, bot)
    handoffs.recall(offer, by=cast.alice)
    assert Ticket.objects.get(pk=ticket.pk).bot == bot


def test_a_bot_that_was_switched_off_gets_nothing_back(cast: Cast) -> None:
    bot = Bot.objects.create(name="Helper", team=cast.support)
    ticket = of_a_bot(cast, bot)
    offer = to_billing(ticket, cast, warm=False)
    Bot.objects.update(is_active=False)
    handoffs.recall(offer, by=cast.alice)
    after = Ticket.objects.get(pk=ticket.pk)
    assert (after.team, after.bot) == (cast.support, None)


def of_a_bot(cast: Cast, bot: Bot) -> Ticket:
    ticket = builders.make_ticket(cast.inbox)
    with locked(ticket.origin_id) as thread:
        fresh = Ticket.objects.select_related("team").get(pk=ticket.pk)
        ownership.apply(thread, fresh, "assigned", by=SYSTEM, team=cast.support, bot=bot)
    return ticket


# The packet


def test_another_team_gets_a_packet(cast: Cast, ticket: Ticket) -> None:
    for packet in (None, Packet(asks=Line("Where?"), next=Line("Ask."), mood=Line("Cross."))):
        with pytest.raises(BadInput):
            to_billing(ticket, cast, packet=packet)
    assert Packet.of(to_billing(ticket, cast).packet) == PACKET


def test_who_goes_on_after_a_bot_gets_a_packet(cast: Cast) -> None:
    ticket = of_a_bot(cast, Bot.objects.create(name="Helper", team=cast.support))
    with pytest.raises(BadInput, match="what the customer asks"):
        offered(ticket, cast)
    assert offered(ticket, cast, packet=PACKET).to_agent == cast.bob


def test_a_packet_of_sixty_words_is_read(cast: Cast, ticket: Ticket) -> None:
    with pytest.raises(BadInput, match="61 words"):
        offered(ticket, cast, packet=Packet(asks=Line("a " * 30), done=Line("b " * 31)))
    assert offered(ticket, cast, packet=Packet(asks=Line("a " * 30), done=Line("b " * 30)))


def test_lines_point_to_entries_of_this_conversation(cast: Cast, ticket: Ticket) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    secret = builders.write_in(legal)
    elsewhere = builders.write_in(cast.inbox, "lee@example.org")
    for entry in (secret.pk, elsewhere.pk, 10**9):
        with pytest.raises(BadInput):
            offered(ticket, cast, packet=Packet(asks=Line("Where?", (entry,))))
    own = builders.newest_of(ticket).pk
    with pytest.raises(BadInput):
        offered(ticket, cast, packet=Packet(asks=Line(" ", (own,))))
    offer = offered(ticket, cast, packet=Packet(asks=Line(" Where\nis it? ", (own, own))))
    assert offer.packet["asks"] == {"text": "Where is it?", "entries": [own]}


def test_the_desk_adds_what_it_knows(cast: Cast, ticket: Ticket) -> None:
    legal = builders.make_inbox(cast.support, "Legal", restriction="legal")
    builders.make_ticket(legal)
    other = builders.make_ticket(cast.inbox, subject="Another matter")
    drafts.save(ticket, by=cast.alice, mode="reply", text="Dear Kim", fields={}, version=0)
    drafts.save(ticket, by=cast.bob, mode="note", text="Not hers", fields={}, version=0)
    head = builders.head_of(ticket.conversation_id)
    offer = offered(ticket, cast)
    assert offer.packet_head == head
    (draft,) = offer.gathered["drafts"]
    assert (draft["agent_name"], draft["mode"], draft["text"]) == ("Alice", "reply", "Dear Kim")
    assert [row["ticket"] for row in offer.gathered["deadlines"]] == [ticket.pk, other.pk]
    (identity,) = offer.gathered["identities"]
    assert (identity["shown"], identity["proof"]) == ("kim@example.org", "aligned")


def test_it_says_how_long_they_can_be_written_to_freely(cast: Cast, ticket: Ticket) -> None:
    inbox, secret = (
        builders.make_inbox(cast.support, name, kind="whatsapp", **told)
        for name, told in (
            ("Lamps on WhatsApp", {"address": "+842838220000"}),
            ("Legal on WhatsApp", {"address": "+842838220001", "restriction": "legal"}),
        )
    )
    entry = builders.write_in(inbox, "+84901112223", kind="whatsapp", follows_on=True)
    identity = entry.identity
    assert identity is not None
    now = timezone.now()
    for number, one in enumerate((inbox, secret)):
        windows.opened(one, identity, at=now - timedelta(hours=number))
    theirs = builders.ticket_of(entry)
    offer = offered(ownership.take(theirs, by=cast.alice, epoch=1), cast)
    (window,) = offer.gathered["windows"]
    assert (window["inbox_name"], window["shown"]) == ("Lamps on WhatsApp", "+84901112223")
    assert datetime.fromisoformat(window["closes_at"]) == now + timedelta(hours=24)
    assert offered(ticket, cast).gathered["windows"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"packet": {}},
        {"gathered": {}},
        {"packet_head": 0},
        {"from_epoch": 1},
        {"to_agent": None},
        {"offered_by": None},
    ],
)
def test_what_was_offered_is_frozen(cast: Cast, ticket: Ticket, change: dict[str, Any]) -> None:
    offer = offered(ticket, cast)
    with pytest.raises(Error, match="Cannot update"), transaction.atomic():
        Offer.objects.filter(pk=offer.pk).update(**change)


def test_a_closed_offer_never_changes_and_none_is_deleted(cast: Cast, ticket: Ticket) -> None:
    offer = handoffs.recall(offered(ticket, cast), by=cast.alice)
    for change in ({"state": "offered", "closed_at": None}, {"rev": 10**6}):
        with pytest.raises(Error, match="Cannot update"), transaction.atomic():
            Offer.objects.filter(pk=offer.pk).update(**change)
    with pytest.raises(Error, match="Cannot delete"), transaction.atomic():
        offer.delete()


# Accepting


def test_who_accepts_owns_it(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    deadline = Ticket.objects.get(pk=ticket.pk).deadline_at
    head = builders.head_of(ticket.conversation_id)
    with watched(ticket) as seen:
        after = accepted(offer, cast.bob, restatement=" I ask\nthe carrier. ")
        accepted(offer, cast.bob, restatement="Again")
    assert (seen.kinds, seen.raised) == (["offer_accepted"], 3)
    assert seen.entries[0].data["restatement"] == "I ask the carrier."
    assert (after.state, after.closed_by, after.seen_head) == ("accepted", cast.bob, head)
    assert (after.accept_epoch, after.restatement) == (3, "I ask the carrier.")
    assert owner(ticket) == (cast.support.pk, cast.bob.pk)
    assert Ticket.objects.get(pk=ticket.pk).deadline_at == deadline
    assert Ownership.objects.get(ticket=ticket, epoch=3).agent == cast.bob


def test_skipping_is_said(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    with pytest.raises(BadInput):
        accepted(offer, cast.bob, restatement="  ")
    assert accepted(offer, cast.bob, restatement=None).restatement == ""


def test_the_first_of_a_team_has_it(cast: Cast, ticket: Ticket) -> None:
    dana = builders.make_agent("Dana", cast.billing)
    offer = to_billing(ticket, cast)
    accepted(offer, dana)
    with watched(ticket) as seen, pytest.raises(OfferOver):
        accepted(offer, cast.charlie)
    assert (seen.kinds, seen.raised) == ([], 0)
    assert owner(ticket) == (cast.billing.pk, dana.pk)


def test_only_who_is_asked_answers(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    eve = builders.make_agent("Eve", cast.support)
    for agent in (cast.alice, cast.charlie, eve):
        with watched(ticket) as seen, pytest.raises(NotAllowed):
            accepted(offer, agent)
        with pytest.raises(NotAllowed):
            handoffs.decline(offer, by=agent, reason="No.")
        assert (seen.kinds, seen.raised) == ([], 0)
    mine = handoffs.recall(offer, by=cast.alice)
    mine = offered(ticket, cast, team=cast.support)
    with pytest.raises(NotAllowed):
        accepted(mine, cast.alice)


def test_both_spellings_of_who_is_asked_say_the_same(cast: Cast, ticket: Ticket) -> None:
    dana, eve = (builders.make_agent(name, cast.billing) for name in ("Dana", "Eve"))
    gone = builders.make_agent("Gone", cast.billing, is_active=False)
    everybody = (cast.alice, cast.bob, cast.charlie, dana, eve, gone)

    def asked(offer: Offer) -> set[str]:
        found = {who for who in everybody if Offer.objects.filter(pk=offer.pk).to(who).exists()}
        with connection.cursor() as cursor:
            for who in everybody:
                told = {"offer": offer.pk, "agent": who.pk}
                cursor.execute(
                    f"SELECT {MEANT} FROM conversations_offer o WHERE o.id = %(offer)s", told
                )
                assert cursor.fetchone()[0] is (who in found), who
        return {who.name for who in found}

    by_name = offered(ticket, cast)
    assert asked(by_name) == {"Bob"}
    handoffs.recall(by_name, by=cast.alice)
    to_team = to_billing(ticket, cast)
    assert asked(to_team) == {"Charlie", "Dana", "Eve"}
    handoffs.decline(to_team, by=cast.charlie, reason="No.")
    assert asked(to_team) == {"Dana", "Eve"}
    accepted(to_team, dana)
    late = shift_of(cast.billing, "Late", cast.charlie, dana)
    stretch = Stretch(late, database_now(), database_now() + timedelta(hours=1))
    told: dict[str, Any] = {"by": dana, "epoch": 3, "packet": PACKET}
    to_shift = handoffs.offer(ticket, team=cast.billing, shift=stretch, **told)
    assert asked(to_shift) == {"Charlie"}
    shifts.remove_shift(late, by=cast.charlie)
    assert asked(to_shift) == set()


def test_accepting_asks_little(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    head = builders.head_of(ticket.conversation_id)
    found = permissions.offer_for(cast.bob, offer.pk, to="answer")
    with CaptureQueriesContext(connection) as asked:
        handoffs.accept(found, by=cast.bob, seen_head=head, restatement="I ask the carrier.")
    assert len(asked) <= 13, [row["sql"] for row in asked.captured_queries]


def test_nobody_accepts_what_they_have_not_on_screen(cast: Cast, ticket: Ticket) -> None:
    before = builders.head_of(ticket.conversation_id) - 1
    offer = offered(ticket, cast)
    for head in (before, builders.head_of(ticket.conversation_id) + 1):
        with watched(ticket) as seen, pytest.raises(Moved):
            accepted(offer, cast.bob, seen_head=head)
        assert (seen.kinds, seen.raised) == ([], 0)


def test_a_message_meanwhile_does_not_stop_it(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    head = builders.head_of(ticket.conversation_id)
    builders.write_in(cast.inbox, tokens=(ticket.token_id,))
    assert accepted(offer, cast.bob, seen_head=head).seen_head == head


def test_past_its_time_it_is_not_accepted_though_no_sweep_ran(cast: Cast, ticket: Ticket) -> None:
    offer = builders.run_out(offered(ticket, cast))
    with watched(ticket) as seen, pytest.raises(OfferOver):
        accepted(offer, cast.bob)
    with pytest.raises(OfferOver):
        handoffs.decline(offer, by=cast.bob, reason="Late.")
    assert (seen.kinds, seen.raised) == ([], 0)


def test_whoever_was_answering_reads_that_it_changed_hands(cast: Cast, ticket: Ticket) -> None:
    offer = offered(ticket, cast)
    head = builders.head_of(ticket.conversation_id)
    accepted(offer, cast.bob)
    with pytest.raises(StaleContext):
        builders.answer(
            ticket,
            by=cast.alice,
            inbox=cast.inbox,
            to=builders.identity_of(),
            seen_head=head,
        )


def test_drafts_go_along_with_their_files(cast: Cast, ticket: Ticket) -> None:
    file = attachments.upload(SimpleUploadedFile("a.txt", b"abc"), by=cast.alice)
    kept = {"files": [str(file.public_id), "nonsense"]}
    drafts.save(ticket, by=cast.alice, mode="reply", text="Dear Kim", fields=kept, version=0)
    drafts.save(ticket, by=cast.alice, mode="note", text="Careful", fields={}, version=0)
    drafts.save(ticket, by=cast.bob, mode="reply", text="Hello", fields={"files": []}, version=0)
    accepted(offered(ticket, cast), cast.bob)
    assert drafts.drafts_of(ticket, cast.alice) == {}
    moved = drafts.drafts_of(ticket, cast.bob)
    assert (moved["reply"].text, moved["note"].text) == ("Dear Kim\n\nHello", "Careful")
    assert moved["reply"].fields["files"] == kept["files"]
    assert permissions.attachment_for(cast.bob, file.public_id) == file


def test_so_do_those_of_who_made_the_offer(cast: Cast, ticket: Ticket) -> None:
    """A supervisor hands Alice's over, and had begun an answer."""
    boss = builders.make_agent("Boss", cast.support, role="supervisor")
    drafts.save(ticket, by=boss, mode="reply", text="From above", fields={}, version=0)
    drafts.save(ticket, by=cast.alice, mode="reply", text="Dear Kim", fields={}, version=0)
    accepted(offered(ticket, cast, by=boss), cast.bob)
    assert drafts.drafts_of(ticket, boss) == drafts.drafts_of(ticket, cast.alice) == {}
    assert drafts.drafts_of(ticket, cast.bob)["reply"].text == "From above\n\nDear Kim"


def test_what_waits_to_be_sent_stops_and_goes_along(cast: Cast, ticket: Ticket) -> None:
    slow = builders.make_inbox(cast.support, undo_window=timedelta(minutes=5))
    token = uuid.uuid4()
    fields: dict[str, Any] = {"inbox": slow, "to": builders.identity_of(), "client_token": token}
    held = builders.answer(ticket, by=cast.alice, **fields)
    assert isinstance(held, HeldSend)
    with watched(ticket):
        accepted(offered(ticket, cast), cast.bob)
    held.refresh_from_db()
    assert (held.state, held.agent) == (HeldState.STOPPED, cast.bob)
    with pytest.raises(NotAllowed):
        permissions.held_for(cast.alice, held.pk)
    assert builders.answer(ticket, by=cast.alice, **fields) == held
    sent = replies.send_held(held, seen_head=builders.head_of(ticket.conversation_id))
    assert sent is not None
    assert (sent.actor, sent.client_token) == (cast.bob.actor, token)
    assert builders.answer(ticket, by=cast.alice, **fields) == sent
