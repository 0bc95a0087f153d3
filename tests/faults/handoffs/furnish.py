"""Furnishes the empty desk of a stand: two teams, their agents with a token each, an admin with a
session, and open tickets. Prints them. `python -m tests.faults.handoffs.furnish TICKETS AGENTS`."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(tickets: int, agents: int) -> dict[str, Any]:
    from conversations import api_tokens, intake, ownership
    from conversations.customers import Address
    from conversations.models import Agent, Inbox, Membership, Role, Team
    from helpdesk.bench.live import session_of

    teams = [Team.objects.create(name=name) for name in ("Front", "Back")]
    Team.objects.filter(pk=teams[0].pk).update(is_last_stop=True)
    admin = Agent.objects.create_user("boss@desk.example", name="Boss", role=Role.ADMIN)
    told: dict[str, Any] = {"teams": [team.pk for team in teams], "agents": []}
    crew = []
    for number in range(agents):
        team = teams[number % 2]
        agent = Agent.objects.create_user(f"a{number}@desk.example", name=f"Agent {number}")
        Membership.objects.create(team=team, agent=agent)
        _token, secret = api_tokens.make(
            agent, name="Harness", scopes=["read", "write"], lasts=None, by=agent
        )
        told["agents"].append({"id": agent.pk, "team": team.pk, "token": secret})
        crew.append(agent)
    for team in teams:
        Membership.objects.create(team=team, agent=admin)
    inboxes = [Inbox.objects.create(kind="email", name=team.name, team=team) for team in teams]
    for number in range(tickets):
        message = intake.Inbound(
            inbox=inboxes[number % 2],
            external_id=f"<{number}@customers.example>",
            sender=Address("email", f"c{number}@customers.example"),
            proof="aligned",
            text=f"Question {number}",
        )
        entry = intake.receive(message).entry
        assert entry is not None
        assert entry.ticket is not None
        ownership.take(entry.ticket, by=crew[number % agents], epoch=1)
    told["admin"] = {"id": admin.pk, "session": session_of(admin)}
    return told


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")
    import django

    django.setup()
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
