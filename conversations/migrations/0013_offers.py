import datetime

import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

# An offer is bound to the history of owners, and while it is open to an active member, so that who
# leaves or is disabled can't have one waiting for them.
LAWS = """
ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_made_at_epoch FOREIGN KEY (ticket_id, from_epoch)
  REFERENCES conversations_ownership (ticket_id, epoch) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_accepted_as_epoch FOREIGN KEY (ticket_id, accept_epoch)
  REFERENCES conversations_ownership (ticket_id, epoch) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_to_member FOREIGN KEY (to_team_id, open_agent, open_active)
  REFERENCES conversations_membership (team_id, agent_id, active);

ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_packet_lines CHECK (
    packet ?& ARRAY['asks', 'done', 'next', 'promised', 'mood', 'reason']
    AND gathered ?& ARRAY['drafts', 'deadlines', 'identities']);

ALTER TABLE conversations_offer
  ADD CONSTRAINT offer_says_enough CHECK (
    (from_team_id = to_team_id AND from_bot_id IS NULL)
    OR (coalesce(packet #>> '{asks,text}', '') <> ''
      AND coalesce(packet #>> '{next,text}', '') <> ''
      AND coalesce(packet #>> '{reason,text}', '') <> ''));
"""
UNDONE = """
ALTER TABLE conversations_offer DROP CONSTRAINT offer_says_enough;
ALTER TABLE conversations_offer DROP CONSTRAINT offer_packet_lines;
ALTER TABLE conversations_offer DROP CONSTRAINT offer_to_member;
ALTER TABLE conversations_offer DROP CONSTRAINT offer_accepted_as_epoch;
ALTER TABLE conversations_offer DROP CONSTRAINT offer_made_at_epoch;
"""


