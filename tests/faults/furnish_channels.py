"""Connects inboxes of a stand's desk to stand-ins of providers, as an admin's form does. Prints
the addresses of their hooks.

Runs as a program with the product's environment: `python -m tests.faults.furnish_channels TOLD`,
where TOLD is a list of {"kind", "answers", "secret"}; the last is of who is handed one.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Any


def main(told: list[dict[str, Any]]) -> dict[str, str]:
    from channels_inbox import accounts, vault
    from channels_inbox.models import Account
    from channels_inbox.provider import provider_of
    from conversations.models import Inbox, Team

    team, made = Team.objects.get(), {}
    for one in told:
        provider, answers = provider_of(one["kind"]), one["answers"]
        given = {each.name: answers.get(each.name, each.initial) for each in provider.settings}
        secrets = {each.name: given.pop(each.name) for each in provider.settings if each.secret}
        for each in provider.settings:
            if each.switch:
                given[each.name] = bool(given[each.name])
        inbox = Inbox(name=one["kind"], kind=one["kind"], team=team, undo_window=timedelta())
        with vault.trying(secrets):
            inbox.address = provider.introduce(Account(inbox=inbox, config=given))
        inbox.save()
        account = accounts.connect(inbox, given, secrets)
        if one["secret"]:
            vault.put(inbox, provider.secret, one["secret"])
        else:
            provider.open_hook(account)
        made[one["kind"]] = provider.hook_address(inbox)
    return made


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    django.setup()
    print(json.dumps(main(json.loads(sys.argv[1]))))
