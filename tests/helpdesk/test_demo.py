"""One-click sign-in: in the demo, by POST, from this machine; nowhere else."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from helpdesk import demo_data

HERE: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "127.0.0.1"}
PATH = "/demo/sign-in/admin/"


@pytest.fixture
def demo(db: None, settings: Settings) -> None:
    settings.DEMO = settings.LOCAL = True
    settings.DEMO_MAIL = {"host": "127.0.0.1", "smtp_port": 2525, "imap_port": 1143}
    settings.ROOT_URLCONF = "tests.helpdesk.demo_urls"
    demo_data.load_once()


@pytest.mark.usefixtures("demo")
def test_it_signs_in_and_goes_on(client: Client) -> None:
    answer = client.post(PATH, {"next": "/tickets/?mine=1"}, **HERE)
    assert (answer.status_code, answer["Location"]) == (302, "/tickets/?mine=1")
    assert client.session["_auth_user_id"]


@pytest.mark.usefixtures("demo")
def test_it_leads_nowhere_else(client: Client) -> None:
    assert client.post(PATH, {"next": "https://evil.example/"}, **HERE)["Location"] == "/"


@pytest.mark.usefixtures("demo")
def test_it_offers_everyone(client: Client) -> None:
    page = client.get("/demo/", **HERE).content.decode()
    assert page.count("<form") == 3
    assert client.get("/sign-in/?next=/x/", **HERE)["Location"] == "/demo/?next=%2Fx%2F"


@pytest.mark.usefixtures("demo")
def test_it_needs_post_and_a_token(client: Client) -> None:
    assert client.get(PATH, **HERE).status_code == 405
    assert Client(enforce_csrf_checks=True).post(PATH, **HERE).status_code == 403


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    "far",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"SERVER_NAME": "192.0.2.8"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
    ],
)
def test_it_is_not_there_for_others(
    client: Client, settings: Settings, far: dict[str, Any]
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert client.post(PATH, **(HERE | far)).status_code == 404
    assert client.get("/demo/", **(HERE | far)).status_code == 404


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("missing", ["DEMO", "LOCAL"])
def test_it_is_not_there_without_the_demo(client: Client, settings: Settings, missing: str) -> None:
    setattr(settings, missing, False)
    assert client.post(PATH, **HERE).status_code == 404


@pytest.mark.django_db
def test_the_product_has_no_such_route(client: Client) -> None:
    assert client.post(PATH, **HERE).status_code == 404
