import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# Who works a shift is in its team, and goes from it with the membership; what is offered to a shift
# is offered to its team, and with what the next one must know.
LAWS = """
ALTER TABLE conversations_shiftworker
  ADD CONSTRAINT shiftworker_of_team FOREIGN KEY (shift_id, team_id)
  REFERENCES conversations_shift (id, team_id) ON DELETE CASCADE;

ALTER TABLE conversations_shiftworker
  ADD CONSTRAINT shiftworker_member FOREIGN KEY (team_id, agent_id)
  REFERENCES conversations_membership (team_id, agent_id) ON DELETE CASCADE;

ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_shift_of_team FOREIGN KEY (to_shift_id, to_team_id)
  REFERENCES conversations_shift (id, team_id) NOT VALID;

ALTER TABLE conversations_offer
  DROP CONSTRAINT offer_says_enough;

ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_says_enough CHECK (
    (from_team_id = to_team_id AND from_bot_id IS NULL AND to_shift_id IS NULL)
    OR (coalesce(packet #>> '{asks,text}', '') <> ''
      AND coalesce(packet #>> '{next,text}', '') <> ''
      AND coalesce(packet #>> '{reason,text}', '') <> '')) NOT VALID;
"""
UNDONE = """
ALTER TABLE conversations_offer DROP CONSTRAINT offer_says_enough;
ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_says_enough CHECK (
    (from_team_id = to_team_id AND from_bot_id IS NULL)
    OR (coalesce(packet #>> '{asks,text}', '') <> ''
      AND coalesce(packet #>> '{next,text}', '') <> ''
      AND coalesce(packet #>> '{reason,text}', '') <> '')) NOT VALID;
ALTER TABLE conversations_offer DROP CONSTRAINT offer_shift_of_team;
ALTER TABLE conversations_shiftworker DROP CONSTRAINT shiftworker_member;
ALTER TABLE conversations_shiftworker DROP CONSTRAINT shiftworker_of_team;
"""


