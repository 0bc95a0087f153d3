from django.contrib.postgres.indexes import GinIndex
from django.db import migrations


class Migration(migrations.Migration):
    """Words that came in last wait in a list which each search reads from end to end. It was let
    grow to 4 MB, thousands of entries; what is put into the index sooner costs intake little."""

    dependencies = [("conversations", "0011_longer_searches")]

    operations = [
        migrations.SeparateDatabaseAndState(
            # The index stays as it is: Django would build it anew.
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX entry_search SET (gin_pending_list_limit = 256)",
                    "ALTER INDEX entry_search RESET (gin_pending_list_limit)",
                )
            ],
            state_operations=[
                migrations.RemoveIndex(model_name="entry", name="entry_search"),
                migrations.AddIndex(
                    model_name="entry",
                    index=GinIndex("search", name="entry_search", gin_pending_list_limit=256),
                ),
            ],
        )
    ]
