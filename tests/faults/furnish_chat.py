"""A chat on a stand's desk, and visitors with their tokens. Prints them.

Runs as a program with the product's environment: `python -m tests.faults.furnish_chat COUNT`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(count: int) -> dict[str, Any]:
    from channels_inbox.chat import accounts, visitors
    from channels_inbox.chat.config import ChatConfig
    from conversations.models import Inbox, Team

    team = Team.objects.get(name="Support")
    inbox = Inbox.objects.create(kind="chat", name="Chat", team=team)
    accounts.save_account(inbox, ChatConfig())
    tokens = [visitors.begin(inbox).token for _visitor in range(count)]
    return {"inbox": inbox.pk, "key": inbox.public_id, "tokens": tokens}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    django.setup()
    print(json.dumps(main(int(sys.argv[1]))))
