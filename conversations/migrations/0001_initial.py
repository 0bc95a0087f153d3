import datetime
import uuid

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import UnaccentExtension
from django.db import migrations, models

import conversations.models.inboxes
import conversations.models.tickets

# unaccent() reads a dictionary and is only STABLE; naming the dictionary makes the result depend on
# the argument alone, which a generated column needs.
FORWARD = """
CREATE FUNCTION plain_text(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT public.unaccent('public.unaccent'::regdictionary, lower($1)) $$;

CREATE FUNCTION entry_search(subject text, body text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_tsvector('pg_catalog.simple'::regconfig,
                         plain_text(left(coalesce(subject, '') || ' ' || coalesce(body, ''), 200000))) $$;
"""
BACKWARD = """
DROP FUNCTION entry_search(text, text);
DROP FUNCTION plain_text(text);
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        UnaccentExtension(),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.CreateModel(
            name="Bot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("rev", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("message", "Message"),
                            ("note", "Internal note"),
                            ("call", "Call"),
                            ("event", "Event"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "direction",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("in", "from the customer"),
                            ("out", "to the customer"),
                            ("", "internal"),
                        ],
                        default="",
                        max_length=3,
                    ),
                ),
                ("event", models.CharField(blank=True, db_default="", default="", max_length=30)),
                ("actor", models.CharField(max_length=40)),
                ("client_token", models.UUIDField(default=uuid.uuid4)),
                (
                    "proof",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("signed", "signed"),
                            ("verified", "verified"),
                            ("aligned", "aligned"),
                            ("attested", "attested by an agent"),
                            ("claimed", "claimed"),
                        ],
                        db_default="",
                        default="",
                        max_length=12,
                    ),
                ),
                (
                    "subject",
                    models.CharField(blank=True, db_default="", default="", max_length=300),
                ),
                ("text", models.TextField(blank=True, db_default="", default="")),
                (
                    "data",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("occurred_at", models.DateTimeField(null=True)),
                ("late", models.BooleanField(db_default=False, default=False)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            "subject",
                            "text",
                            function="entry_search",
                            output_field=django.contrib.postgres.search.SearchVectorField(),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("at"),
                        models.F("id"),
                        condition=models.Q(("kind", "event"), _negated=True),
                        name="entry_newest",
                    ),
                    django.contrib.postgres.indexes.GinIndex(
                        models.F("search"), name="entry_search"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("actor"),
                        models.F("client_token"),
                        condition=models.Q(
                            models.Q(("direction", "in"), _negated=True),
                            models.Q(("kind", "event"), _negated=True),
                        ),
                        name="entry_client_token",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["message", "note", "call", "event"])),
                        name="entry_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind", "message"), models.Q(("direction", ""), _negated=True)
                            ),
                            ("kind", "call"),
                            models.Q(("kind__in", ("note", "event")), ("direction", "")),
                            _connector="OR",
                        ),
                        name="entry_direction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "event"), models.Q(("event", ""), _negated=True)),
                            models.Q(models.Q(("kind", "event"), _negated=True), ("event", "")),
                            _connector="OR",
                        ),
                        name="entry_event",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Inbox",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("kind", models.CharField(max_length=30)),
                (
                    "public_id",
                    models.CharField(
                        default=conversations.models.inboxes.random_public_id,
                        max_length=24,
                        unique=True,
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True, default="", max_length=254, verbose_name="address"
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "restriction",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Everybody may read"),
                            ("legal", "Legal: only the team"),
                            ("staff", "Staff: only the team"),
                            ("health", "Health: only the team"),
                        ],
                        default="",
                        max_length=12,
                        verbose_name="who may read",
                    ),
                ),
                (
                    "fold_restricted",
                    models.BooleanField(
                        default=True,
                        verbose_name="show others one folded line for restricted messages",
                    ),
                ),
                (
                    "from_name",
                    models.CharField(
                        blank=True, default="", max_length=100, verbose_name="sender name"
                    ),
                ),
                ("signature", models.TextField(blank=True, default="", verbose_name="signature")),
                (
                    "undo_window",
                    models.DurationField(
                        default=datetime.timedelta(seconds=5), verbose_name="undo window"
                    ),
                ),
                (
                    "reopen_within",
                    models.DurationField(
                        default=datetime.timedelta(days=3), verbose_name="reopen within"
                    ),
                ),
                ("limits", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind", ""), _negated=True), name="inbox_kind"
                    ),
                    models.UniqueConstraint(
                        models.F("kind"),
                        models.F("address"),
                        condition=models.Q(("address", ""), _negated=True),
                        name="inbox_address_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                (
                    "respond_within",
                    models.DurationField(
                        default=datetime.timedelta(seconds=28800), verbose_name="respond within"
                    ),
                ),
                (
                    "follow_up_after",
                    models.DurationField(
                        default=datetime.timedelta(days=7), verbose_name="follow up after"
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Agent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                ("email", models.EmailField(max_length=254, unique=True, verbose_name="email")),
                ("name", models.CharField(max_length=150, verbose_name="name")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("agent", "Agent"),
                            ("supervisor", "Supervisor"),
                            ("admin", "Admin"),
                        ],
                        default="agent",
                        max_length=12,
                        verbose_name="role",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "language",
                    models.CharField(
                        blank=True, default="", max_length=10, verbose_name="language"
                    ),
                ),
                ("theme", models.CharField(blank=True, default="", max_length=8)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"), name="agent_email_any_case"
                    ),
                    models.UniqueConstraint(
                        models.F("id"), models.F("is_active"), name="agent_id_active"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["agent", "supervisor", "admin"])),
                        name="agent_role",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                ("language", models.CharField(blank=True, default="", max_length=10)),
                ("memo", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            models.Func(
                                "name", function="plain_text", output_field=models.TextField()
                            ),
                            name="text_pattern_ops",
                        ),
                        name="customer_name_plain",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("last_seq", models.BigIntegerField(db_default=0, default=0)),
                ("head", models.BigIntegerField(db_default=0, default=0)),
                ("last_at", models.DateTimeField()),
                ("reset_head", models.BigIntegerField(db_default=0, default=0)),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="joined",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="conversations.customer"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("merged_into", None),
                            models.Q(("merged_into", models.F("id")), _negated=True),
                            _connector="OR",
                        ),
                        name="conversation_not_self",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("head__gte", 0),
                            ("last_seq__gte", 0),
                            ("reset_head__lte", models.F("head")),
                        ),
                        name="conversation_counters",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EntryBody",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="body",
                        serialize=False,
                        to="conversations.entry",
                    ),
                ),
                ("full_text", models.TextField(blank=True, default="")),
                ("html", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.AddField(
            model_name="entry",
            name="agent",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="bot",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.bot",
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="conversation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="conversations.conversation",
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="origin",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.conversation",
            ),
        ),
        migrations.CreateModel(
            name="Attachment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("rev", models.BigIntegerField(default=0)),
                ("position", models.IntegerField(default=0)),
                ("filename", models.CharField(max_length=255)),
                ("content_type", models.CharField(max_length=150)),
                ("size", models.BigIntegerField(default=0)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("inline", models.BooleanField(default=False)),
                ("content_id", models.CharField(blank=True, default="", max_length=300)),
                ("storage_key", models.CharField(blank=True, default="", max_length=200)),
                ("source", models.CharField(blank=True, default="", max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "being stored"),
                            ("stored", "stored"),
                            ("refused", "refused"),
                            ("failed", "could not be stored"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("attempts", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="conversations.entry",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("next_at"),
                        condition=models.Q(("state", "pending")),
                        name="attachment_waiting",
                    ),
                    models.Index(models.F("conversation"), models.F("rev"), name="attachment_rev"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("conversation__isnull", False), ("entry__isnull", False)),
                            models.Q(
                                ("conversation", None),
                                ("entry", None),
                                ("uploaded_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="attachment_belongs",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("scope", models.CharField(blank=True, db_default="", default="", max_length=120)),
                ("value", models.CharField(max_length=320)),
                ("label", models.CharField(blank=True, db_default="", default="", max_length=200)),
                ("rev", models.BigIntegerField()),
                (
                    "proof",
                    models.CharField(
                        choices=[
                            ("signed", "signed"),
                            ("verified", "verified"),
                            ("aligned", "aligned"),
                            ("attested", "attested by an agent"),
                            ("claimed", "claimed"),
                        ],
                        default="claimed",
                        max_length=12,
                    ),
                ),
                ("wrote_at", models.DateTimeField(null=True)),
                ("undeliverable_at", models.DateTimeField(null=True)),
                (
                    "undeliverable_reason",
                    models.CharField(blank=True, db_default="", default="", max_length=500),
                ),
                ("blocked_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identities",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(models.F("conversation"), name="identity_conversation"),
                    models.Index(
                        django.contrib.postgres.indexes.OpClass(
                            "value", name="varchar_pattern_ops"
                        ),
                        name="identity_value_start",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("kind"), models.F("scope"), models.F("value"), name="identity_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("value", ""), _negated=True),
                            models.Q(("kind", ""), _negated=True),
                        ),
                        name="identity_value",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="entry",
            name="identity",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.identity",
            ),
        ),
        migrations.AddField(
            model_name="entry",
            name="inbox",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="conversations.inbox",
            ),
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rev", models.BigIntegerField()),
                ("payload", models.JSONField(default=dict)),
                ("provider_id", models.CharField(blank=True, default="", max_length=400)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waiting to be sent"),
                            ("sending", "being sent"),
                            ("sent", "sent"),
                            ("delivered", "delivered"),
                            ("read", "read"),
                            ("failed", "not sent"),
                            ("ambiguous", "may have been sent"),
                            ("cancelled", "given up"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                ("queued_at", models.DateTimeField()),
                ("attempt_at", models.DateTimeField(null=True)),
                ("handed_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_epoch", models.BigIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, default="", max_length=60)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="delivery",
                        to="conversations.entry",
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.identity",
                    ),
                ),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("next_at"),
                        models.F("id"),
                        condition=models.Q(("state", "queued")),
                        name="delivery_waiting",
                    ),
                    models.Index(
                        models.F("lease_until"),
                        condition=models.Q(("state", "sending")),
                        name="delivery_leased",
                    ),
                    models.Index(
                        models.F("conversation"),
                        models.F("identity"),
                        models.F("id"),
                        condition=models.Q(("state__in", ("queued", "sending"))),
                        name="delivery_lane",
                    ),
                    models.Index(models.F("conversation"), models.F("rev"), name="delivery_rev"),
                    models.Index(
                        models.OrderBy(models.F("id"), descending=True),
                        condition=models.Q(("state__in", ("failed", "ambiguous"))),
                        name="delivery_trouble",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "queued",
                                    "sending",
                                    "sent",
                                    "delivered",
                                    "read",
                                    "failed",
                                    "ambiguous",
                                    "cancelled",
                                ],
                            )
                        ),
                        name="delivery_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state", "sending"),
                                ("lease_until__isnull", False),
                                ("attempt_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(("state", "sending"), _negated=True), ("lease_until", None)
                            ),
                            _connector="OR",
                        ),
                        name="delivery_lease",
                    ),
                    models.UniqueConstraint(
                        models.F("inbox"),
                        models.F("provider_id"),
                        condition=models.Q(("provider_id", ""), _negated=True),
                        name="delivery_provider_id",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("external_id", models.CharField(max_length=400)),
                ("scope", models.CharField(max_length=40)),
                ("is_first", models.BooleanField()),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="arrivals",
                        to="conversations.entry",
                    ),
                ),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("inbox"), models.F("external_id"), name="arrival_once"
                    ),
                    models.UniqueConstraint(
                        models.F("scope"),
                        models.F("external_id"),
                        condition=models.Q(("is_first", True)),
                        name="arrival_first",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("external_id", ""), _negated=True),
                        name="arrival_external_id",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Merge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "origins",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                ("proof", models.CharField(max_length=12)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("made_at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "into",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merges",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(models.F("into"), name="merge_into")],
            },
        ),
        migrations.CreateModel(
            name="Reference",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.CharField(max_length=400)),
                ("ours", models.BooleanField()),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="references",
                        to="conversations.entry",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("value"), models.F("entry"), name="reference_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("active", models.BooleanField(db_default=True, default=True)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="conversations.team",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("team"), models.F("agent"), name="membership_once"
                    ),
                    models.UniqueConstraint(
                        models.F("team"),
                        models.F("agent"),
                        models.F("active"),
                        name="membership_acting",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
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
                        choices=[("invite", "Invitation"), ("reset", "New password")], max_length=8
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("agent", "Agent"),
                            ("supervisor", "Supervisor"),
                            ("admin", "Admin"),
                        ],
                        max_length=12,
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "teams",
                    models.ManyToManyField(blank=True, related_name="+", to="conversations.team"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("token_hash__regex", "^[0-9a-f]{64}$")),
                        name="invitation_hash",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["agent", "supervisor", "admin"])),
                        name="invitation_role",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind", "invite"),
                            models.Q(("agent__isnull", False), ("kind", "reset")),
                            _connector="OR",
                        ),
                        name="invitation_kind",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="inbox",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="inboxes",
                to="conversations.team",
            ),
        ),
        migrations.AddField(
            model_name="bot",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="bots",
                to="conversations.team",
            ),
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rev", models.BigIntegerField()),
                (
                    "token_id",
                    models.CharField(
                        default=conversations.models.tickets.random_token_id, max_length=12
                    ),
                ),
                (
                    "subject",
                    models.CharField(blank=True, db_default="", default="", max_length=300),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("pending", "Pending"),
                            ("snoozed", "Snoozed"),
                            ("resolved", "Resolved"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("priority", models.SmallIntegerField(db_default=0, default=0)),
                ("labels", models.JSONField(blank=True, default=list)),
                (
                    "restriction",
                    models.CharField(blank=True, db_default="", default="", max_length=12),
                ),
                ("owner_epoch", models.BigIntegerField(db_default=1, default=1)),
                (
                    "holder",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Concat(
                            django.db.models.functions.comparison.Cast(
                                "team_id", models.TextField()
                            ),
                            models.Value(":", models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.functions.comparison.Cast(
                                    "agent_id", models.TextField()
                                ),
                                models.Value("", models.TextField()),
                            ),
                            models.Value(":", models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.functions.comparison.Cast(
                                    "bot_id", models.TextField()
                                ),
                                models.Value("", models.TextField()),
                            ),
                        ),
                        output_field=models.TextField(),
                    ),
                ),
                (
                    "acting_agent",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(("status", "resolved"), _negated=True),
                                then=models.F("agent_id"),
                            ),
                            default=None,
                        ),
                        output_field=models.BigIntegerField(null=True),
                    ),
                ),
                (
                    "acting_active",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(
                                    models.Q(("status", "resolved"), _negated=True),
                                    ("agent_id__isnull", False),
                                ),
                                then=models.Value(True),
                            ),
                            default=None,
                        ),
                        output_field=models.BooleanField(null=True),
                    ),
                ),
                ("deadline_at", models.DateTimeField(null=True)),
                (
                    "deadline_kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("respond", "respond by"),
                            ("follow_up", "follow up after"),
                            ("wake", "wakes"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
                ("active_at", models.DateTimeField()),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "bot",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="conversations.bot",
                    ),
                ),
                (
                    "conversation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.inbox",
                    ),
                ),
                (
                    "newest",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.entry",
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.conversation",
                    ),
                ),
                (
                    "suggests",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.ticket",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="conversations.team",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(models.F("conversation"), name="ticket_conversation"),
                    models.Index(
                        models.F("deadline_at"),
                        models.F("id"),
                        condition=models.Q(("status", "resolved"), _negated=True),
                        name="ticket_due",
                    ),
                    models.Index(
                        models.F("status"),
                        models.F("deadline_at"),
                        models.F("id"),
                        condition=models.Q(("status", "resolved"), _negated=True),
                        name="ticket_status_due",
                    ),
                    models.Index(
                        models.F("team"),
                        models.F("status"),
                        models.F("deadline_at"),
                        models.F("id"),
                        condition=models.Q(("status", "resolved"), _negated=True),
                        name="ticket_team_due",
                    ),
                    models.Index(
                        models.F("team"),
                        models.F("status"),
                        models.F("deadline_at"),
                        models.F("id"),
                        condition=models.Q(
                            models.Q(("status", "resolved"), _negated=True),
                            ("agent", None),
                            ("bot", None),
                        ),
                        name="ticket_unassigned_due",
                    ),
                    models.Index(
                        models.F("agent"),
                        models.F("status"),
                        models.F("deadline_at"),
                        models.F("id"),
                        condition=models.Q(
                            models.Q(("status", "resolved"), _negated=True),
                            ("agent__isnull", False),
                        ),
                        name="ticket_agent_due",
                    ),
                    models.Index(
                        models.F("resolved_at"),
                        models.F("id"),
                        condition=models.Q(("status", "resolved")),
                        name="ticket_resolved",
                    ),
                    models.Index(
                        models.F("team"),
                        models.F("resolved_at"),
                        models.F("id"),
                        condition=models.Q(("status", "resolved")),
                        name="ticket_team_resolved",
                    ),
                    models.Index(
                        models.F("agent"),
                        models.F("resolved_at"),
                        models.F("id"),
                        condition=models.Q(("status", "resolved")),
                        name="ticket_agent_resolved",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(models.F("token_id"), name="ticket_token"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["open", "pending", "snoozed", "resolved"])
                        ),
                        name="ticket_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("agent", None), ("bot", None), _connector="OR"),
                        name="ticket_one_holder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("deadline_at", None), ("deadline_kind", ""), ("status", "resolved")
                            ),
                            models.Q(
                                models.Q(("status", "resolved"), _negated=True),
                                ("deadline_at__isnull", False),
                                models.Q(("deadline_kind", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="ticket_deadline_armed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "resolved"), ("resolved_at__isnull", False)),
                            models.Q(
                                models.Q(("status", "resolved"), _negated=True),
                                ("resolved_at", None),
                            ),
                            _connector="OR",
                        ),
                        name="ticket_resolved_at",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Ownership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("epoch", models.BigIntegerField()),
                (
                    "holder",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Concat(
                            django.db.models.functions.comparison.Cast(
                                "team_id", models.TextField()
                            ),
                            models.Value(":", models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.functions.comparison.Cast(
                                    "agent_id", models.TextField()
                                ),
                                models.Value("", models.TextField()),
                            ),
                            models.Value(":", models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.functions.comparison.Cast(
                                    "bot_id", models.TextField()
                                ),
                                models.Value("", models.TextField()),
                            ),
                        ),
                        output_field=models.TextField(),
                    ),
                ),
                ("since", models.DateTimeField()),
                ("actor", models.CharField(max_length=40)),
                (
                    "agent",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "bot",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.bot",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="conversations.team",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ownerships",
                        to="conversations.ticket",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("ticket"), models.F("epoch"), name="ownership_epoch"
                    ),
                    models.UniqueConstraint(
                        models.F("ticket"),
                        models.F("epoch"),
                        models.F("holder"),
                        name="ownership_holder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("agent", None), ("bot", None), _connector="OR"),
                        name="ownership_one_holder",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("epoch__gte", 1)), name="ownership_epoch_from_one"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HeldSend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("actor", models.CharField(max_length=40)),
                ("client_token", models.UUIDField(default=uuid.uuid4)),
                ("payload", models.JSONField(default=dict)),
                ("rev", models.BigIntegerField()),
                ("seen_head", models.BigIntegerField()),
                ("held_at", models.DateTimeField()),
                ("release_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("held", "waiting"),
                            ("released", "released"),
                            ("undone", "taken back"),
                            ("stopped", "stopped: something new came in"),
                        ],
                        default="held",
                        max_length=8,
                    ),
                ),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "attachments",
                    models.ManyToManyField(
                        blank=True, related_name="+", to="conversations.attachment"
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="held",
                        to="conversations.entry",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="held",
                        to="conversations.ticket",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("release_at"),
                        condition=models.Q(("state", "held")),
                        name="held_waiting",
                    ),
                    models.Index(models.F("ticket"), models.F("rev"), name="held_rev"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("actor"), models.F("client_token"), name="held_client_token"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "released"), ("entry__isnull", False)),
                            models.Q(
                                models.Q(("state", "released"), _negated=True), ("entry", None)
                            ),
                            _connector="OR",
                        ),
                        name="held_entry",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="entry",
            name="ticket",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="conversations.ticket",
            ),
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("reply", "Reply"), ("note", "Internal note")], max_length=5
                    ),
                ),
                ("text", models.TextField(blank=True, default="")),
                ("fields", models.JSONField(default=dict)),
                ("version", models.IntegerField(default=1)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "attachments",
                    models.ManyToManyField(
                        blank=True, related_name="+", to="conversations.attachment"
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to="conversations.ticket",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("ticket"), models.F("agent"), models.F("mode"), name="draft_once"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.UniqueConstraint(models.F("id"), models.F("team"), name="bot_team"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="ownership",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="1b60dc8dacf77b915e997980a4a1a872353162e5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_75918",
                    table="conversations_ownership",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                models.F("conversation"), models.F("at"), models.F("id"), name="entry_timeline"
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(
                models.F("ticket"), models.F("at"), models.F("id"), name="entry_of_ticket"
            ),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(models.F("conversation"), models.F("rev"), name="entry_rev"),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                models.F("origin"), models.F("seq"), name="entry_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("direction", "in"), ("kind", "message"), _negated=True),
                    models.Q(("identity__isnull", False), models.Q(("proof", ""), _negated=True)),
                    _connector="OR",
                ),
                name="entry_inbound_proof",
            ),
        ),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.CheckConstraint(
                condition=models.Q(("ticket__isnull", False), ("kind", "event"), _connector="OR"),
                name="entry_has_ticket",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="8f81d377ac35a8613447fb601502565db8ffe666",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_f5512",
                    table="conversations_entry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="number_for_ever",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."origin_id" IS DISTINCT FROM (NEW."origin_id") OR OLD."seq" IS DISTINCT FROM (NEW."seq"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="08f6231d8e1cb35a20e48b097ed90d42c314db65",
                    operation="UPDATE",
                    pgid="pgtrigger_number_for_ever_3ef67",
                    table="conversations_entry",
                    when="BEFORE",
                ),
            ),
        ),
    ]
