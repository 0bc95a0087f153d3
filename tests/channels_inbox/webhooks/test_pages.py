"""The pages of webhooks, and the names of what is told."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.db.models import Func, TextField
from django.test import Client
from django.urls import reverse

from channels_inbox.models import Webhook
from channels_inbox.webhooks import keeping, news, queue, send
from channels_inbox.webhooks.urls import urlpatterns
from conversations import customers, ownership
from conversations.models import Agent, Entry, Membership, Role
from conversations.templatetags import happenings
from conversations.thread import database_now
from tests.builders import Cast, make_agent, make_inbox, make_ticket, write_in
from tests.channels_inbox.webhooks.consumer import Consumer
from tests.conversations.verbs import VERBS, Desk

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]
ROUTES: list[tuple[str, str, list[int]]] = [
    ("get", "webhooks", []),
    ("get", "new", []),
    ("post", "new", []),
    ("get", "webhook", [1]),
    ("post", "webhook", [1]),
    ("post", "test", [1]),
    ("post", "secret", [1]),
    ("post", "start", [1]),
    ("post", "off", [1]),
    ("post", "remove", [1]),
    ("get", "log", [1]),
    ("post", "resend-failed", [1]),
    ("post", "resend", [1, 1]),
]


@pytest.fixture
def desk(admin: Agent) -> Client:
    return signed_in(admin)


def signed_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def at(name: str, *args: int) -> str:
    return reverse(f"webhooks:{name}", args=args)


def values(url: str, **changes: Any) -> dict[str, Any]:
    return {"name": "Shop", "url": url, "extent": "all", **changes}


# Who may


def test_every_route_is_accounted_for() -> None:
    assert {name for _method, name, _args in ROUTES} == {str(one.name) for one in urlpatterns}


@pytest.mark.parametrize(("method", "name", "args"), ROUTES)
def test_webhooks_are_the_admins(method: str, name: str, args: list[int]) -> None:
    client = signed_in(make_agent(role=Role.SUPERVISOR))
    assert getattr(client, method)(at(name, *args)).status_code == 403
    told = getattr(Client(), method)(at(name, *args))
    assert told["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize(("method", "name", "args"), [one for one in ROUTES if one[2]])
def test_what_is_not_there_is_not_found(
    desk: Client, method: str, name: str, args: list[int]
) -> None:
    assert getattr(desk, method)(at(name, *[0 for _ in args])).status_code == 404


def test_the_calls_of_another_webhook_are_not_sent_again_by_this_one(
    cast: Cast, desk: Client, webhook: Webhook, admin: Agent, consumer: Consumer
) -> None:
    other, _secret = keeping.make(name="Other", url=consumer.url, types=[], by=admin)
    make_ticket(cast.inbox)
    call = webhook.calls.order_by("entry")[0]
    assert desk.post(at("resend", other.pk, call.pk)).status_code == 404


# Making and changing


def test_the_secret_is_shown_once(desk: Client, consumer: Consumer) -> None:
    page = desk.post(at("new"), values(consumer.url))
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.content.decode())
    assert "no-store" in page["Cache-Control"]
    made = Webhook.objects.get()
    assert send.secrets_of(made) == [secret]
    assert "whsec_" not in desk.get(at("webhook", made.pk)).content.decode()
    again = desk.post(at("secret", made.pk)).content.decode()
    assert len(re.findall(r"whsec_[A-Za-z0-9+/=]+", again)) == 1
    assert secret not in again


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"url": ""},
        {"url": "ftp://example.org/"},
        {"url": "javascript:alert(1)"},
        {"url": "https://me:secret@example.org/"},
        {"extent": "some"},
        {"extent": "some", "types": ["ticket.nonsense"]},
        {"extent": "odd"},
    ],
)
def test_what_does_not_fit_is_said(desk: Client, changes: dict[str, Any]) -> None:
    page = desk.post(at("new"), {**values("https://example.org/"), **changes})
    assert page.status_code == 422
    assert 'class="errorlist' in page.content.decode()
    assert not Webhook.objects.exists()


def test_plain_http_is_refused_on_a_desk_in_the_open(desk: Client, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = False
    page = desk.post(at("new"), values("http://example.org/"))
    assert (page.status_code, page.context["form"].errors.keys()) == (422, {"url"})


def test_what_is_told_can_be_chosen(desk: Client, webhook: Webhook) -> None:
    chosen = ["ticket.resolved", "message.received"]
    told = values(webhook.url, extent="some", types=chosen)
    assert desk.post(at("webhook", webhook.pk), told).status_code == 302
    webhook.refresh_from_db()
    assert webhook.types == sorted(chosen)
    ticked = re.findall(
        r'value="([\w.]+)" checked', desk.get(at("webhook", webhook.pk)).content.decode()
    )
    assert ticked == ["message.received", "ticket.resolved"]
    desk.post(at("webhook", webhook.pk), values(webhook.url, types=chosen))
    webhook.refresh_from_db()
    assert webhook.types == []


def test_whoever_changes_it_makes_it_theirs(
    webhook: Webhook, cast: Cast, consumer: Consumer, admin: Agent
) -> None:
    """Else an admin could have sent to themselves what only another admin may read."""
    Membership.objects.create(team=cast.support, agent=admin)
    legal = make_inbox(cast.support, "Legal box", restriction="legal")
    otto = make_agent("Otto", role=Role.ADMIN)
    assert (
        "Saving makes it yours" in signed_in(otto).get(at("webhook", webhook.pk)).content.decode()
    )
    signed_in(otto).post(at("webhook", webhook.pk), values(webhook.url))
    webhook.refresh_from_db()
    assert webhook.agent == otto
    write_in(legal, "lee@example.org", text="Between us.")
    send.tell_due(seconds=600)
    assert (consumer.calls, set(webhook.calls.values_list("state", flat=True))) == (
        [],
        {"left_out"},
    )


def test_a_test_arrives_or_says_why_not(desk: Client, webhook: Webhook, consumer: Consumer) -> None:
    page = desk.post(at("test", webhook.pk))
    assert "The test arrived: it answered 204." in page.content.decode()
    assert (consumer.types, webhook.calls.count()) == (["test"], 0)
    consumer.answers = lambda heard: (301, {"Location": "/"})
    assert "Redirects are not followed" in desk.post(at("test", webhook.pk)).content.decode()
    consumer.down()
    assert "No answer" in desk.post(at("test", webhook.pk)).content.decode()


def test_a_test_says_when_no_key_opens_the_secret(
    desk: Client, webhook: Webhook, consumer: Consumer
) -> None:
    Webhook.objects.update(sealed=b"not sealed by us")
    page = desk.post(at("test", webhook.pk))
    assert "No key opens its secret. Replace it." in page.content.decode()
    assert consumer.tries == []


def test_off_on_and_gone(desk: Client, webhook: Webhook, cast: Cast) -> None:
    desk.post(at("off", webhook.pk))
    make_ticket(cast.inbox)
    assert webhook.calls.count() == 0
    desk.post(at("start", webhook.pk))
    make_ticket(cast.inbox, "lee@example.org")
    assert webhook.calls.count() > 0
    desk.post(at("remove", webhook.pk))
    assert not Webhook.objects.exists()


def test_a_stopped_one_says_so_on_every_page_of_admins(
    desk: Client, webhook: Webhook, cast: Cast
) -> None:
    words = "A webhook was stopped"
    home = reverse("settings:account")
    assert words not in desk.get(home).content.decode()
    queue.stop(webhook, queue.Stopped.FAILING)
    assert words in desk.get(home).content.decode()
    assert words not in signed_in(cast.alice).get(home).content.decode()
    page = desk.get(at("webhook", webhook.pk)).content.decode()
    assert "It has not answered for three days." in page
    desk.post(at("start", webhook.pk))
    assert words not in desk.get(home).content.decode()


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.SUPERVISOR}])
def test_that_of_who_is_no_admin_any_more_is_started_by_making_it_ones_own(
    webhook: Webhook, admin: Agent, change: dict[str, Any]
) -> None:
    Agent.objects.filter(pk=admin.pk).update(**change)
    otto = signed_in(make_agent("Otto", role=Role.ADMIN))
    assert "stopped</span>" in otto.get(at("webhooks")).content.decode()
    queue.stop(webhook, queue.Stopped.AGENT)
    start = f'action="{at("start", webhook.pk)}"'
    assert start not in otto.get(at("webhook", webhook.pk)).content.decode()
    assert otto.post(at("start", webhook.pk)).status_code == 422
    otto.post(at("webhook", webhook.pk), values(webhook.url))
    assert start in otto.get(at("webhook", webhook.pk)).content.decode()
    assert otto.post(at("start", webhook.pk)).status_code == 302


# The log


def test_the_log_shows_states_and_never_texts(
    desk: Client, webhook: Webhook, cast: Cast, consumer: Consumer
) -> None:
    make_ticket(cast.inbox, subject="Broken lamp", text="A secret of mine.")
    legal = make_inbox(cast.support, "Legal box", restriction="legal")
    make_ticket(legal, "lee@example.org", subject="Between us", text="Nobody may know.")
    send.tell_due(seconds=600)
    page = desk.get(at("log", webhook.pk)).content.decode()
    assert ("Broken lamp" in page, "A secret" in page) == (True, False)
    assert ("Between us" in page, "restricted" in page) == (False, True)
    left_out = desk.get(at("log", webhook.pk), {"state": "left_out"}).context["page"]
    assert {row.call.state for row in left_out.rows} == {"left_out"}


def test_the_log_is_read_in_pages(
    desk: Client,
    webhook: Webhook,
    cast: Cast,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(30):
        make_ticket(cast.inbox, f"c{number}@example.org")
    whole = [call.pk for call in webhook.calls.order_by("-entry")]
    with django_assert_max_num_queries(8):
        first = desk.get(at("log", webhook.pk)).context["page"]
    rest = desk.get(at("log", webhook.pk), {"before": first.next}).context["page"]
    assert [row.call.pk for row in (*first.rows, *rest.rows)] == whole
    assert rest.next is None


@pytest.mark.parametrize("query", ["?state=odd", "?before=x", "?state=done", "?before=²"])
def test_nonsense_is_not_found(desk: Client, webhook: Webhook, query: str) -> None:
    assert desk.get(at("log", webhook.pk) + query).status_code == 404


def test_failed_ones_are_sent_again_from_the_log(
    desk: Client, webhook: Webhook, cast: Cast, consumer: Consumer
) -> None:
    make_ticket(cast.inbox)
    webhook.calls.update(state="failed", ended_at=database_now(), tries=10, status=500)
    page = desk.get(at("log", webhook.pk), {"state": "failed"}).content.decode()
    assert ("Send all failed again" in page, "It answered 500." in page) == (True, True)
    one = webhook.calls.order_by("entry")[0]
    desk.post(at("resend", webhook.pk, one.pk))
    send.tell_due(seconds=600)
    assert len(consumer.calls) == 1
    desk.post(at("resend-failed", webhook.pk))
    send.tell_due(seconds=600)
    assert len(consumer.calls) == webhook.calls.count() == len(set(consumer.names))


def test_the_log_of_one_that_tells_nothing_offers_no_sending(
    desk: Client, webhook: Webhook, cast: Cast
) -> None:
    make_ticket(cast.inbox)
    webhook.calls.update(state="failed", ended_at=database_now(), tries=10, status=500)
    one = webhook.calls.order_by("entry")[0]
    desk.post(at("off", webhook.pk))
    for path in (at("resend", webhook.pk, one.pk), at("resend-failed", webhook.pk)):
        refused = desk.post(path)
        assert (refused.status_code, b"Switch it on first." in refused.content) == (422, True)
    page = desk.get(at("log", webhook.pk), {"state": "failed"}).content.decode()
    assert ("switch it on first" in page, "/again/" in page) == (True, False)


# Names


def about_the_customer() -> set[str]:
    """Events that belong to no ticket, as the code writes them down: they are not told."""
    found = set[str]()
    for path in ROOT.glob("conversations/*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call).startswith("thread.event(None, "):
                event = call.args[1]
                found |= (
                    {str(event.value)} if isinstance(event, ast.Constant) else set(customers.CLOSED)
                )
    return found


def test_all_that_can_happen_to_a_ticket_is_in_the_form() -> None:
    reasons = {event for event, _why in happenings.REASONS}
    events = {*happenings.DONE, *happenings.BY_ITSELF, *reasons, *ownership.OWNER_EVENTS}
    assert {f"ticket.{event}" for event in events - about_the_customer()} == {
        name for name in news.LABELS if name.startswith("ticket.")
    }


def test_whatever_is_done_has_a_name(cast: Cast) -> None:
    for prepare, act in VERBS.values():
        with suppress(Undone), transaction.atomic():
            desk = Desk.made(cast)
            act(desk, prepare(desk))
            assert told() <= set(news.LABELS)
            raise Undone


def told() -> set[str]:
    """What a webhook that takes all would have been told by now."""
    name = Func("kind", "direction", "event", function="webhook_type", output_field=TextField())
    return set(Entry.objects.exclude(ticket=None).values_list(name, flat=True))


class Undone(Exception):
    """Takes back what was done in its block."""
