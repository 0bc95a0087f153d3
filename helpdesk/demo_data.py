"""What a newcomer finds in the demo."""

from django.db import connection, transaction

from conversations.models import Agent, Membership, Team
from helpdesk.demo_cast import CAST, PASSWORD


def load_once() -> None:
    """Fill the desk if it is empty, in one transaction; several starts at once fill it once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('helpdesk.demo_data'))")
        if not Agent.objects.exists():
            load()


def load() -> None:
    """Create the demo's people and their team."""
    team = Team.objects.create(name="Support")
    for part in CAST:
        agent = Agent.objects.create_user(part.email, PASSWORD, name=part.name, role=part.role)
        Membership.objects.create(team=team, agent=agent)
