import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """Room for a search of two hundred letters that take nine characters each in an address.

    PostgreSQL alters no column that a trigger looks at, so the trigger goes and comes back.
    """

    dependencies = [("conversations", "0010_ticket_opened")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="transcriptexport", name="asked_for_ever"),
        migrations.AlterField(
            model_name="transcriptexport",
            name="query",
            field=models.CharField(blank=True, default="", max_length=5000),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transcriptexport",
            trigger=pgtrigger.compiler.Trigger(
                name="asked_for_ever",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."agent_id" IS DISTINCT FROM (NEW."agent_id") OR OLD."asked_at" IS DISTINCT FROM (NEW."asked_at") OR OLD."conversation_id" IS DISTINCT FROM (NEW."conversation_id") OR OLD."format" IS DISTINCT FROM (NEW."format") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."query" IS DISTINCT FROM (NEW."query") OR OLD."ticket_id" IS DISTINCT FROM (NEW."ticket_id") OR OLD."with_notes" IS DISTINCT FROM (NEW."with_notes"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="429a31661262b8826eb9a6ae4b0dae83c1c99f85",
                    operation="UPDATE",
                    pgid="pgtrigger_asked_for_ever_6e7b5",
                    table="conversations_transcriptexport",
                    when="BEFORE",
                ),
            ),
        ),
    ]
