"""The first page of an empty desk."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test import Client
from pytest_django import Settings

from conversations.models import Agent, Membership, Role
from helpdesk.first_run import create_admin

HERE: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "127.0.0.1"}
PERSON = {
    "name": "Mai",
    "email": "mai@desk.example",
    "team": "Support",
    "password": "long enough 1",
}


@pytest.fixture
def local(settings: Settings) -> None:
    settings.LOCAL = True


@pytest.mark.usefixtures("db", "local")
def test_it_is_where_an_empty_desk_begins(client: Client) -> None:
    assert client.get("/sign-in/", **HERE)["Location"] == "/welcome/"
    assert client.get("/welcome/", **HERE).status_code == 200


@pytest.mark.usefixtures("db", "local")
def test_it_creates_the_admin_with_a_team_and_signs_in(client: Client) -> None:
    assert client.post("/welcome/", PERSON, **HERE)["Location"] == "/settings/inboxes/new/"
    admin = Agent.objects.get()
    assert (admin.email, admin.role, admin.is_active) == ("mai@desk.example", Role.ADMIN, True)
    assert [m.team.name for m in Membership.objects.filter(agent=admin)] == ["Support"]
    assert client.session["_auth_user_id"] == str(admin.pk)


@pytest.mark.usefixtures("db", "local")
def test_it_is_gone_once_anybody_exists(client: Client) -> None:
    Agent.objects.create_user("lan@desk.example", name="Lan")
    assert client.get("/welcome/", **HERE).status_code == 404
    assert client.post("/welcome/", PERSON, **HERE).status_code == 404
    assert client.get("/sign-in/", **HERE)["Location"] == "/account/login/"


@pytest.mark.usefixtures("db", "local")
@pytest.mark.parametrize("password", ["short", "12345678", "mai@desk.example"])
def test_it_refuses_weak_passwords(client: Client, password: str) -> None:
    answer = client.post("/welcome/", PERSON | {"password": password}, **HERE)
    assert answer.status_code == 200
    assert not Agent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("far", [{"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_X_REAL_IP": "127.0.0.1"}])
def test_strangers_are_told_how_it_opens(
    client: Client, settings: Settings, far: dict[str, Any]
) -> None:
    settings.LOCAL = True
    answer = client.post("/welcome/", PERSON, **(HERE | far))
    assert (answer.status_code, Agent.objects.exists()) == (403, False)
    assert b"SETUP_TOKEN" in answer.content


@pytest.mark.django_db
def test_elsewhere_it_opens_by_the_secret_link(client: Client, settings: Settings) -> None:
    assert client.get("/welcome//").status_code == 404
    assert client.get("/welcome/", **HERE).status_code == 403
    settings.SETUP_TOKEN = "an-agreed-secret"
    assert client.get("/welcome/another/").status_code == 403
    assert client.post("/welcome/an-agreed-secret/", PERSON)["Location"] == "/settings/inboxes/new/"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_becomes_admin() -> None:
    made: list[str] = []

    def claim(email: str) -> None:
        try:
            made.append(create_admin(PERSON | {"email": email}).email)
        except Http404:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(f"{n}@desk.example",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [agent.email for agent in Agent.objects.all()] == made
    assert len(made) == 1
