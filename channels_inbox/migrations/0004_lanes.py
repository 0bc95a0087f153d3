from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index that finds the first of a lane, under a condition that is its own."""

    atomic = False
    dependencies = [("channels_inbox", "0003_webhooks")]

    operations = [
        # What an interrupted build leaves has the name, and is used by nobody.
        migrations.RunSQL(
            'DROP INDEX CONCURRENTLY IF EXISTS "item_first_of_lane"', migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="item",
            index=models.Index(
                models.F("lane"),
                models.F("id"),
                condition=models.Q(("ended_at", None)),
                name="item_first_of_lane",
            ),
        ),
        RemoveIndexConcurrently(model_name="item", name="item_lane"),
    ]
