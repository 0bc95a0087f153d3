"""Calls for tests: a telephone of Support, notes of calls and what a telephone system tells."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from conversations import calls, telephony
from conversations.customers import Address
from tests.builders import make_inbox

if TYPE_CHECKING:
    from conversations.intake import Outcome
    from conversations.models import Entry, Inbox
    from tests.builders import Cast

NUMBER = "+84901112223"


def make_phone(cast: Cast, **fields: Any) -> Inbox:
    told = {"kind": "phone", "address": "+842873001234", **fields}
    return make_inbox(told.pop("team", cast.support), "Hotline", **told)


def note(inbox: Inbox, **fields: Any) -> calls.CallNote:
    told = {
        "direction": "in", "outcome": "talked", "number": NUMBER, "summary": "The lamp is late.",
    }  # fmt: skip
    return calls.CallNote(inbox=inbox, **{**told, **fields})


def noted(cast: Cast, inbox: Inbox, **fields: Any) -> Entry:
    told = {"by": cast.alice, "client_token": uuid.uuid4(), "ticket": None}
    given = {name: fields.pop(name, told[name]) for name in told}
    return calls.write_down(note(inbox, **fields), **given)


def tells(inbox: Inbox, state: str, **fields: Any) -> Outcome:
    told = {"name": "C1", "direction": "in", "other": Address("phone", NUMBER)}
    return telephony.called(inbox, telephony.Called(state=state, **{**told, **fields}))
