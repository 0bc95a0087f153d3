"""Somebody always stands in: each team has a chain that ends at the last stop."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from conversations import ownership, teams
from conversations.errors import BadInput
from conversations.models import Agent, Team
from conversations.teams import Terms
from tests.builders import Cast, make_agent, make_inbox, make_team, make_ticket
from tests.conversations.desk import sign_in
from tests.conversations.shifting import sets
from tests.properties.crew import together

HOURS = Terms(timedelta(hours=8), timedelta(days=7))


def saved(team: Team, by: Agent, **terms: Any) -> Team:
    told = {"respond_within": HOURS.respond_within, "follow_up_after": HOURS.follow_up_after}
    return teams.save_team(
        team, name=team.name, terms=Terms(**{**told, **terms}), members=[], by=by
    )


@pytest.fixture
def boss(cast: Cast) -> Agent:
    return make_agent("Dana", role="admin")


def last_stops() -> list[str]:
    return list(Team.objects.filter(is_last_stop=True).values_list("name", flat=True))


def test_the_first_team_is_the_last_stop_until_another_is(cast: Cast, boss: Agent) -> None:
    saved(Team(name="Night"), boss)
    assert last_stops() == ["Night"]
    saved(cast.support, boss)
    assert last_stops() == ["Night"]
    saved(cast.support, boss, is_last_stop=True, parent=cast.billing)
    assert last_stops() == ["Support"]
    assert Team.objects.get(name="Support").parent is None


def test_the_last_stop_can_not_be_removed_nor_who_stands_in(cast: Cast, boss: Agent) -> None:
    last = saved(make_team("Last"), boss)
    with pytest.raises(BadInput, match="last stop"):
        teams.remove(last, by=boss)
    child = saved(make_team("Child"), boss, parent=cast.billing)
    with pytest.raises(BadInput, match="stands in"):
        teams.remove(cast.billing, by=boss)
    teams.remove(child, by=boss)
    assert not Team.objects.filter(name="Child").exists()


def test_no_circle(cast: Cast, boss: Agent) -> None:
    saved(make_team("Last"), boss)
    saved(cast.support, boss, parent=cast.billing)
    third = saved(make_team("Third"), boss, parent=cast.support)
    with pytest.raises(BadInput, match="each other"):
        saved(cast.billing, boss, parent=third)
    cast.billing.refresh_from_db()
    assert [one.name for one in Team.objects.get(name="Third").chain()] == [
        *("Third", "Support", "Billing", "Last"),
    ]


@pytest.mark.parametrize("how", ["itself", "a last stop with a parent", "two last stops"])
def test_the_table_refuses_what_can_not_be(cast: Cast, how: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        if how == "itself":
            sets(cast.support, parent=cast.support)
        elif how == "two last stops":
            Team.objects.update(is_last_stop=True)
        else:
            sets(cast.support, is_last_stop=True, parent=cast.billing)


def test_of_two_who_make_a_circle_one_is_refused(desk: Cast) -> None:
    dana = make_agent("Dana", role="admin")
    saved(make_team("Last"), dana)
    answers = together(
        partial(saved, desk.support, dana, parent=desk.billing),
        partial(saved, desk.billing, dana, parent=desk.support),
    )
    assert sorted(isinstance(answer, BadInput) for answer in answers) == [False, True]


def test_admins_are_warned_while_nobody_is_at_the_last_stop(cast: Cast, boss: Agent) -> None:
    client, sentence = sign_in(boss), "Nobody is left in a team"
    home = reverse("settings:teams")
    sets(cast.billing, is_last_stop=True)
    assert sentence not in client.get(home).content.decode()
    ownership.leave(cast.billing, cast.charlie, by=boss)
    assert sentence in client.get(home).content.decode()
    assert sentence not in sign_in(cast.alice).get("/desk/mine/open/").content.decode()
    ownership.join(cast.billing, cast.charlie)
    assert sentence not in client.get(home).content.decode()


def test_a_team_that_alone_may_read_its_own_needs_somebody(cast: Cast, boss: Agent) -> None:
    legal = make_team("Legal")
    assert not teams.with_nobody_left().exists()
    make_ticket(make_inbox(legal, restriction="legal"))
    assert teams.with_nobody_left().get() == legal


def test_the_pages_of_a_team_and_of_weights(cast: Cast, boss: Agent) -> None:
    client = sign_in(boss)
    sets(cast.billing, is_last_stop=True)
    address = reverse("settings:team", args=[cast.support.pk])
    told = {
        "name": "Support",
        "respond_hours": "4",
        "follow_up_days": "3",
        "members": [cast.alice.pk],
        "assigns": "least_loaded",
        "grace_minutes": "15",
        "parent": cast.billing.pk,
    }
    assert client.post(address, told).status_code == 302
    team = Team.objects.get(pk=cast.support.pk)
    assert (team.assigns, team.last_agent_first, team.parent) == (
        *("least_loaded", False, cast.billing),
    )
    assert team.offline_grace == timedelta(minutes=15)
    html = client.get(address).content.decode()
    assert 'value="least_loaded" required' in html or 'value="least_loaded"' in html
    client.post(address, {**told, "grace_minutes": "", "last_agent_first": "on"})
    team.refresh_from_db()
    assert (team.offline_grace, team.last_agent_first) == (None, True)
    page = reverse("settings:weights")
    assert client.post(page, {"email": "3"}).status_code == 302
    assert 'value="3"' in client.get(page).content.decode()
    assert client.post(page, {"email": "0"}).status_code == 422
    person = reverse("settings:person", args=[cast.bob.pk])
    client.post(person, {"role": "agent", "teams": [cast.support.pk], "capacity": "7"})
    assert Agent.objects.get(pk=cast.bob.pk).capacity == 7
    assert 'value="7"' in client.get(person).content.decode()
