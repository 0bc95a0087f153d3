from __future__ import annotations

from typing import Self

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Conversation


class Proof(models.TextChoices):
    """How sure we are that a message comes from the address it names, best first."""

    SIGNED = "signed", _("signed")
    VERIFIED = "verified", _("verified")
    ALIGNED = "aligned", _("aligned")
    ATTESTED = "attested", _("attested by an agent")
    CLAIMED = "claimed", _("claimed")


class IdentityKind(models.TextChoices):
    EMAIL = "email", _("Email")
    PHONE = "phone", _("Phone")
    CHAT = "chat", _("Chat")
    TELEGRAM = "telegram", _("Telegram")
    WHATSAPP = "whatsapp", _("WhatsApp")
    GENERIC = "generic", _("Another system")


# Kinds of which we show a customer's messages ourselves, in a window of ours.
SHOWN_BY_US = frozenset({"chat"})


class IdentityQuerySet(models.QuerySet["Identity"]):
    def at(self, kind: str, value: str, scope: str = "") -> Self:
        return self.filter(kind=kind, scope=scope, value=value)


class Identity(models.Model):
    """An address of a customer. `origin` is the conversation it was born in and never changes;
    `conversation` is where it is shown now, and only a join or its undo moves it.

    What a customer sees in a window of ours is counted by `public_rev`; a cursor below
    `public_reset` is void. `stream` is the identity in whose window this one is shown, None for its
    own (`public.py`). `here_at` and `left_at` say when such a window was last open, and closed.
    """

    kind = models.CharField(max_length=20)
    scope = models.CharField(max_length=120, blank=True, default="", db_default="")
    value = models.CharField(max_length=320)
    label = models.CharField(max_length=200, blank=True, default="", db_default="")
    origin = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="identities", db_index=False
    )
    rev = models.BigIntegerField()
    proof = models.CharField(max_length=12, choices=Proof.choices, default=Proof.CLAIMED)
    wrote_at = models.DateTimeField(null=True)
    undeliverable_at = models.DateTimeField(null=True)
    undeliverable_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    blocked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    public_rev = models.BigIntegerField(default=0, db_default=0)
    public_reset = models.BigIntegerField(default=0, db_default=0)
    stream = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    here_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    objects = IdentityQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("kind", "scope", "value", name="identity_once"),
            models.CheckConstraint(condition=~Q(value="") & ~Q(kind=""), name="identity_value"),
            models.CheckConstraint(
                condition=Q(stream=None) | ~Q(stream=F("id")), name="identity_stream"
            ),
        ]
        indexes = [
            models.Index("conversation", name="identity_conversation"),
            models.Index(OpClass("value", name="varchar_pattern_ops"), name="identity_value_start"),
            models.Index(
                "stream", condition=Q(stream__isnull=False), name="identity_shown_in_stream"
            ),
        ]

    def __str__(self) -> str:
        return self.value

    @property
    def shown(self) -> str:
        """The address as people read it: a visitor's is a random word, an account's a number, so
        their name stands for it."""
        if self.kind in (IdentityKind.EMAIL, IdentityKind.PHONE) or self.value.startswith("+"):
            return self.value
        nameless = str(_("Visitor on the site")) if self.kind in SHOWN_BY_US else self.value
        return self.label or nameless

    @property
    def stream_key(self) -> int:
        """The identity in whose window this one is shown."""
        return self.stream_id or self.pk

    @property
    def actor(self) -> str:
        return f"identity:{self.pk}"
