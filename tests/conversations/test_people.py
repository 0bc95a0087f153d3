"""People: invitations, roles, disabling, and the pages that lead there."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from conversations import invitations, people, teams
from conversations.errors import BadInput, NotAllowed
from conversations.models import Agent, Invitation, Membership, Role, Team
from tests.builders import make_agent, make_cast, make_inbox, make_team, make_ticket, ticket_of

if TYPE_CHECKING:
    from django.http import HttpResponse

pytestmark = pytest.mark.django_db

GOOD_PASSWORD = "long-enough-for-all"


@pytest.fixture
def admin() -> Agent:
    return make_agent("Ada", role=Role.ADMIN)


def signed_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def link_in(response: HttpResponse) -> str:
    """The token of the link an answer shows."""
    return str(response.context["link"]).rstrip("/").rsplit("/", 1)[1]


ADMIN_PAGES = ["settings:people", "settings:teams", "settings:new-team"]
ADMIN_POSTS = [
    ("settings:invite", []),
    ("settings:withdraw-invitation", [1]),
    ("settings:person", [1]),
    ("settings:disable", [1]),
    ("settings:enable", [1]),
    ("settings:offer-reset", [1]),
    ("settings:remove-second-factor", [1]),
    ("settings:new-team", []),
    ("settings:team", [1]),
    ("settings:remove-team", [1]),
]


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
@pytest.mark.parametrize("name", ADMIN_PAGES)
def test_only_admins_see_the_pages(name: str, role: str) -> None:
    response = signed_in(make_agent(role=role)).get(reverse(name))
    assert response.status_code == 403


@pytest.mark.parametrize(("name", "args"), ADMIN_POSTS)
def test_only_admins_may_change(name: str, args: list[int]) -> None:
    response = signed_in(make_agent(role=Role.SUPERVISOR)).post(reverse(name, args=args))
    assert response.status_code == 403


@pytest.mark.parametrize(("name", "args"), ADMIN_POSTS)
def test_strangers_are_led_to_the_sign_in(client: Client, name: str, args: list[int]) -> None:
    response = client.post(reverse(name, args=args))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", ADMIN_PAGES)
def test_an_admin_sees_the_pages(admin: Agent, name: str) -> None:
    make_team()
    assert signed_in(admin).get(reverse(name)).status_code == 200


def test_the_people_page_takes_the_same_queries_for_many(
    admin: Agent, django_assert_max_num_queries: object
) -> None:
    team = make_team()
    for _ in range(20):
        make_agent("", team)
    client = signed_in(admin)
    with django_assert_max_num_queries(8):  # type: ignore[operator]
        client.get(reverse("settings:people"))


# Invitations


def test_an_invitation_makes_an_agent_with_its_role_and_teams(admin: Agent) -> None:
    team = make_team()
    page = signed_in(admin).post(
        reverse("settings:invite"),
        {"email": "New@Desk.example", "role": "supervisor", "teams": [team.pk]},
    )
    client = Client()
    response = client.post(
        reverse("join", args=[link_in(page)]), {"name": "Nell New", "password": GOOD_PASSWORD}
    )
    assert response.status_code == 302
    agent = Agent.objects.get(email="new@desk.example")
    assert (agent.name, agent.role) == ("Nell New", "supervisor")
    assert Membership.objects.acting(agent).get().team == team
    assert int(client.session["_auth_user_id"]) == agent.pk


def test_the_link_is_shown_once_and_never_stored(admin: Agent) -> None:
    client = signed_in(admin)
    page = client.post(reverse("settings:invite"), {"email": "n@desk.example", "role": "agent"})
    token = link_in(page)
    assert token in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    # Enter in the address bar asks for the page again.
    again = client.get(reverse("settings:invite"), follow=True)
    assert again.redirect_chain == [(reverse("settings:people"), 302)]
    assert token not in again.content.decode()
    assert token not in Invitation.objects.get().token_hash


def test_an_invitation_works_once(admin: Agent) -> None:
    token = invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    invitations.join(token, name="N", password=GOOD_PASSWORD)
    with pytest.raises(invitations.NoSuchLink):
        invitations.join(token, name="N", password=GOOD_PASSWORD)
    assert Client().get(reverse("join", args=[token])).status_code == 404


def test_an_invitation_expires(admin: Agent) -> None:
    token = invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    row = Invitation.objects.get()
    Invitation.objects.update(expires_at=row.expires_at - timedelta(hours=73))
    assert Client().get(reverse("join", args=[token])).status_code == 404


@pytest.mark.parametrize("token", ["%20", "%00", "x", "None", "0" * 64, "%F0%9F%99%82"])
def test_a_wrong_token_is_nothing(admin: Agent, token: str) -> None:
    invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    assert Client().get(f"/join/{token}/").status_code == 404
    answer = Client().post(f"/join/{token}/", {"name": "N", "password": GOOD_PASSWORD})
    assert answer.status_code == 404
    assert not Agent.objects.filter(email="n@desk.example").exists()


def test_the_stored_hash_is_no_token(admin: Agent) -> None:
    invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    assert Client().get(f"/join/{Invitation.objects.get().token_hash}/").status_code == 404


def test_a_second_invitation_ends_the_first(admin: Agent) -> None:
    first = invitations.invite(email="n@desk.example", role="admin", teams=[], by=admin)
    second = invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    with pytest.raises(invitations.NoSuchLink):
        invitations.find(first)
    assert invitations.find(second).role == "agent"


def test_invitations_of_somebody_who_is_no_admin_any_more_are_void(admin: Agent) -> None:
    make_agent(role=Role.ADMIN)
    token = invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    people.change_role(admin, role=Role.AGENT, by=admin)
    with pytest.raises(invitations.NoSuchLink):
        invitations.find(token)


def test_an_invitation_can_be_taken_back(admin: Agent) -> None:
    token = invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    url = reverse("settings:withdraw-invitation", args=[Invitation.objects.get().pk])
    signed_in(admin).post(url)
    signed_in(admin).post(url)
    with pytest.raises(invitations.NoSuchLink):
        invitations.find(token)


def test_nobody_is_invited_who_is_here(admin: Agent) -> None:
    response = signed_in(admin).post(
        reverse("settings:invite"), {"email": "ADA@desk.example", "role": "agent"}
    )
    assert response.status_code == 422
    assert "is here already" in response.content.decode()


def test_a_weak_password_is_refused_and_the_link_stays_good(admin: Agent) -> None:
    token = invitations.invite(email="n@desk.example", role="agent", teams=[], by=admin)
    response = Client().post(reverse("join", args=[token]), {"name": "N", "password": "password"})
    assert response.status_code == 422
    assert invitations.find(token)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_one_wins() -> None:
    admin = make_agent(role=Role.ADMIN)
    token = invitations.offer_reset(make_agent("Zed"), by=admin)
    won: list[bool] = []

    def use() -> None:
        try:
            invitations.choose_password(token, password=GOOD_PASSWORD)
            won.append(True)
        except invitations.NoSuchLink:
            won.append(False)
        finally:
            connection.close()

    run_together(use, use, use)
    assert sorted(won) == [False, False, True]


# A new password


def test_a_reset_link_changes_the_password_and_signs_nobody_in(admin: Agent) -> None:
    zed = make_agent("Zed")
    elsewhere = signed_in(zed)
    page = signed_in(admin).post(reverse("settings:offer-reset", args=[zed.pk]))
    client = Client()
    response = client.post(reverse("join", args=[link_in(page)]), {"password": GOOD_PASSWORD})
    assert response["Location"] == reverse("account_login")
    zed.refresh_from_db()
    assert zed.check_password(GOOD_PASSWORD)
    assert "_auth_user_id" not in client.session
    assert elsewhere.get(reverse("settings:account")).status_code == 302


def test_a_reset_link_is_void_when_the_role_changed(admin: Agent) -> None:
    zed = make_agent("Zed")
    token = invitations.offer_reset(zed, by=admin)
    people.change_role(zed, role=Role.SUPERVISOR, by=admin)
    with pytest.raises(invitations.NoSuchLink):
        invitations.find(token)


def test_a_reset_link_is_void_for_the_disabled(admin: Agent) -> None:
    zed = make_agent("Zed")
    token = invitations.offer_reset(zed, by=admin)
    people.disable(zed, by=admin)
    with pytest.raises(invitations.NoSuchLink):
        invitations.find(token)
    with pytest.raises(BadInput):
        invitations.offer_reset(Agent.objects.get(pk=zed.pk), by=admin)


def test_a_reset_link_makes_no_new_agent(admin: Agent) -> None:
    token = invitations.offer_reset(make_agent("Zed"), by=admin)
    with pytest.raises(invitations.NoSuchLink):
        invitations.join(token, name="N", password=GOOD_PASSWORD)


# Roles, teams, disabling


def test_the_last_admin_stays(admin: Agent) -> None:
    other = make_agent(role=Role.ADMIN, is_active=False)
    with pytest.raises(BadInput):
        people.change_role(admin, role=Role.AGENT, by=admin)
    with pytest.raises(BadInput):
        people.disable(admin, by=other)
    response = signed_in(admin).post(reverse("settings:person", args=[admin.pk]), {"role": "agent"})
    assert response.status_code == 422
    admin.refresh_from_db()
    assert admin.is_admin and admin.is_active


@pytest.mark.django_db(transaction=True)
def test_two_admins_can_not_demote_each_other_at_once() -> None:
    one, two = make_agent(role=Role.ADMIN), make_agent(role=Role.ADMIN)
    refused: list[bool] = []

    def demote(agent: Agent, by: Agent) -> None:
        try:
            people.change_role(agent, role=Role.AGENT, by=by)
        except BadInput:
            refused.append(True)
        finally:
            connection.close()

    run_together(lambda: demote(one, two), lambda: demote(two, one))
    assert refused == [True]
    assert Agent.objects.filter(role=Role.ADMIN).count() == 1


def test_disabling_gives_back_what_they_own_and_signs_them_out(admin: Agent) -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    from conversations import ownership

    ownership.take(ticket, by=cast.alice, epoch=ticket.owner_epoch)
    alice = signed_in(cast.alice)
    signed_in(admin).post(reverse("settings:disable", args=[cast.alice.pk]))
    ticket.refresh_from_db()
    assert (ticket.team, ticket.agent) == (cast.support, None)
    assert alice.get(reverse("settings:account")).status_code == 302
    signed_in(admin).post(reverse("settings:enable", args=[cast.alice.pk]))
    assert Membership.objects.acting(cast.alice).exists()


def test_one_can_not_disable_oneself(admin: Agent) -> None:
    make_agent(role=Role.ADMIN)
    response = signed_in(admin).post(reverse("settings:disable", args=[admin.pk]))
    assert response.status_code == 422


def test_leaving_a_team_gives_back_what_they_owned_there(admin: Agent) -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    from conversations import ownership

    ownership.take(ticket, by=cast.alice, epoch=ticket.owner_epoch)
    response = signed_in(admin).post(
        reverse("settings:person", args=[cast.alice.pk]),
        {"role": "agent", "teams": [cast.billing.pk]},
    )
    assert response.status_code == 302
    assert ticket_of(ticket.newest or make_ticket(cast.inbox).newest).agent is None
    assert [m.team for m in Membership.objects.acting(cast.alice)] == [cast.billing]


def test_who_is_not_there_is_not_found(admin: Agent) -> None:
    assert signed_in(admin).get(reverse("settings:person", args=[0])).status_code == 404
    with pytest.raises(NotAllowed):
        people.person(admin.pk, by=make_agent())


# Teams


def team_values(**changes: object) -> dict[str, object]:
    told = {"name": "Returns", "respond_hours": "1.5", "follow_up_days": "3", "assigns": "off"}
    return {**told, **changes}


def test_a_team_is_created_and_changed(admin: Agent) -> None:
    bob = make_agent("Bob")
    client = signed_in(admin)
    client.post(reverse("settings:new-team"), team_values(members=[bob.pk]))
    team = Team.objects.get(name="Returns")
    assert team.respond_within == timedelta(minutes=90)
    assert team.follow_up_after == timedelta(days=3)
    assert Membership.objects.acting(bob).get().team == team
    client.post(reverse("settings:team", args=[team.pk]), team_values(name="Refunds"))
    team.refresh_from_db()
    assert team.name == "Refunds"
    assert not Membership.objects.acting(bob).exists()


def test_a_team_keeps_its_disabled_members(admin: Agent) -> None:
    team = make_team("Returns")
    gone = make_agent("Gone", team, is_active=False)
    signed_in(admin).post(reverse("settings:team", args=[team.pk]), team_values())
    assert gone.memberships.exists()


def test_two_teams_can_not_have_one_name(admin: Agent) -> None:
    make_team("Returns")
    response = signed_in(admin).post(reverse("settings:new-team"), team_values())
    assert response.status_code == 422
    assert "of this name" in response.content.decode()


def test_an_unused_team_goes(admin: Agent) -> None:
    team = make_team("Returns")
    make_agent("Bob", team)
    signed_in(admin).post(reverse("settings:remove-team", args=[team.pk]))
    assert not Team.objects.filter(pk=team.pk).exists()


def test_a_team_with_an_inbox_stays(admin: Agent) -> None:
    team = make_team("Returns")
    make_inbox(team)
    response = signed_in(admin).post(reverse("settings:remove-team", args=[team.pk]))
    assert response.status_code == 422
    assert "Inboxes lead to this team" in response.content.decode()


def test_a_team_with_conversations_stays(admin: Agent) -> None:
    cast = make_cast()
    ticket = make_ticket(cast.inbox)
    type(ticket).objects.filter(pk=ticket.pk).update(inbox=None)
    cast.inbox.team = cast.billing
    cast.inbox.save()
    with pytest.raises(BadInput, match="Conversations belong"):
        teams.remove(cast.support, by=admin)


# One's own account


def test_people_choose_name_language_and_theme() -> None:
    bob = make_agent("Bob")
    client = signed_in(bob)
    url = reverse("settings:account")
    client.post(url, {"name": "Robert", "language": "vi", "theme": "dark"})
    bob.refresh_from_db()
    assert (bob.name, bob.language, bob.theme) == ("Robert", "vi", "dark")
    page = client.get(url, headers={"accept-language": "en"}).content.decode()
    assert '<html lang="vi"' in page
    assert 'data-theme="dark"' in page
    client.post(url, {"name": "Robert", "language": "", "theme": ""})
    assert '<html lang="en"' in client.get(url, headers={"accept-language": "en"}).content.decode()


def test_an_unknown_language_is_refused() -> None:
    response = signed_in(make_agent()).post(
        reverse("settings:account"), {"name": "B", "language": "xx", "theme": "dark"}
    )
    assert response.status_code == 422


def run_together(*jobs: object) -> None:
    threads = [threading.Thread(target=job) for job in jobs]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
