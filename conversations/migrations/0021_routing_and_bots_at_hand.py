from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

LAST_STOP = """
CREATE UNIQUE INDEX CONCURRENTLY "team_one_last_stop" ON "conversations_team" ("is_last_stop")
WHERE "is_last_stop"
"""
OF_INBOX = """
CREATE UNIQUE INDEX CONCURRENTLY "bot_of_inbox" ON "conversations_bot" ("inbox_id", "team_id")
"""


class Migration(migrations.Migration):
    """Indexes of tables in use, built while they are written to."""

    atomic = False
    dependencies = [("conversations", "0020_routing_and_bots_valid")]

    operations = [
        # What an interrupted build leaves has the name, and is used by nobody.
        *(
            migrations.RunSQL(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"', migrations.RunSQL.noop)
            for name in ("ticket_bot_until", "team_one_last_stop", "bot_of_inbox")
        ),
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(
                models.F("bot_until"),
                condition=models.Q(
                    models.Q(("status", "resolved"), _negated=True), ("bot__isnull", False)
                ),
                name="ticket_bot_until",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(LAST_STOP, 'DROP INDEX CONCURRENTLY "team_one_last_stop"')
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="team",
                    constraint=models.UniqueConstraint(
                        models.F("is_last_stop"),
                        condition=models.Q(("is_last_stop", True)),
                        name="team_one_last_stop",
                    ),
                )
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(OF_INBOX, 'DROP INDEX CONCURRENTLY "bot_of_inbox"')
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="bot",
                    constraint=models.UniqueConstraint(
                        models.F("inbox"), models.F("team"), name="bot_of_inbox"
                    ),
                )
            ],
        ),
    ]
