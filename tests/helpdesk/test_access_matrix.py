"""Every route of the product, by role: who gets in, and how the others are turned away.

Here is who may knock at all. What is behind a door, of one's own team and of another's, is asked
door by door where NAMESPACES says, with a test there that knows every name of its routes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch

from channels_inbox.chat.routing import websocket_urlpatterns as chat_sockets
from conversations.models import Role
from conversations.routing import websocket_urlpatterns as desk_sockets
from tests.builders import make_agent, make_team
from tests.conversations.desk import sign_in

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.django_db

PUBLIC = "public"  # a page or form for whoever comes
MACHINE = "machine"  # a token or signature, else 401 or 404
AGENTS, SUPERVISORS, ADMINS = "agents", "supervisors", "admins"

NAMESPACES = {
    "conversations": AGENTS,  # tests/conversations/test_views_access.py
    "api": MACHINE,  # tests/conversations/api/test_access.py
    "chat": PUBLIC,  # tests/channels_inbox/test_chat_refusals.py
    "webhooks": ADMINS,  # tests/channels_inbox/test_webhook_pages.py
}
ROUTES = {
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": MACHINE,
    "doctor-knock": MACHINE,
    "sign-in": PUBLIC,
    "welcome": PUBLIC,
    "join": PUBLIC,
    "health": ADMINS,
    "hook": MACHINE,
    "outgoing-file": MACHINE,
    "set_language": PUBLIC,
    "account_login": PUBLIC,
    "account_logout": PUBLIC,
    "account_inactive": PUBLIC,
    "account_reset_password": PUBLIC,
    "account_signup": PUBLIC,
    "account_reauthenticate": AGENTS,
    "account_change_password": AGENTS,
    "mfa_authenticate": PUBLIC,
    "mfa_index": AGENTS,
    "mfa_reauthenticate": AGENTS,
    "mfa_activate_totp": AGENTS,
    "mfa_deactivate_totp": AGENTS,
    "mfa_view_recovery_codes": AGENTS,
    "mfa_generate_recovery_codes": AGENTS,
    "mfa_download_recovery_codes": AGENTS,
    "pictures:remote": AGENTS,
    "channels_inbox:original": AGENTS,
    "codes:offer": AGENTS,
    "settings:account": AGENTS,
    "settings:api-tokens": AGENTS,
    "settings:revoke-api-token": AGENTS,
    "settings:people": ADMINS,
    "settings:invite": ADMINS,
    "settings:withdraw-invitation": ADMINS,
    "settings:person": ADMINS,
    "settings:disable": ADMINS,
    "settings:enable": ADMINS,
    "settings:offer-reset": ADMINS,
    "settings:remove-second-factor": ADMINS,
    "settings:teams": ADMINS,
    "settings:new-team": ADMINS,
    "settings:team": ADMINS,
    "settings:remove-team": ADMINS,
    "settings:weights": ADMINS,
    "settings:new-shift": ADMINS,
    "settings:shift": ADMINS,
    "settings:remove-shift": ADMINS,
    "inboxes:inboxes": ADMINS,
    "inboxes:new": ADMINS,
    "inboxes:new-chat": ADMINS,
    "inboxes:new-provider": ADMINS,
    "inboxes:test-provider": ADMINS,
    "inboxes:test-new": ADMINS,
    "inboxes:consent-callback": ADMINS,
    "inboxes:inbox": ADMINS,
    "inboxes:test": ADMINS,
    "inboxes:new-hook-secret": ADMINS,
    "inboxes:assistant": ADMINS,
    "inboxes:new-signing-secret": ADMINS,
    "inboxes:stop-old-secret": ADMINS,
    "inboxes:close": ADMINS,
    "inboxes:open": ADMINS,
    "inboxes:consent": ADMINS,
    "items:items": SUPERVISORS,
    "items:nothing-lost": SUPERVISORS,
    "items:replay-all": SUPERVISORS,
    "items:item": SUPERVISORS,
    "items:raw": SUPERVISORS,
    "items:bring-in": SUPERVISORS,
    "items:discard": SUPERVISORS,
    "transcripts:search": SUPERVISORS,
    "transcripts:export-search": SUPERVISORS,
    "transcripts:ticket": SUPERVISORS,
    "transcripts:export-ticket": SUPERVISORS,
    "transcripts:conversation": SUPERVISORS,
    "transcripts:export-conversation": SUPERVISORS,
    "transcripts:exports": SUPERVISORS,
    "transcripts:file": SUPERVISORS,
    "transcripts:log": SUPERVISORS,
}
# Whoever opens one proves themselves first: a ticket and a session, or a visitor's token.
SOCKETS = {"ws/desk/", "ws/chat/<slug:key>/"}

MAY: dict[str, tuple[str, ...]] = {
    AGENTS: ("agent", "supervisor", "admin"),
    SUPERVISORS: ("supervisor", "admin"),
    ADMINS: ("admin",),
}
SAMPLES = {
    "int": 999_999,
    "str": "made-up",
    "slug": "made-up",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def walk(
    patterns: Sequence[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """(name with its namespace, an address of it) of every route."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from walk(pattern.url_patterns, inner)
        elif pattern.name:
            samples = {
                name: SAMPLES[type(kind).__name__.removesuffix("Converter").lower().replace("string", "str")]
                for name, kind in pattern.pattern.converters.items()
            }  # fmt: skip
            try:
                yield prefix + pattern.name, reverse(prefix + pattern.name, kwargs=samples)
            except NoReverseMatch as error:
                raise AssertionError(f"{prefix}{pattern.name} leads nowhere") from error
        else:
            # Whatever else is asked below /api/ is answered 404 in the API's own words.
            assert prefix == "api:", f"a route without a name: {pattern}"


