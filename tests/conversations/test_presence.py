"""Who is here, what they chose to be, and how colleagues hear of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.test import Client

from conversations import ownership, presence
from conversations.consumers import desk as desk_socket
from conversations.errors import BadInput
from conversations.models import Agent, Presence
from tests.builders import Cast, make_ticket
from tests.conversations.bells import listening
from tests.conversations.desk import sign_in
from tests.conversations.live import Page, Web
from tests.conversations.shifting import comes, vanishes
from tests.patience import PATIENCE


def test_a_choice_counts_while_the_lease_lasts(cast: Cast) -> None:
    assert presence.states([cast.alice.pk]) == {}
    comes(cast.alice)
    for state in ("away", "transfers", "offline", "online"):
        presence.choose(cast.alice, state)
        assert presence.states([cast.alice.pk]) == {cast.alice.pk: state}
        assert Agent.objects.get(pk=cast.alice.pk).chosen_state == state
    presence.choose(cast.alice, "away")
    vanishes(cast.alice)
    assert presence.states([cast.alice.pk]) == {cast.alice.pk: "offline"}
    assert Agent.objects.get(pk=cast.alice.pk).chosen_state == "away"
    presence.renew([cast.alice.pk])
    assert presence.states([cast.alice.pk]) == {cast.alice.pk: "away"}


def test_nonsense_is_no_state(cast: Cast) -> None:
    comes(cast.alice, state="away")
    with pytest.raises(BadInput):
        presence.choose(cast.alice, "asleep")
    assert Agent.objects.get(pk=cast.alice.pk).chosen_state == "away"


def test_the_same_choice_again_keeps_its_time(cast: Cast) -> None:
    comes(cast.alice, state="offline")
    since = Presence.objects.get(pk=cast.alice.pk).told_at
    presence.choose(cast.alice, "offline")
    assert Presence.objects.get(pk=cast.alice.pk).told_at == since


def test_every_change_is_told_once(desk: Cast) -> None:
    with listening() as heard:
        comes(desk.alice)
        presence.renew([desk.alice.pk])
        presence.choose(desk.alice, "away")
        presence.choose(desk.alice, "away")
        vanishes(desk.alice)
        assert presence.tell_changes() == 1
        assert presence.tell_changes() == 0
        presence.renew([desk.alice.pk])
        told = [one["state"] for one in heard.told("presence")]
    # Bells that wait for the sender become one; the last of them always counts.
    assert told[-1] == "away"
    assert Presence.objects.get(pk=desk.alice.pk).told == "away"


def test_who_is_disabled_is_offline(cast: Cast) -> None:
    comes(cast.bob)
    ownership.disable(cast.bob, by=cast.alice)
    assert presence.states([cast.bob.pk]) == {cast.bob.pk: "offline"}
    assert presence.online() == frozenset()
    presence.renew([cast.bob.pk])
    assert Presence.objects.get(pk=cast.bob.pk).told == "offline"


def test_colleagues_hear_of_it_on_their_pages(desk: Cast, running: Web) -> None:
    page = Page.of(running, desk.alice)
    comes(desk.bob)
    assert page.hear("presence", agent=desk.bob.pk, state="online")
    presence.choose(desk.bob, "transfers")
    assert page.hear("presence", agent=desk.bob.pk, state="transfers")
    vanishes(desk.bob)
    presence.tell_changes()
    assert page.hear("presence", agent=desk.bob.pk, state="offline")


def test_a_throttled_page_stays_and_a_silent_one_goes(desk: Cast, running: Web) -> None:
    """A page in the background beats once a minute; one that is frozen doesn't beat at all."""
    Page.of(running, desk.bob)
    [member] = running.hub.members
    assert isinstance(member, desk_socket.DeskSocket)

    async def beats_after(silence: float) -> None:
        # In one go: on a busy machine it would else be silent for longer.
        member._alive_at = running.loop.time() - silence
        await running.hub.beat([member])

    for silent, stays in ((80, True), (100, False)):
        member._alive_at = running.loop.time() - silent
        Presence.objects.update(
            online_until=Presence.objects.get().online_until - timedelta(days=1)
        )
        asyncio.run_coroutine_threadsafe(beats_after(silent), running.loop).result(PATIENCE)
        assert presence.is_online(desk.bob) is stays


def test_the_menu_works_by_form(cast: Cast) -> None:
    client = sign_in(cast.alice)
    comes(cast.alice)
    page = "/desk/mine/open/"
    assert 'value="online" aria-pressed="true"' in client.get(page).content.decode()
    answer = client.post(
        "/presence/", {"state": "away"}, headers={"Referer": f"http://testserver{page}"}
    )
    assert (answer.status_code, answer["Location"]) == (302, f"http://testserver{page}")
    html = client.get(page).content.decode()
    assert 'value="away" aria-pressed="true"' in html
    assert "You are now: Away." in html
    scripted = client.post("/presence/", {"state": "online"}, headers={"HX-Request": "true"})
    assert scripted.status_code == 204
    assert client.post("/presence/", {"state": "x"}).status_code == 422
    elsewhere = client.post(
        "/presence/", {"state": "away"}, headers={"Referer": "https://evil.example/"}
    )
    assert elsewhere["Location"] == "/"
    assert Client().post("/presence/", {"state": "away"})["Location"].startswith("/sign-in/")


def test_owners_and_receivers_are_shown_with_their_state(cast: Cast) -> None:
    ticket = make_ticket(cast.inbox)
    comes(cast.bob, state="transfers")
    client = sign_in(cast.alice)
    for path in (f"/conversations/{ticket.conversation_id}/", f"/tickets/{ticket.pk}/offer/"):
        html = client.get(path).content.decode()
        assert "Bob · Transfers only</option>" in html, path
        assert "Charlie · Offline</option>" in html, path
