import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0023_calls"),
    ]

    operations = [
        migrations.CreateModel(
            name="EarlyReceipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider_id", models.CharField(max_length=400)),
                ("state", models.CharField(max_length=10)),
                ("code", models.CharField(blank=True, default="", max_length=60)),
                ("error", models.CharField(blank=True, default="", max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(models.F("at"), name="early_receipt_at")],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("inbox"),
                        models.F("provider_id"),
                        models.F("state"),
                        name="early_receipt_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=512)),
                ("language", models.CharField(max_length=20)),
                (
                    "category",
                    models.CharField(blank=True, db_default="", default="", max_length=30),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ready", "approved"),
                            ("waiting", "not approved yet"),
                            ("refused", "refused or paused by the provider"),
                            ("unfit", "asks for what can't be filled in here"),
                        ],
                        max_length=10,
                    ),
                ),
                ("header", models.TextField(blank=True, db_default="", default="")),
                ("body", models.TextField(blank=True, db_default="", default="")),
                ("footer", models.TextField(blank=True, db_default="", default="")),
                (
                    "buttons",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                (
                    "places",
                    models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
                ),
                ("seen_at", models.DateTimeField()),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="templates",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "language"],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("inbox"),
                        models.F("name"),
                        models.F("language"),
                        name="template_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["ready", "waiting", "refused", "unfit"])),
                        name="template_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Window",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("closes_at", models.DateTimeField()),
                (
                    "identity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.identity",
                    ),
                ),
                (
                    "inbox",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="conversations.inbox",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("identity"), models.F("inbox"), name="window_once"
                    )
                ],
            },
        ),
    ]
