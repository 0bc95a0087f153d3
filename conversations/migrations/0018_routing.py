import datetime

import django.db.models.deletion
import django.db.models.functions.datetime
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """Presence that people choose, capacity and weights, and what a team assigns by itself."""

    dependencies = [
        ("conversations", "0017_promises_valid"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChannelWeight",
            fields=[
                ("kind", models.CharField(max_length=30, primary_key=True, serialize=False)),
                ("units", models.PositiveSmallIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="agent",
            name="capacity",
            field=models.PositiveSmallIntegerField(
                db_default=20, default=20, verbose_name="capacity"
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="chosen_state",
            field=models.CharField(
                choices=[
                    ("online", "Online"),
                    ("away", "Away"),
                    ("transfers", "Transfers only"),
                    ("offline", "Offline"),
                ],
                db_default="online",
                default="online",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="assigned_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="presence",
            name="told_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddField(
            model_name="presence",
            name="told",
            field=models.CharField(
                choices=[
                    ("online", "Online"),
                    ("away", "Away"),
                    ("transfers", "Transfers only"),
                    ("offline", "Offline"),
                ],
                db_default="offline",
                default="offline",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="assigns",
            field=models.CharField(
                choices=[
                    ("off", "Off: people take what they choose"),
                    ("round_robin", "In turn: whoever got nothing for the longest time"),
                    ("least_loaded", "By load: whoever has the most room"),
                ],
                db_default="off",
                default="off",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="is_last_stop",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="team",
            name="last_agent_first",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="team",
            name="offline_grace",
            field=models.DurationField(
                blank=True,
                db_default=datetime.timedelta(seconds=600),
                default=datetime.timedelta(seconds=600),
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="children",
                to="conversations.team",
            ),
        ),
        AddConstraintNotValid(
            model_name="agent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("chosen_state__in", ["online", "away", "transfers", "offline"])
                ),
                name="agent_chosen_state",
            ),
        ),
        AddConstraintNotValid(
            model_name="presence",
            constraint=models.CheckConstraint(
                condition=models.Q(("told__in", ["online", "away", "transfers", "offline"])),
                name="presence_state",
            ),
        ),
        AddConstraintNotValid(
            model_name="team",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("parent", None),
                    models.Q(
                        ("is_last_stop", False), models.Q(("parent", models.F("id")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="team_parent",
            ),
        ),
        AddConstraintNotValid(
            model_name="team",
            constraint=models.CheckConstraint(
                condition=models.Q(("assigns__in", ["off", "round_robin", "least_loaded"])),
                name="team_assigns",
            ),
        ),
        migrations.AddConstraint(
            model_name="channelweight",
            constraint=models.CheckConstraint(
                condition=models.Q(("units__gte", 1), ("units__lte", 1000)), name="weight_units"
            ),
        ),
        migrations.RunSQL(
            """UPDATE conversations_team SET is_last_stop = true
            WHERE id = (SELECT min(id) FROM conversations_team)""",
            migrations.RunSQL.noop,
        ),
    ]
