"""Signing in and out: passwords, the second step, limits, and what strangers may learn."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from conversations.models import Agent, Role
from tests.builders import make_agent

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def one_moment() -> Iterator[None]:
    """A code is good until the half of its minute is over, which may be the next moment."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def bob() -> Agent:
    return make_agent("Bob")


def sign_in(client: Client, email: str = "bob@desk.example", password: str = "secret") -> object:
    return client.post(reverse("account_login"), {"login": email, "password": password})


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def code_for(secret: str, *, steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def test_an_agent_signs_in_and_out(client: Client, bob: Agent) -> None:
    sign_in(client)
    assert is_in(client)
    client.get(reverse("account_logout"))
    assert is_in(client), "a link must not sign anybody out"
    client.post(reverse("account_logout"))
    assert not is_in(client)


def test_the_address_may_be_typed_in_any_case(client: Client, bob: Agent) -> None:
    sign_in(client, "BOB@Desk.example")
    assert is_in(client)


def test_the_session_gets_a_new_key(client: Client, bob: Agent) -> None:
    client.get(reverse("account_login"))
    client.session["before"] = 1
    client.session.save()
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key != before


def test_a_stranger_is_brought_where_they_wanted_to_go(client: Client, bob: Agent) -> None:
    asked = client.get(reverse("settings:account"), follow=True)
    form = asked.redirect_chain[-1][0]
    done = client.post(
        form, {"login": bob.email, "password": "secret", "next": "/settings/account/"}
    )
    assert done["Location"] == "/settings/account/"


def test_nobody_is_sent_to_another_site(client: Client, bob: Agent) -> None:
    done = client.post(
        reverse("account_login"),
        {"login": bob.email, "password": "secret", "next": "https://evil.example/"},
    )
    assert done["Location"] == "/"


def test_known_and_unknown_addresses_get_the_same_answer(bob: Agent) -> None:
    known, unknown = Client(), Client()
    one = sign_in(known, password="wrong")
    two = sign_in(unknown, email="nobody@desk.example", password="wrong")
    assert one.status_code == two.status_code == 200  # type: ignore[attr-defined]
    assert errors_of(one) == errors_of(two)


def test_only_who_knows_the_password_learns_that_an_account_is_disabled(bob: Agent) -> None:
    Agent.objects.filter(pk=bob.pk).update(is_active=False)
    right, wrong = Client(), Client()
    told = sign_in(right)
    assert told["Location"] == reverse("account_inactive")  # type: ignore[index]
    assert not is_in(right)
    guessed = sign_in(wrong, password="wrong")
    unknown = sign_in(Client(), email="nobody@desk.example", password="wrong")
    assert errors_of(guessed) == errors_of(unknown)


def test_guessing_is_stopped_for_the_account(bob: Agent) -> None:
    for _ in range(5):
        sign_in(Client(), password="wrong")
    client = Client()
    answer = sign_in(client)
    assert not is_in(client)
    assert "Too many" in str(errors_of(answer))


def test_guessing_from_one_address_is_stopped(bob: Agent) -> None:
    for number in range(10):
        sign_in(Client(), email=f"n{number}@desk.example", password="wrong")
    client = Client()
    sign_in(client)
    assert not is_in(client)


def test_a_forged_forwarded_for_changes_nothing(bob: Agent) -> None:
    for number in range(10):
        Client().post(
            reverse("account_login"),
            {"login": f"n{number}@desk.example", "password": "wrong"},
            headers={"x-forwarded-for": f"10.0.0.{number}"},
        )
    client = Client()
    sign_in(client)
    assert not is_in(client)


@pytest.mark.parametrize("name", ["account_signup", "account_reset_password"])
def test_nobody_signs_up_or_resets_by_themselves(client: Client, name: str) -> None:
    assert "Ask an admin" in client.get(reverse(name)).content.decode()
    answer = client.post(reverse(name), {"email": "x@desk.example", "password1": "long-enough-1"})
    assert answer.status_code == 405
    assert not Agent.objects.exists()


@pytest.mark.parametrize("name", ["account_email", "account_set_password", "account_confirm_email"])
def test_other_doors_of_allauth_are_not_there(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)


def test_a_password_is_changed_with_the_old_one(client: Client, bob: Agent) -> None:
    sign_in(client)
    new = "a-new-long-password"
    client.post(
        reverse("account_change_password"),
        {"oldpassword": "secret", "password1": new, "password2": new},
    )
    bob.refresh_from_db()
    assert bob.check_password(new)
    assert is_in(client)


# The second step


def turn_on(client: Client) -> tuple[str, list[str]]:
    """Sign in, turn the second step on; returns the secret and the recovery codes."""
    sign_in(client)
    client.post(reverse("account_reauthenticate"), {"password": "secret"})
    url = reverse("mfa_activate_totp")
    secret = client.get(url).context["form"].secret
    done = client.post(url, {"code": code_for(secret)}, follow=True)
    assert done.status_code == 200
    return secret, list(done.context["unused_codes"])


def test_the_second_step_is_asked_for(bob: Agent) -> None:
    secret, _codes = turn_on(Client())
    client = Client()
    asked = sign_in(client)
    assert asked["Location"] == reverse("mfa_authenticate")  # type: ignore[index]
    assert not is_in(client)
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert not is_in(client)
    client.post(reverse("mfa_authenticate"), {"code": code_for(secret, steps=1)})
    cache.clear()
    if not is_in(client):
        client.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
    assert is_in(client)


def test_a_recovery_code_lets_in_once(bob: Agent) -> None:
    _secret, codes = turn_on(Client())
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client)
        client.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_in(first)
    assert not is_in(second)


def test_turning_it_on_wants_the_password_again(client: Client, bob: Agent) -> None:
    sign_in(client)
    answer = client.get(reverse("mfa_activate_totp"))
    assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert client.get(answer["Location"]).status_code == 200


def test_the_secret_is_stored_encrypted(bob: Agent) -> None:
    secret, codes = turn_on(Client())
    stored = str([row.data for row in Authenticator.objects.all()])
    assert secret not in stored
    assert codes[0] not in stored
    totp = TOTP(Authenticator.objects.get(type="totp"))
    assert secret not in str(totp.instance.data)


def test_turning_it_off_wants_the_password_again(bob: Agent) -> None:
    client = Client()
    turn_on(client)
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    answer = client.post(reverse("mfa_deactivate_totp"))
    assert "reauthenticate" in answer["Location"]
    assert Authenticator.objects.filter(type="totp").exists()


def test_it_can_be_turned_off(bob: Agent) -> None:
    client = Client()
    turn_on(client)
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(type="totp").exists()


def test_an_admin_helps_who_lost_the_phone(bob: Agent) -> None:
    turn_on(Client())
    ada = make_agent("Ada", role=Role.ADMIN)
    admin = Client()
    sign_in(admin, ada.email)
    admin.post(reverse("settings:remove-second-factor", args=[bob.pk]))
    client = Client()
    sign_in(client)
    assert is_in(client)


@pytest.mark.parametrize(
    "name",
    [
        "mfa_index",
        "mfa_activate_totp",
        "mfa_view_recovery_codes",
        "mfa_deactivate_totp",
        "mfa_generate_recovery_codes",
        "account_change_password",
    ],
)
def test_each_page_renders_for_who_has_a_second_step(name: str, bob: Agent) -> None:
    client = Client()
    turn_on(client)
    assert client.get(reverse(name), follow=True).status_code == 200


def errors_of(response: object) -> list[str]:
    form = response.context["form"]  # type: ignore[attr-defined]
    return [str(error) for errors in form.errors.values() for error in errors]