class Migration(migrations.Migration):
    """Shifts of teams, offers to them, who leaves at their end and who signs for it."""

    dependencies = [
        ("conversations", "0027_codes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Leaving",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("told_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("settle_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Shift",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                (
                    "weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), size=None
                    ),
                ),
                ("begins", models.TimeField()),
                ("ends", models.TimeField()),
                ("removed_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["begins", "pk"],
            },
        ),
        migrations.CreateModel(
            name="ShiftEnd",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("tell_at", models.DateTimeField()),
                ("told_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ShiftWorker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SignOff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                ("tickets", models.JSONField()),
                ("signed_at", models.DateTimeField(null=True)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=200)),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="offer",
            name="offer_frozen",
        ),
        migrations.RemoveConstraint(
            model_name="offer",
            name="offer_lasts",
        ),
        migrations.AddField(
            model_name="offer",
            name="opens_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="team",
            name="zone",
            field=models.CharField(db_default="UTC", default="UTC", max_length=60),
        ),
        AddConstraintNotValid(
            model_name="team",
            constraint=models.CheckConstraint(
                condition=models.Q(("zone", ""), _negated=True), name="team_zone"
            ),
        ),
        migrations.AddField(
            model_name="leaving",
            name="agent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="leavings",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="leaving",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="conversations.team",
            ),
        ),
        migrations.AddField(
            model_name="shift",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="shifts",
                to="conversations.team",
            ),
        ),
        migrations.AddField(
            model_name="leaving",
            name="shift",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="conversations.shift",
            ),
        ),
        migrations.AddField(
            model_name="offer",
            name="to_shift",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.shift",
            ),
        ),
        AddConstraintNotValid(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__gt", models.F("offered_at")),
                    (
                        "expires_at__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.functions.comparison.Greatest(
                                "offered_at", "opens_at"
                            ),
                            "+",
                            models.Value(datetime.timedelta(days=1)),
                        ),
                    ),
                ),
                name="offer_lasts",
            ),
        ),
        AddConstraintNotValid(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("opens_at", None), ("to_shift", None)),
                    models.Q(
                        ("opens_at__isnull", False),
                        ("to_agent", None),
                        ("to_shift__isnull", False),
                        (
                            "opens_at__lte",
                            django.db.models.expressions.CombinedExpression(
                                models.F("offered_at"),
                                "+",
                                models.Value(datetime.timedelta(days=8)),
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="offer_to_shift",
            ),
        ),
        migrations.AddField(
            model_name="shiftend",
            name="shift",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="times",
                to="conversations.shift",
            ),
        ),
        migrations.AddField(
            model_name="shiftworker",
            name="agent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="shifts",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="shiftworker",
            name="shift",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="workers",
                to="conversations.shift",
            ),
        ),
        migrations.AddField(
            model_name="shiftworker",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="conversations.team",
            ),
        ),
        migrations.AddField(
            model_name="signoff",
            name="agent",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="signoff",
            name="leaving",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sign_offs",
                to="conversations.leaving",
            ),
        ),
        migrations.AddField(
            model_name="signoff",
            name="signed_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.UniqueConstraint(
                models.F("id"), models.F("team"), name="shift_of_team"
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.UniqueConstraint(
                models.F("team"),
                models.F("name"),
                condition=models.Q(("removed_at", None)),
                name="shift_name_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("weekdays__contained_by", [0, 1, 2, 3, 4, 5, 6]), ("weekdays__len__gte", 1)
                ),
                name="shift_weekdays",
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="shift_name"
            ),
        ),
        migrations.AddIndex(
            model_name="leaving",
            index=models.Index(
                models.F("settle_at"), condition=models.Q(("settled_at", None)), name="leaving_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="leaving",
            constraint=models.UniqueConstraint(
                models.F("agent"), models.F("team"), models.F("ends_at"), name="leaving_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="leaving",
            constraint=models.CheckConstraint(
                condition=models.Q(("settle_at__gte", models.F("ends_at"))),
                name="leaving_settled_after",
            ),
        ),
        migrations.AddIndex(
            model_name="shiftend",
            index=models.Index(
                models.F("tell_at"), condition=models.Q(("told_at", None)), name="shiftend_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="shiftend",
            constraint=models.UniqueConstraint(
                models.F("shift"), models.F("ends_at"), name="shiftend_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="shiftend",
            constraint=models.UniqueConstraint(
                models.F("shift"), condition=models.Q(("told_at", None)), name="shiftend_one_armed"
            ),
        ),
        migrations.AddConstraint(
            model_name="shiftend",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("begins_at__lt", models.F("ends_at")),
                    ("tell_at__gte", models.F("begins_at")),
                    ("tell_at__lt", models.F("ends_at")),
                ),
                name="shiftend_times",
            ),
        ),
        migrations.AddConstraint(
            model_name="shiftworker",
            constraint=models.UniqueConstraint(
                models.F("shift"), models.F("agent"), name="shiftworker_once"
            ),
        ),
        migrations.AddIndex(
            model_name="signoff",
            index=models.Index(
                models.F("asked_at"), condition=models.Q(("signed_at", None)), name="signoff_asked"
            ),
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.UniqueConstraint(models.F("leaving"), name="signoff_once"),
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), ("signed_at", None), ("signed_by", None)),
                    models.Q(
                        ("signed_at__isnull", False),
                        ("signed_by__isnull", False),
                        models.Q(("reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="signoff_signed",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signoff",
            trigger=pgtrigger.compiler.Trigger(
                name="signoff_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="7ad70a4af7cb8cb43d56f8aece8a8e545bee5366",
                    operation="DELETE",
                    pgid="pgtrigger_signoff_never_deleted_b7f2e",
                    table="conversations_signoff",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signoff",
            trigger=pgtrigger.compiler.Trigger(
                name="signoff_for_ever",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."signed_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="5a00a32158374e58b5a224c4a90e375f509f7fa1",
                    operation="UPDATE",
                    pgid="pgtrigger_signoff_for_ever_357a2",
                    table="conversations_signoff",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="offer",
            trigger=pgtrigger.compiler.Trigger(
                name="offer_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."actor" IS DISTINCT FROM (NEW."actor") OR OLD."from_agent_id" IS DISTINCT FROM (NEW."from_agent_id") OR OLD."from_bot_id" IS DISTINCT FROM (NEW."from_bot_id") OR OLD."from_epoch" IS DISTINCT FROM (NEW."from_epoch") OR OLD."from_team_id" IS DISTINCT FROM (NEW."from_team_id") OR OLD."gathered" IS DISTINCT FROM (NEW."gathered") OR OLD."offered_at" IS DISTINCT FROM (NEW."offered_at") OR OLD."offered_by_id" IS DISTINCT FROM (NEW."offered_by_id") OR OLD."opens_at" IS DISTINCT FROM (NEW."opens_at") OR OLD."packet" IS DISTINCT FROM (NEW."packet") OR OLD."packet_head" IS DISTINCT FROM (NEW."packet_head") OR OLD."ticket_id" IS DISTINCT FROM (NEW."ticket_id") OR OLD."to_agent_id" IS DISTINCT FROM (NEW."to_agent_id") OR OLD."to_shift_id" IS DISTINCT FROM (NEW."to_shift_id") OR OLD."to_team_id" IS DISTINCT FROM (NEW."to_team_id") OR OLD."warm" IS DISTINCT FROM (NEW."warm"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="7c3a7dd89b0b4fd19ed80a06e5c9fa70cbe2f0de",
                    operation="UPDATE",
                    pgid="pgtrigger_offer_frozen_c10b1",
                    table="conversations_offer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(LAWS, UNDONE),
    ]
