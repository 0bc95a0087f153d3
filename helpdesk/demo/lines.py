"""The demo's inboxes at the stand-ins of providers, connected as an admin does by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from django.conf import settings

from channels_inbox import accounts, vault
from channels_inbox import inboxes as desk_inboxes
from channels_inbox.base import ConnectError
from channels_inbox.models import Account
from channels_inbox.pages.provider_form import ProviderForm
from channels_inbox.provider import provider_of
from channels_inbox.webhooks import signatures
from conversations.models import Inbox
from helpdesk.demo import handset
from helpdesk.sandbox.lines import LINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conversations.models import Agent, Team
    from helpdesk.sandbox.lines import Line
    from helpdesk.sandbox.provider import Sandbox

log = structlog.get_logger(__name__)

NAMES: Final = {"phone": "Telephone"}


def connect(team: Team, by: Agent) -> dict[str, Inbox]:
    """An inbox for each account that isn't spare, by its slug."""
    return {line.slug: _connected(line, team, by) for line in LINES if not line.spare}


def open_hooks() -> None:
    """Lead all inboxes of the stand-ins to where these are now, and tell them where to call: ports
    may differ at each start."""
    known = {(one.kind, one.address): (slug, one) for slug, one in stand_ins().items()}
    addresses = [address for _kind, address in known]
    rows = Account.objects.filter(inbox__address__in=addresses).select_related("inbox")
    for account in rows.order_by("pk"):
        slug, sandbox = known.get((account.inbox.kind, account.inbox.address), ("", None))
        if sandbox:
            _lead(account, sandbox)
        if sandbox and sandbox.handed:
            _hand(account.inbox, slug)


def fill_phones(bubbles: Sequence[dict[str, Any]]) -> None:
    """Put what was told on the phones it was told on."""
    if bubbles:
        handset.ask("fill", bubbles=bubbles)


def stand_ins() -> Mapping[str, Sandbox]:
    """What is asked of each account in its inbox's form, by slug."""
    ports = settings.DEMO_SANDBOX_PORTS[1:] or [0] * len(LINES)
    return {line.slug: line.make(port) for line, port in zip(LINES, ports, strict=True)}


def _connected(line: Line, team: Team, by: Agent) -> Inbox:
    sandbox = stand_ins()[line.slug]
    provider = provider_of(sandbox.kind)
    told = sandbox.answers() | {
        "name": NAMES.get(line.slug, sandbox.app),
        "team": team.pk,
        "restriction": "",
        "undo_seconds": 0,
        "reopen_hours": 72,
        "price": "0.045 EUR",
    }
    form = ProviderForm(told, provider=provider, inbox=Inbox(kind=sandbox.kind), known={})
    if not form.is_valid():
        raise ValueError(form.errors.as_json())
    inbox = form.filled()
    inbox.address, inbox.from_name = sandbox.address, "Demo shop"
    desk_inboxes.save(inbox, by=by)
    accounts.connect(inbox, form.config(), form.secrets())
    return inbox


def _hand(inbox: Inbox, line: str) -> None:
    """As an admin does who has a secret made, and writes it into the other system."""
    provider = provider_of(inbox.kind)
    secret = signatures.new_secret()
    vault.put(inbox, provider.secret, secret)
    try:
        handset.ask("hand", line=line, hook=provider.hook_address(inbox), secret=secret)
    except handset.NotThere:
        log.warning("stand_in_away", inbox=inbox.pk, code="handed")


def _lead(account: Account, sandbox: Sandbox) -> None:
    provider, url = provider_of(account.inbox.kind), sandbox.answers().get("base_url")
    told = {"base_url": url} if url else {}
    connected = accounts.connect(account.inbox, {**account.config, **told}, {})
    try:
        provider.open_hook(connected)
    except ConnectError as error:
        log.warning("stand_in_away", inbox=account.pk, code=error.code)