class Migration(migrations.Migration):
    """Handing over: offers with their packets, who declined, and what leads have to look at."""

    dependencies = [
        ("conversations", "0012_search_at_hand"),
    ]

    operations = [
        migrations.CreateModel(
            name="Offer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rev", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("offered", "offered"),
                            ("accepted", "accepted"),
                            ("declined", "declined"),
                            ("expired", "not answered in time"),
                            ("recalled", "taken back"),
                            ("withdrawn", "ended"),
                        ],
                        default="offered",
                        max_length=10,
                    ),
                ),
                ("warm", models.BooleanField()),
                ("from_epoch", models.BigIntegerField()),
                (
                    "open_agent",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(("state", "offered")), then=models.F("to_agent_id")
                            ),
                            default=None,
                        ),
                        output_field=models.BigIntegerField(null=True),
                    ),
                ),
                (
                    "open_active",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(("state", "offered"), ("to_agent_id__isnull", False)),
                                then=models.Value(True),
                            ),
                            default=None,
                        ),
                        output_field=models.BooleanField(null=True),
                    ),
                ),
                ("actor", models.CharField(max_length=40)),
                ("packet", models.JSONField()),
                ("gathered", models.JSONField()),
                ("packet_head", models.BigIntegerField()),
                ("offered_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("accept_epoch", models.BigIntegerField(null=True)),
                ("seen_head", models.BigIntegerField(null=True)),
                (
                    "restatement",
                    models.CharField(blank=True, db_default="", default="", max_length=200),
                ),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("cause", models.CharField(blank=True, db_default="", default="", max_length=30)),
                (
                    "closed_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "from_agent",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "from_bot",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.bot",
                    ),
                ),
                (
                    "from_team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
                (
                    "offered_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="offers",
                        to="conversations.ticket",
                    ),
                ),
                (
                    "to_agent",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "to_team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Decline",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("declined_at", models.DateTimeField()),
                (
                    "agent",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="declines",
                        to="conversations.offer",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("offer_expired", "An offer was not answered in time")],
                        max_length=20,
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(null=True)),
                (
                    "seen_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="conversations.team",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.ticket",
                    ),
                ),
                (
                    "offer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="conversations.offer",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(
                models.F("expires_at"),
                condition=models.Q(("state", "offered")),
                name="offer_overdue",
            ),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(
                models.F("to_team"),
                models.F("expires_at"),
                condition=models.Q(("state", "offered")),
                name="offer_team",
            ),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(
                models.F("open_agent"),
                condition=models.Q(("open_agent__isnull", False)),
                name="offer_open_agent",
            ),
        ),
        migrations.AddIndex(
            model_name="offer",
            index=models.Index(models.F("ticket"), models.F("rev"), name="offer_rev"),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.UniqueConstraint(
                models.F("ticket"), condition=models.Q(("state", "offered")), name="offer_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        ["offered", "accepted", "declined", "expired", "recalled", "withdrawn"],
                    )
                ),
                name="offer_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "offered"), ("closed_at", None)),
                    models.Q(
                        models.Q(("state", "offered"), _negated=True), ("closed_at__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="offer_closed_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_by__isnull", False),
                        ("state", "accepted"),
                        (
                            "accept_epoch",
                            django.db.models.expressions.CombinedExpression(
                                models.F("from_epoch"), "+", models.Value(1)
                            ),
                        ),
                        ("seen_head__gte", models.F("packet_head")),
                    ),
                    models.Q(
                        models.Q(("state", "accepted"), _negated=True),
                        ("accept_epoch", None),
                        ("restatement", ""),
                        ("seen_head", None),
                    ),
                    _connector="OR",
                ),
                name="offer_accepted",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), ("state", "declined"), _negated=True),
                name="offer_declined",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "withdrawn"), models.Q(("cause", ""), _negated=True)),
                    models.Q(models.Q(("state", "withdrawn"), _negated=True), ("cause", "")),
                    _connector="OR",
                ),
                name="offer_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__gt", models.F("offered_at")),
                    (
                        "expires_at__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("offered_at"), "+", models.Value(datetime.timedelta(days=1))
                        ),
                    ),
                ),
                name="offer_lasts",
            ),
        ),
        migrations.AddConstraint(
            model_name="offer",
            constraint=models.CheckConstraint(
                condition=models.Q(("from_agent", None), ("from_bot", None), _connector="OR"),
                name="offer_one_holder",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="offer",
            trigger=pgtrigger.compiler.Trigger(
                name="offer_never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="e6b3a427f30142b5731833c2d027d105222e0648",
                    operation="DELETE",
                    pgid="pgtrigger_offer_never_deleted_b6dac",
                    table="conversations_offer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="offer",
            trigger=pgtrigger.compiler.Trigger(
                name="offer_closed_for_ever",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (OLD.\"state\" = 'offered'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="855a5629b95a3d59114228b8c85fd8b806e85682",
                    operation="UPDATE",
                    pgid="pgtrigger_offer_closed_for_ever_44a5e",
                    table="conversations_offer",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="offer",
            trigger=pgtrigger.compiler.Trigger(
                name="offer_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."actor" IS DISTINCT FROM (NEW."actor") OR OLD."from_agent_id" IS DISTINCT FROM (NEW."from_agent_id") OR OLD."from_bot_id" IS DISTINCT FROM (NEW."from_bot_id") OR OLD."from_epoch" IS DISTINCT FROM (NEW."from_epoch") OR OLD."from_team_id" IS DISTINCT FROM (NEW."from_team_id") OR OLD."gathered" IS DISTINCT FROM (NEW."gathered") OR OLD."offered_at" IS DISTINCT FROM (NEW."offered_at") OR OLD."offered_by_id" IS DISTINCT FROM (NEW."offered_by_id") OR OLD."packet" IS DISTINCT FROM (NEW."packet") OR OLD."packet_head" IS DISTINCT FROM (NEW."packet_head") OR OLD."ticket_id" IS DISTINCT FROM (NEW."ticket_id") OR OLD."to_agent_id" IS DISTINCT FROM (NEW."to_agent_id") OR OLD."to_team_id" IS DISTINCT FROM (NEW."to_team_id") OR OLD."warm" IS DISTINCT FROM (NEW."warm"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="b477ff4f9b8abd46ffa04f05007726013c89ab47",
                    operation="UPDATE",
                    pgid="pgtrigger_offer_frozen_c10b1",
                    table="conversations_offer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="decline",
            constraint=models.UniqueConstraint(
                models.F("offer"), models.F("agent"), name="decline_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="decline",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="decline_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                models.F("made_at"),
                models.F("id"),
                condition=models.Q(("seen_at", None)),
                name="alert_unseen",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                models.F("offer"), models.F("team"), models.F("kind"), name="alert_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["offer_expired"])), name="alert_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("seen_at", None), ("seen_by", None)),
                    models.Q(("seen_at__isnull", False), ("seen_by__isnull", False)),
                    _connector="OR",
                ),
                name="alert_seen",
            ),
        ),
        migrations.RunSQL(LAWS, UNDONE),
    ]
