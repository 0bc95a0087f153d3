from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index of the search over transcripts. Built beside the writes of a desk that is open."""

    atomic = False
    dependencies = [("conversations", "0009_api")]

    operations = [
        # What an interrupted build leaves has the name, and is used by nobody.
        migrations.RunSQL(
            'DROP INDEX CONCURRENTLY IF EXISTS "ticket_opened"', migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(models.F("opened_at"), models.F("id"), name="ticket_opened"),
        ),
    ]
