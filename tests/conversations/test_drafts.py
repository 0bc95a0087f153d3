from __future__ import annotations

import pytest

from conversations import drafts
from conversations.models import Draft, Ticket
from tests import builders
from tests.builders import Cast


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    return builders.make_ticket(cast.inbox)


def save(ticket: Ticket, cast: Cast, text: str, version: int, mode: str = "reply") -> drafts.Saved:
    return drafts.save(ticket, by=cast.alice, mode=mode, text=text, fields={}, version=version)


def test_a_draft_follows_its_author(cast: Cast, ticket: Ticket) -> None:
    head = builders.head_of(ticket.conversation_id)
    first = save(ticket, cast, "Dear", 0)
    second = save(ticket, cast, "Dear Kim", first.draft.version)
    save(ticket, cast, "Hm", 0, "note")
    assert (first.conflict, second.conflict) == (False, False)
    assert {mode: row.text for mode, row in drafts.drafts_of(ticket, cast.alice).items()} == {
        "reply": "Dear Kim",
        "note": "Hm",
    }
    assert drafts.drafts_of(ticket, cast.bob) == {}
    assert builders.head_of(ticket.conversation_id) == head


def test_a_stale_tab_overwrites_nothing(cast: Cast, ticket: Ticket) -> None:
    first = save(ticket, cast, "Dear", 0).draft.version
    save(ticket, cast, "Dear Kim", first)
    stale = save(ticket, cast, "Dear Ken", first)
    assert (stale.conflict, stale.draft.text) == (True, "Dear Kim")
    assert Draft.objects.get().text == "Dear Kim"
    assert not save(ticket, cast, "Dear Kim", first).conflict


def test_a_discarded_draft_is_gone(cast: Cast, ticket: Ticket) -> None:
    save(ticket, cast, "Dear", 0)
    drafts.discard(ticket, by=cast.alice, mode="reply")
    drafts.discard(ticket, by=cast.alice, mode="reply")
    assert drafts.drafts_of(ticket, cast.alice) == {}
