from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What waits is found inbox by inbox: a claim of chats reads no mail that waits before them."""

    atomic = False
    dependencies = [("channels_inbox", "0006_gates")]

    operations = [
        # What an interrupted build leaves has the name, and is used by nobody.
        migrations.RunSQL(
            'DROP INDEX CONCURRENTLY IF EXISTS "item_waiting_of_inbox"', migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="item",
            index=models.Index(
                models.F("inbox"),
                models.F("next_at"),
                models.F("id"),
                condition=models.Q(("state", "waiting")),
                name="item_waiting_of_inbox",
            ),
        ),
        RemoveIndexConcurrently(model_name="item", name="item_waiting"),
    ]
