import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# A promise is bound to the history of owners of its ticket, so that how many inherited it can always
# be told.
LAWS = """
ALTER TABLE conversations_promise
  ADD CONSTRAINT promise_since_epoch FOREIGN KEY (ticket_id, epoch)
  REFERENCES conversations_ownership (ticket_id, epoch) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE conversations_promise
  ADD CONSTRAINT promise_until_epoch FOREIGN KEY (ticket_id, closed_epoch)
  REFERENCES conversations_ownership (ticket_id, epoch) DEFERRABLE INITIALLY DEFERRED;
"""
UNDONE = """
ALTER TABLE conversations_promise DROP CONSTRAINT promise_until_epoch;
ALTER TABLE conversations_promise DROP CONSTRAINT promise_since_epoch;
"""


class Migration(migrations.Migration):
    """What was promised to customers, and the deadline it makes for its ticket. Tickets that are
    there are looked at by the next migration, without a lock."""

    dependencies = [
        ("conversations", "0015_who_has_read_valid"),
    ]

    operations = [
        migrations.CreateModel(
            name="Promise",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rev", models.BigIntegerField()),
                ("text", models.CharField(max_length=200)),
                (
                    "channel",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "any way"),
                            ("phone", "by phone"),
                            ("email", "by mail"),
                            ("chat", "in the chat"),
                            ("other", "otherwise"),
                        ],
                        db_default="",
                        default="",
                        max_length=8,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("warn_at", models.DateTimeField()),
                ("warned_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("kept", "kept"),
                            ("broken", "broken"),
                            ("withdrawn", "no longer needed"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("actor", models.CharField(max_length=40)),
                ("made_at", models.DateTimeField()),
                ("epoch", models.BigIntegerField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_epoch", models.BigIntegerField(null=True)),
                ("late", models.BooleanField(db_default=False, default=False)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=200)),
            ],
        ),
        migrations.AddField(
            model_name="ticket",
            name="otherwise_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="ticket",
            name="otherwise_kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("respond", "respond by"),
                    ("follow_up", "follow up after"),
                    ("wake", "wakes"),
                    ("promise", "promised for"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="promised_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="ticket",
            name="deadline_kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("respond", "respond by"),
                    ("follow_up", "follow up after"),
                    ("wake", "wakes"),
                    ("promise", "promised for"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        AddConstraintNotValid(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "resolved"), _negated=True),
                    ("promised_at", None),
                    _connector="OR",
                ),
                name="ticket_keeps_promises",
            ),
        ),
        AddConstraintNotValid(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("deadline_kind", "promise"), _negated=True),
                    models.Q(
                        ("otherwise_at__isnull", False),
                        ("otherwise_kind__in", ("respond", "follow_up", "wake")),
                        ("promised_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="ticket_promise_armed",
            ),
        ),
        migrations.AddField(
            model_name="promise",
            name="closed_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="promise",
            name="entry",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="promises",
                to="conversations.entry",
            ),
        ),
        migrations.AddField(
            model_name="promise",
            name="made_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="promise",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="promises",
                to="conversations.ticket",
            ),
        ),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(
                models.F("warn_at"),
                condition=models.Q(("state", "open"), ("warned_at", None)),
                name="promise_to_warn",
            ),
        ),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(
                models.F("due_at"),
                models.F("id"),
                condition=models.Q(("state", "open")),
                name="promise_by_due",
            ),
        ),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(
                models.F("ticket"),
                models.F("due_at"),
                condition=models.Q(("state", "open")),
                name="promise_of_ticket",
            ),
        ),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(models.F("ticket"), models.F("rev"), name="promise_rev"),
        ),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(
                models.F("entry"),
                condition=models.Q(("entry__isnull", False)),
                name="promise_of_entry",
            ),
        ),
        migrations.AddIndex(
            model_name="promise",
            index=models.Index(
                models.F("closed_at"),
                condition=models.Q(("state", "open"), _negated=True),
                name="promise_by_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("ticket", "entry", "text"),
                name="promise_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "kept", "broken", "withdrawn"])),
                name="promise_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", ["", "phone", "email", "chat", "other"])),
                name="promise_channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="promise_text"
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("warn_at__lt", models.F("due_at")), ("due_at__gt", models.F("made_at"))
                ),
                name="promise_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_at", None),
                        ("closed_by", None),
                        ("closed_epoch", None),
                        ("state", "open"),
                    ),
                    models.Q(
                        models.Q(("state", "open"), _negated=True),
                        ("closed_at__isnull", False),
                        ("closed_epoch__gte", 1),
                    ),
                    _connector="OR",
                ),
                name="promise_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "kept"), _negated=True),
                    ("closed_at__lte", models.F("due_at")),
                    _connector="OR",
                ),
                name="promise_kept_in_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("late", False),
                    models.Q(("closed_at__gt", models.F("due_at")), ("state", "broken")),
                    _connector="OR",
                ),
                name="promise_late",
            ),
        ),
        migrations.AddConstraint(
            model_name="promise",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "withdrawn"), models.Q(("reason", ""), _negated=True)),
                    models.Q(models.Q(("state", "withdrawn"), _negated=True), ("reason", "")),
                    _connector="OR",
                ),
                name="promise_reason",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="promise",
            trigger=pgtrigger.compiler.Trigger(
                name="promise_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="aa4e124c55e35266b126e1f8d0ad97b739595a91",
                    operation="DELETE",
                    pgid="pgtrigger_promise_never_deleted_54afb",
                    table="conversations_promise",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="promise",
            trigger=pgtrigger.compiler.Trigger(
                name="promise_closed_for_ever",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (OLD.\"state\" = 'open'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="b863213960982017022f404b1d34e74edcafe88b",
                    operation="UPDATE",
                    pgid="pgtrigger_promise_closed_for_ever_2c21c",
                    table="conversations_promise",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="promise",
            trigger=pgtrigger.compiler.Trigger(
                name="promise_as_it_was_made",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."actor" IS DISTINCT FROM (NEW."actor") OR OLD."entry_id" IS DISTINCT FROM (NEW."entry_id") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at") OR OLD."made_by_id" IS DISTINCT FROM (NEW."made_by_id") OR OLD."text" IS DISTINCT FROM (NEW."text"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="6294616e6b37b07c1f36f0aa6c26e3f10cb8ae13",
                    operation="UPDATE",
                    pgid="pgtrigger_promise_as_it_was_made_04e05",
                    table="conversations_promise",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(LAWS, UNDONE),
    ]
