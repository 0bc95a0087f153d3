import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0007_goes_on_by"),
    ]

    operations = [
        migrations.CreateModel(
            name="TranscriptAccess",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("read", "read"),
                            ("exported", "asked for a file"),
                            ("downloaded", "downloaded the file"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("hour", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="TranscriptExport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("client_token", models.UUIDField(default=uuid.uuid4)),
                ("query", models.CharField(blank=True, default="", max_length=1000)),
                (
                    "format",
                    models.CharField(
                        choices=[
                            ("html", "Page to read and print (HTML)"),
                            ("json", "Data for programs (JSON)"),
                        ],
                        max_length=4,
                    ),
                ),
                ("with_notes", models.BooleanField()),
                ("language", models.CharField(max_length=10)),
                ("time_zone", models.CharField(max_length=64)),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waiting"),
                            ("working", "being made"),
                            ("done", "ready"),
                            ("failed", "could not be made"),
                            ("expired", "file deleted"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_epoch", models.IntegerField(default=0)),
                ("done_entries", models.IntegerField(default=0)),
                ("all_entries", models.IntegerField(default=0)),
                (
                    "tickets",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("storage_key", models.CharField(blank=True, default="", max_length=200)),
                ("size", models.BigIntegerField(default=0)),
                ("ended_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("gone", "You may not read this any more."),
                            ("too_much", "It is too much for one file. Narrow the search."),
                            ("error", "Something went wrong here. Ask for it again."),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("id"),
                        condition=models.Q(("state__in", ("queued", "working"))),
                        name="export_waiting",
                    ),
                    models.Index(
                        models.F("expires_at"),
                        condition=models.Q(("state", "done")),
                        name="export_outlived",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("format__in", ["html", "json"])), name="export_format"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["queued", "working", "done", "failed", "expired"])
                        ),
                        name="export_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "working"), ("lease_until__isnull", False)),
                            models.Q(
                                models.Q(("state", "working"), _negated=True), ("lease_until", None)
                            ),
                            _connector="OR",
                        ),
                        name="export_lease",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                ("expires_at__isnull", False),
                                ("state", "done"),
                                models.Q(("storage_key", ""), _negated=True),
                            ),
                            ("state", "working"),
                            models.Q(
                                ("state__in", ("queued", "failed", "expired")), ("storage_key", "")
                            ),
                            _connector="OR",
                        ),
                        name="export_file",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("done_entries__gte", 0), ("done_entries__lte", models.F("all_entries"))
                        ),
                        name="export_progress",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "failed"), models.Q(("reason", ""), _negated=True)),
                            models.Q(models.Q(("state", "failed"), _negated=True), ("reason", "")),
                            _connector="OR",
                        ),
                        name="export_reason",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="transcriptaccess",
            name="agent",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="transcriptaccess",
            name="conversation",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.conversation",
            ),
        ),
        migrations.AddField(
            model_name="transcriptaccess",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.ticket",
            ),
        ),
        migrations.AddField(
            model_name="transcriptexport",
            name="agent",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="transcriptexport",
            name="conversation",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.conversation",
            ),
        ),
        migrations.AddField(
            model_name="transcriptexport",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.ticket",
            ),
        ),
        migrations.AddField(
            model_name="transcriptaccess",
            name="export",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.transcriptexport",
            ),
        ),
        migrations.AddIndex(
            model_name="transcriptexport",
            index=models.Index(models.F("agent"), models.F("id"), name="export_of_agent"),
        ),
        migrations.AddConstraint(
            model_name="transcriptexport",
            constraint=models.UniqueConstraint(
                models.F("agent"), models.F("client_token"), name="export_client_token"
            ),
        ),
        migrations.AddConstraint(
            model_name="transcriptexport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("conversation", None), ("query", ""), ("ticket__isnull", False)),
                    models.Q(("conversation__isnull", False), ("query", ""), ("ticket", None)),
                    models.Q(
                        ("conversation", None),
                        ("ticket", None),
                        models.Q(("query", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="export_one_subject",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transcriptexport",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="47a826f778e41ab89233f306697702829c2af9db",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_a554c",
                    table="conversations_transcriptexport",
                    when="BEFORE",
                ),
            ),
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
        migrations.AddIndex(
            model_name="transcriptaccess",
            index=models.Index(models.F("agent"), models.F("id"), name="transcript_by_agent"),
        ),
        migrations.AddIndex(
            model_name="transcriptaccess",
            index=models.Index(
                models.F("ticket"),
                models.F("id"),
                condition=models.Q(("ticket__isnull", False)),
                name="transcript_of_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="transcriptaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("act", "read"),
                        ("export", None),
                        ("hour__isnull", False),
                        models.Q(
                            models.Q(("conversation", None), ("ticket__isnull", False)),
                            models.Q(("conversation__isnull", False), ("ticket", None)),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        ("act__in", ("exported", "downloaded")),
                        ("export__isnull", False),
                        ("hour", None),
                        models.Q(("ticket", None), ("conversation", None), _connector="OR"),
                    ),
                    _connector="OR",
                ),
                name="transcript_access_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="transcriptaccess",
            constraint=models.UniqueConstraint(
                models.F("agent"),
                models.F("ticket"),
                models.F("hour"),
                condition=models.Q(("act", "read"), ("ticket__isnull", False)),
                name="transcript_read_ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="transcriptaccess",
            constraint=models.UniqueConstraint(
                models.F("agent"),
                models.F("conversation"),
                models.F("hour"),
                condition=models.Q(("act", "read"), ("conversation__isnull", False)),
                name="transcript_read_conversation",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transcriptaccess",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="e8ee7dd7415bed57a757d1e3392e81e4868e4e3c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_2275a",
                    table="conversations_transcriptaccess",
                    when="BEFORE",
                ),
            ),
        ),
    ]
