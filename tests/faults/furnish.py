"""Furnishes the empty desk of a stand: a team, an agent and three inboxes. Prints their public ids.

Runs as a program with the product's environment: `python -m tests.faults.furnish PORTS`.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Any

from tests.faults.plan import AGENT, HOOK_SECRET, PASSWORD

UNDO_WINDOWS = {"one": timedelta(), "two": timedelta(seconds=1), "mailbox": timedelta()}


def main(ports: dict[str, int]) -> dict[str, str]:
    from channels_inbox import vault
    from channels_inbox.models import Account
    from conversations.models import Agent, Inbox, Membership, Role, Team
    from conversations.thread import database_now
    from tests.faults.letters import address

    team = Team.objects.create(name="Support")
    agent = Agent.objects.create_user(AGENT, PASSWORD, name="Alice", role=Role.ADMIN)
    Membership.objects.create(team=team, agent=agent)
    made = {}
    for name, window in UNDO_WINDOWS.items():
        inbox = Inbox.objects.create(
            name=name, kind="email", address=address(name), team=team, undo_window=window
        )
        pulls = name == "mailbox"
        Account.objects.create(
            inbox=inbox,
            config=_config(ports, pulls=pulls),
            next_pull_at=database_now() if pulls else None,
        )
        vault.put(inbox, "hook", HOOK_SECRET)
        if pulls:
            vault.put(inbox, "imap_password", "demo")
        made[name] = inbox.public_id
    return made


def _config(ports: dict[str, int], *, pulls: bool) -> dict[str, Any]:
    from channels_inbox.email.config import MailConfig
    from tests.faults.letters import address

    out: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": ports["sink"],
        "smtp_security": "none",
    }
    if not pulls:
        return MailConfig(**out).stored()
    box: dict[str, Any] = {
        "imap_host": "127.0.0.1",
        "imap_port": ports["imap"],
        "imap_security": "none",
        "imap_username": address("mailbox"),
        "since_days": 1,
        "cutoff": "2026-01-01T00:00:00+00:00",
    }
    return MailConfig(**out, **box).stored()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    django.setup()
    print(json.dumps(main(json.loads(sys.argv[1]))))
