"""The page of API tokens: one's own, an admin's of everybody; each secret is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversations.models import ApiToken, Role, Scope
from tests.builders import Cast, make_agent
from tests.conversations.api.calls import Program
from tests.conversations.desk import sign_in

pytestmark = pytest.mark.django_db

PAGE = "/settings/api-tokens/"
FORM = {"name": "Web shop", "scopes": ["read", "send"], "lasts": "30"}


def test_the_secret_is_shown_once_and_works(cast: Cast) -> None:
    client = sign_in(cast.alice)
    page = client.post(PAGE, FORM)
    secret = page.context["secret"]
    assert secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert secret not in client.get(PAGE).content.decode()
    token = ApiToken.objects.get()
    assert (token.agent, token.made_by, token.scopes) == (cast.alice, cast.alice, ["read", "send"])
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - timezone.now() < timedelta(days=31)
    program = Program(cast.bob)
    program.secret = secret
    assert program.get("me/").json()["agent"]["name"] == "Alice"


def test_a_token_may_last_until_it_is_revoked(cast: Cast) -> None:
    sign_in(cast.alice).post(PAGE, {**FORM, "lasts": ""})
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"scopes": []}, {"scopes": ["root"]}, {"lasts": "7"}]
)
def test_what_doesnt_fit_is_said_and_nothing_is_made(cast: Cast, wrong: dict[str, Any]) -> None:
    page = sign_in(cast.alice).post(PAGE, {**FORM, **wrong})
    assert (page.status_code, ApiToken.objects.count()) == (422, 0)


def test_agents_see_and_revoke_their_own_and_nobody_elses(cast: Cast) -> None:
    mine, other = Program(cast.alice), Program(cast.bob)
    client = sign_in(cast.alice)
    assert client.get(PAGE).context["tokens"] == [mine.token]
    gone = client.post(reverse("settings:revoke-api-token", args=[other.token.pk]))
    assert (gone.status_code, other.get("me/").status_code) == (404, 200)
    client.post(reverse("settings:revoke-api-token", args=[mine.token.pk]))
    assert mine.get("me/").status_code == 401
    # Whom it stands for is no choice of theirs.
    client.post(PAGE, {**FORM, "agent": cast.bob.pk})
    assert ApiToken.objects.order_by("-pk")[0].agent == cast.alice


def test_admins_make_and_revoke_any(cast: Cast) -> None:
    client = sign_in(make_agent("Ada", role=Role.ADMIN))
    program = Program(cast.bob)
    client.post(PAGE, {**FORM, "agent": cast.alice.pk})
    made = ApiToken.objects.order_by("-pk")[0]
    assert (made.agent, made.made_by.name) == (cast.alice, "Ada")
    assert "made by Ada" in sign_in(cast.alice).get(PAGE).content.decode()
    client.post(reverse("settings:revoke-api-token", args=[program.token.pk]))
    assert program.get("me/").status_code == 401


def test_strangers_are_led_to_the_sign_in() -> None:
    for path in (PAGE, reverse("settings:revoke-api-token", args=[1])):
        assert Client().post(path, FORM)["Location"].startswith("/sign-in/")


def test_the_page_takes_the_same_questions_for_many(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        Program(cast.alice, [Scope.READ])
    client = sign_in(make_agent("Ada", role=Role.ADMIN))
    with django_assert_max_num_queries(9):
        client.get(PAGE)
