"""Who works at the made-up desk: teams, their agents and their mail inboxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from channels_inbox.models import Account
from conversations.models import Agent, Inbox, Membership, Restriction, Role, Team

DOMAIN: Final = "seed.example"
TEAMS: Final = ("Support", "Sales", "Billing", "Legal")
AGENTS_PER_TEAM: Final = 6


@dataclass(frozen=True)
class Post:
    """A team with its inbox and the ids of its agents."""

    team: int
    inbox: int
    restriction: str
    agents: tuple[int, ...]


def staff() -> list[Post]:
    """Make what is missing of the teams; the last one's inbox is restricted.

    Nobody can sign in as these agents: they have no password. People who are here already join
    the first team, so that they find something under "My teams".
    """
    others = list(Agent.objects.exclude(email__endswith=f"@{DOMAIN}").filter(is_active=True))
    posts = [_post(name, restricted=name == TEAMS[-1]) for name in TEAMS]
    if not Team.objects.filter(is_last_stop=True).exists():
        Team.objects.filter(pk=posts[0].team).update(is_last_stop=True)
    for agent in others:
        Membership.objects.get_or_create(team_id=posts[0].team, agent=agent)
    return posts


def _post(name: str, *, restricted: bool) -> Post:
    team, _made = Team.objects.get_or_create(name=name)
    address = f"{name.lower()}@{DOMAIN}"
    inbox, _made = Inbox.objects.get_or_create(
        kind="email",
        address=address,
        defaults={
            "name": name,
            "team": team,
            "restriction": Restriction.LEGAL if restricted else Restriction.NONE,
        },
    )
    Account.objects.get_or_create(inbox=inbox)
    agents = [_agent(team, name, number) for number in range(1, AGENTS_PER_TEAM + 1)]
    return Post(team.pk, inbox.pk, inbox.restriction, tuple(agent.pk for agent in agents))


def _agent(team: Team, name: str, number: int) -> Agent:
    email = f"{name.lower()}-{number}@{DOMAIN}"
    agent = Agent.objects.filter(email=email).first()
    if agent is None:
        role = Role.SUPERVISOR if number == 1 else Role.AGENT
        agent = Agent.objects.create_user(email, None, name=f"{name} {number}", role=role)
    Membership.objects.get_or_create(team=team, agent=agent)
    return agent
