import datetime

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# A stint is one of the history of owners.
LAWS = """
ALTER TABLE conversations_stint
  ADD CONSTRAINT stint_of_epoch FOREIGN KEY (ticket_id, epoch)
  REFERENCES conversations_ownership (ticket_id, epoch) DEFERRABLE INITIALLY DEFERRED;
"""
UNDONE = "ALTER TABLE conversations_stint DROP CONSTRAINT stint_of_epoch"


class Migration(migrations.Migration):
    """Bots: how long they hold a ticket and whose it is then, and what they collect."""

    dependencies = [
        ("conversations", "0018_routing"),
    ]

    operations = [
        migrations.CreateModel(
            name="Collected",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                (
                    "sort",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("email", "Email"),
                            ("number", "Number"),
                            ("date", "Date"),
                            ("choice", "Choice"),
                        ],
                        max_length=8,
                    ),
                ),
                ("value", models.CharField(max_length=300)),
                ("collected_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Stint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("epoch", models.BigIntegerField()),
                ("goal", models.CharField(blank=True, db_default="", default="", max_length=40)),
                ("most_turns", models.SmallIntegerField(null=True)),
                ("turns", models.SmallIntegerField(db_default=0, default=0)),
                ("memory", models.JSONField(default=dict)),
                ("due_at", models.DateTimeField(null=True)),
                ("late_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="bot",
            name="fallback",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.team",
            ),
        ),
        migrations.AddField(
            model_name="bot",
            name="holds_for",
            field=models.DurationField(
                db_default=datetime.timedelta(seconds=900), default=datetime.timedelta(seconds=900)
            ),
        ),
        migrations.AddField(
            model_name="bot",
            name="inbox",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.inbox",
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="bot_fallback",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.team",
            ),
        ),
        migrations.AddField(
            model_name="ticket",
            name="bot_until",
            field=models.DateTimeField(null=True),
        ),
        AddConstraintNotValid(
            model_name="bot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("holds_for__gt", datetime.timedelta(0)),
                    ("holds_for__lte", datetime.timedelta(days=1)),
                ),
                name="bot_holds_for",
            ),
        ),
        AddConstraintNotValid(
            model_name="ticket",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("bot", None), ("bot_fallback", None), ("bot_until", None)),
                    models.Q(
                        ("bot__isnull", False),
                        ("bot_fallback__isnull", False),
                        ("bot_until__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="ticket_with_bot",
            ),
        ),
        migrations.AddField(
            model_name="collected",
            name="bot",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.bot",
            ),
        ),
        migrations.AddField(
            model_name="collected",
            name="entry",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.entry",
            ),
        ),
        migrations.AddField(
            model_name="collected",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="collected",
                to="conversations.ticket",
            ),
        ),
        migrations.AddField(
            model_name="stint",
            name="bot",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.bot",
            ),
        ),
        migrations.AddField(
            model_name="stint",
            name="returns_to",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stint",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="stints",
                to="conversations.ticket",
            ),
        ),
        migrations.AddConstraint(
            model_name="collected",
            constraint=models.UniqueConstraint(
                models.F("ticket"), models.F("name"), name="collected_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="collected",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("sort__in", ("text", "choice")), ("value__regex", "\\S")),
                    models.Q(("sort", "email"), ("value__regex", "^[^@\\s]+@[^@\\s]+$")),
                    models.Q(("sort", "number"), ("value__regex", "^-?[0-9]+(\\.[0-9]+)?$")),
                    models.Q(("sort", "date"), ("value__regex", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")),
                    _connector="OR",
                ),
                name="collected_as_its_sort",
            ),
        ),
        migrations.AddIndex(
            model_name="stint",
            index=models.Index(
                models.F("due_at"),
                models.F("id"),
                condition=models.Q(("due_at__isnull", False)),
                name="stint_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="stint",
            constraint=models.UniqueConstraint(
                models.F("ticket"), models.F("epoch"), name="stint_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="stint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("goal", ""), ("most_turns", None), ("returns_to", None)),
                    models.Q(
                        models.Q(("goal", ""), _negated=True),
                        ("most_turns__range", (1, 10)),
                        ("returns_to__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="stint_goal_and_limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="stint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("most_turns", None), ("turns__lte", models.F("most_turns")), _connector="OR"
                ),
                name="stint_within_limit",
            ),
        ),
        migrations.RunSQL(LAWS, UNDONE),
    ]
