from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# Unresolved tickets that are astray: none, as long as the laws hold. In the words of
# `conversations/invariants/laws.py`.
ASTRAY = """
CREATE INDEX CONCURRENTLY "ticket_astray" ON "conversations_ticket" ("id")
WHERE status <> 'resolved' AND (
  agent_id IS NOT NULL AND bot_id IS NOT NULL
  OR deadline_at IS NULL
  OR (deadline_kind = 'promise') <> (otherwise_at IS NOT NULL)
  OR promised_at < deadline_at
  OR CASE WHEN deadline_kind = 'promise' THEN otherwise_kind ELSE deadline_kind END
    <> CASE status WHEN 'open' THEN 'respond' WHEN 'pending' THEN 'follow_up' ELSE 'wake' END)
"""


class Migration(migrations.Migration):
    """Indexes of a table in use, built while it is written to."""

    atomic = False
    dependencies = [("conversations", "0025_law_checks")]

    operations = [
        # What an interrupted build leaves has the name, and is used by nobody.
        *(
            migrations.RunSQL(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"', migrations.RunSQL.noop)
            for name in ("ticket_astray", "ticket_holders", "ticket_promised")
        ),
        migrations.RunSQL(ASTRAY, 'DROP INDEX CONCURRENTLY "ticket_astray"'),
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(
                models.F("team"),
                models.F("agent"),
                condition=models.Q(
                    models.Q(("status", "resolved"), _negated=True), ("agent__isnull", False)
                ),
                name="ticket_holders",
            ),
        ),
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(
                models.F("id"),
                condition=models.Q(("promised_at__isnull", False)),
                name="ticket_promised",
            ),
        ),
    ]
