from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index of the search over transcripts. Built beside the writes of a desk that is open."""

    atomic = False
    dependencies = [("conversations", "0009_api")]

    operations = [
        AddIndexConcurrently(
            model_name="ticket",
            index=models.Index(models.F("opened_at"), models.F("id"), name="ticket_opened"),
        ),
    ]