def audience(name: str) -> str:
    """Whom the route is for, as declared; KeyError where it is not."""
    return NAMESPACES.get(name.partition(":")[0]) or ROUTES[name]


def routes() -> list[tuple[str, str]]:
    return sorted(set(walk(get_resolver().url_patterns)))


def knock(client: Client, address: str) -> tuple[int, str]:
    """How a door answers by the method it knows, and where it sends one."""
    answered = client.get(address)
    if answered.status_code == 405:
        answered = client.post(address)
    return answered.status_code, answered.headers.get("Location", "")


def test_every_route_is_declared_and_every_declaration_is_a_route() -> None:
    names = {name for name, _address in routes()}
    own = {name for name in names if name.partition(":")[0] not in NAMESPACES}
    assert own == set(ROUTES)
    assert {name.partition(":")[0] for name in names if ":" in name} >= set(NAMESPACES)


def test_every_socket_is_declared() -> None:
    assert {str(route.pattern) for route in chain(desk_sockets, chat_sockets)} == SOCKETS


def test_a_stranger_gets_to_nothing_but_public_doors() -> None:
    make_agent("Ada", make_team(), role=Role.ADMIN)
    client = Client()
    for name, address in routes():
        status, where = knock(client, address)
        assert status < 500, name
        kind = audience(name)
        if kind == MACHINE:
            open_to_read = name in ("api:docs", "api:openapi")
            assert status in (401, 404) or (open_to_read and status in (200, 302)), (name, status)
        elif kind != PUBLIC:
            turned_away = status == 302 and where.startswith(("/sign-in/", "/account/login/"))
            assert turned_away or status in (401, 404), (name, status, where)


@pytest.mark.parametrize("role", ["agent", "supervisor", "admin"])
def test_a_role_gets_through_its_doors_and_no_others(role: str) -> None:
    client = sign_in(make_agent("Kim", make_team(), role=Role(role)))
    for name, address in routes():
        kind = audience(name)
        if kind not in MAY or name.startswith(("account_", "mfa_")):
            continue
        status, where = knock(client, address)
        assert status < 500, name
        if role in MAY[kind]:
            assert status not in (401, 403), (name, status)
            assert not where.startswith("/sign-in/"), name
        else:
            assert status == 403, (name, status)
        # Who signs out in between would be tested as a stranger.
        assert client.session.get("_auth_user_id"), name


def test_an_undeclared_route_would_be_noticed() -> None:
    with pytest.raises(KeyError):
        audience("settings:brand-new")
