import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("conversations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "inbox",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="account",
                        serialize=False,
                        to="conversations.inbox",
                    ),
                ),
                ("config", models.JSONField(default=dict)),
                ("next_pull_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_epoch", models.BigIntegerField(default=0)),
                ("last_in_at", models.DateTimeField(null=True)),
                ("last_out_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("error_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, default="", max_length=60)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("next_pull_at"),
                        condition=models.Q(("next_pull_at__isnull", False)),
                        name="account_due",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Envelope",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=12)),
                ("dedup_key", models.CharField(max_length=300)),
                ("raw", models.BinaryField(null=True)),
                ("raw_key", models.CharField(blank=True, default="", max_length=200)),
                ("size", models.BigIntegerField()),
                ("meta", models.JSONField(default=dict)),
                ("received_at", models.DateTimeField()),
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
                        models.F("inbox"), models.F("dedup_key"), name="envelope_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("raw__isnull", False), ("raw_key", "")),
                            models.Q(("raw", None), models.Q(("raw_key", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="envelope_has_bytes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Folder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("uidvalidity", models.BigIntegerField(default=0)),
                ("first_uid", models.BigIntegerField(default=0)),
                ("last_uid", models.BigIntegerField(default=0)),
                ("reconciled_at", models.DateTimeField(null=True)),
                ("server_count", models.IntegerField(null=True)),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(models.F("inbox"), models.F("name"), name="folder_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.IntegerField(default=0)),
                ("lane", models.CharField(max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("threaded", "in its conversation"),
                            ("duplicate", "seen before"),
                            ("ignored", "ignored"),
                            ("dead", "could not be read"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("received_at", models.DateTimeField()),
                ("attempts", models.IntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                ("lease_until", models.DateTimeField(null=True)),
                ("lease_epoch", models.BigIntegerField(default=0)),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "entry",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="items",
                        to="conversations.entry",
                    ),
                ),
                (
                    "envelope",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="channels_inbox.envelope",
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
                        models.F("lane"),
                        models.F("id"),
                        condition=models.Q(("state", "waiting")),
                        name="item_lane",
                    ),
                    models.Index(
                        models.F("next_at"),
                        models.F("id"),
                        condition=models.Q(("state", "waiting")),
                        name="item_waiting",
                    ),
                    models.Index(
                        models.F("state"),
                        models.OrderBy(models.F("id"), descending=True),
                        condition=models.Q(("state__in", ("dead", "ignored"))),
                        name="item_aside",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("envelope"), models.F("position"), name="item_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["waiting", "threaded", "duplicate", "ignored", "dead"])
                        ),
                        name="item_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state__in", ("ignored", "dead")), _negated=True),
                            models.Q(("reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="item_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "waiting")),
                            models.Q(
                                models.Q(("state", "waiting"), _negated=True),
                                ("ended_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="item_ended",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MailPlace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uidvalidity", models.BigIntegerField()),
                ("uid", models.BigIntegerField()),
                ("skipped", models.CharField(blank=True, default="", max_length=40)),
                ("filed_at", models.DateTimeField(null=True)),
                (
                    "envelope",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="channels_inbox.envelope",
                    ),
                ),
                (
                    "folder",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to="channels_inbox.folder",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("folder"),
                        models.F("uid"),
                        condition=models.Q(("filed_at", None), ("envelope__isnull", False)),
                        name="mail_place_unfiled",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("folder"),
                        models.F("uidvalidity"),
                        models.F("uid"),
                        name="mail_place_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("envelope__isnull", False),
                            models.Q(("skipped", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="mail_place_accounted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("sealed", models.BinaryField()),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credentials",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("inbox"), models.F("name"), name="credential_once"
                    )
                ],
            },
        ),
    ]
