"""More of what comes in: quotes, reactions, places, and what was written in the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conversations.errors import BadInput
from conversations.models import Entry, Inbox, Window
from helpdesk.sandbox.whatsapp import WhatsAppSandbox
from tests.channels_inbox.providers.conftest import Place, connected

if TYPE_CHECKING:
    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db


def test_an_answer_to_a_message_shows_which(place: Place, sandbox: WhatsAppSandbox) -> None:
    delivery = place.send(place.answer("Which lamp is it?"))
    sandbox.under(delivery.provider_id, "The red one")
    place.work()
    assert place.messages()[-1].data["quotes"] == {
        "entry": delivery.entry_id,
        "text": "Which lamp is it?",
        "ours": True,
    }


def test_what_only_a_team_may_read_is_quoted_to_nobody_else(
    sandbox: WhatsAppSandbox, cast: Cast, admin: Agent
) -> None:
    """An inbox that is opened to all takes nothing along of what was said before."""
    place = connected(sandbox, cast, admin, restriction="health")
    name = sandbox.says("I am ill")
    place.work()
    sandbox.under(name, "Very")
    place.work()
    Inbox.objects.update(restriction="")
    sandbox.under(name, "And now?")
    place.work()
    quoted = [one.data.get("quotes", {}).get("text", "") for one in place.messages()]
    assert quoted == ["", "I am ill", ""]
    [seen] = Entry.objects.visible_to(cast.charlie).filter(kind="message")
    assert seen.text == "And now?"


def test_a_reaction_and_a_deletion_are_shown(place: Place, sandbox: WhatsAppSandbox) -> None:
    delivery = place.send(place.answer("Sent today"))
    told = {"message_id": delivery.provider_id, "emoji": "👍"}
    sandbox.writes(type="reaction", reaction=told)
    name = place.messages()[0].arrivals.get().external_id
    sandbox.writes(type="revoke", revoke={"original_message_id": name})
    place.work()
    assert Entry.objects.get(event="reacted").data["emoji"] == "👍"
    assert place.messages()[0].withdrawn_at is not None


def test_places_contacts_and_choices_are_words(place: Place, sandbox: WhatsAppSandbox) -> None:
    where = {"latitude": 10.77, "longitude": 106.7, "name": "Chợ Bến Thành"}
    sandbox.writes(type="location", location=where)
    contact = {"name": {"formatted_name": "Lan"}, "phones": [{"phone": "+84 90 111"}]}
    sandbox.writes(type="contacts", contacts=[contact])
    chosen = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Có"}}
    sandbox.writes(type="interactive", interactive=chosen)
    sandbox.writes(type="unsupported", errors=[{"code": 131051, "title": "Unknown"}])
    place.work()
    told = [one.text for one in place.messages()[1:]]
    assert "Chợ Bến Thành" in told[0]
    assert "Lan" in told[1]
    assert told[2:] == ["Có", ""]


def test_what_was_written_in_the_app_is_shown_as_ours(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    name = sandbox.echoes(type="text", text={"body": "From my phone"})
    place.work()
    entry = place.messages()[-1]
    assert (entry.text, entry.direction, entry.data["echo"]) == ("From my phone", "out", True)
    new = {"type": "text", "text": {"body": "From my own phone"}}
    sandbox.echoes(type="edit", edit={"original_message_id": name, "message": new})
    place.work()
    entry.refresh_from_db()
    assert entry.text == "From my own phone"
    sandbox.echoes(type="revoke", revoke={"original_message_id": name})
    place.work()
    entry.refresh_from_db()
    assert entry.withdrawn_at is not None
    # It is no window that a message of ours opens.
    assert Window.objects.count() == 1


def test_more_than_a_message_holds_is_refused_before_anything_is_sent(
    place: Place, sandbox: WhatsAppSandbox
) -> None:
    with pytest.raises(BadInput, match="4097 letters; one message takes 4096"):
        place.answer("x" * 4097)
    assert place.send(place.answer("x" * 4096)).state == "sent"
