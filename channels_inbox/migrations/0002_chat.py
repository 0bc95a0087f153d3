import uuid

import django.db.models.deletion
from django.db import migrations, models

import channels_inbox.chat.models


class Migration(migrations.Migration):
    dependencies = [
        ("channels_inbox", "0001_initial"),
        ("conversations", "0006_ticket_due"),
    ]

    operations = [
        migrations.CreateModel(
            name="Visitor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=channels_inbox.chat.models.random_id, max_length=24, unique=True
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("subject", models.CharField(blank=True, default="", max_length=200)),
                ("signed_at", models.DateTimeField(null=True)),
                ("signed_email", models.CharField(blank=True, default="", max_length=254)),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("email", models.CharField(blank=True, default="", max_length=254)),
                ("language", models.CharField(blank=True, default="", max_length=10)),
                ("page", models.CharField(blank=True, default="", max_length=2000)),
                ("seen_rev", models.BigIntegerField(default=0)),
                ("here_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "identity",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="visitors",
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
                "indexes": [
                    models.Index(
                        models.F("identity"),
                        condition=models.Q(("identity__isnull", False)),
                        name="visitor_of_identity",
                    ),
                    models.Index(
                        models.F("here_at"),
                        condition=models.Q(("identity", None)),
                        name="visitor_of_nobody",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("subject", ""), ("signed_at__isnull", False), _connector="OR"
                        ),
                        name="visitor_signed",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, unique=True)),
                ("filename", models.CharField(max_length=255)),
                ("content_type", models.CharField(max_length=150)),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("storage_key", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "visitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="uploads",
                        to="channels_inbox.visitor",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(models.F("created_at"), name="upload_age")],
            },
        ),
        migrations.CreateModel(
            name="AddressCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=channels_inbox.chat.models.random_id, max_length=24, unique=True
                    ),
                ),
                ("email", models.CharField(max_length=254)),
                ("made_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("attempts", models.IntegerField(default=0)),
                ("confirmed_at", models.DateTimeField(null=True)),
                (
                    "visitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="checks",
                        to="channels_inbox.visitor",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(models.F("email"), models.F("made_at"), name="address_check_of"),
                    models.Index(
                        models.F("due_at"),
                        condition=models.Q(("due_at__isnull", False)),
                        name="address_check_due",
                    ),
                ],
            },
        ),
    ]
