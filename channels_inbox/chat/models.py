"""What the chat keeps of its visitors: who holds a token, what they sent up, what they say is their
address."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q

from conversations.models import Identity, Inbox


def random_id() -> str:
    return secrets.token_hex(12)


class VisitorQuerySet(models.QuerySet["Visitor"]):
    def going_on(self) -> VisitorQuerySet:
        return self.filter(ended_at=None)


class Visitor(models.Model):
    """A chat window, known by a token of 256 bits of which only the digest is kept.

    It is nobody's until it writes: then it has an identity. `subject` is whom the site says is
    signed in there; once set it never changes. `name` and `email` are what the visitor typed, and
    prove nothing; `signed_email` is an address the site has verified.
    """

    inbox = models.ForeignKey(Inbox, on_delete=models.CASCADE, related_name="+", db_index=False)
    public_id = models.CharField(max_length=24, unique=True, default=random_id)
    token_hash = models.CharField(max_length=64, unique=True)
    identity = models.ForeignKey(
        Identity, null=True, on_delete=models.PROTECT, related_name="visitors", db_index=False
    )
    subject = models.CharField(max_length=200, blank=True, default="")
    signed_at = models.DateTimeField(null=True)
    signed_email = models.CharField(max_length=254, blank=True, default="")
    name = models.CharField(max_length=100, blank=True, default="")
    email = models.CharField(max_length=254, blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    page = models.CharField(max_length=2000, blank=True, default="")
    seen_rev = models.BigIntegerField(default=0)
    here_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    # The database's clock when it was read, where a reader asked for it.
    clock: datetime | None = None

    objects = VisitorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(subject="") | Q(signed_at__isnull=False), name="visitor_signed"
            ),
        ]
        indexes = [
            models.Index(
                "identity", condition=Q(identity__isnull=False), name="visitor_of_identity"
            ),
            models.Index("here_at", condition=Q(identity=None), name="visitor_of_nobody"),
        ]

    def __str__(self) -> str:
        return f"visitor {self.public_id}"


class Upload(models.Model):
    """A file a visitor chose, before it hangs on a message. The message's own copy is made from it;
    some days later it goes away."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="uploads")
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=150)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    storage_key = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index("created_at", name="upload_age")]

    def __str__(self) -> str:
        return self.filename


class AddressCheck(models.Model):
    """A mail that asks somebody whether an address typed in a chat is theirs. Sent once; lost is
    lost, as the visitor can ask for another one."""

    public_id = models.CharField(max_length=24, unique=True, default=random_id)
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, related_name="checks")
    email = models.CharField(max_length=254)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index("email", "made_at", name="address_check_of"),
            models.Index("due_at", condition=Q(due_at__isnull=False), name="address_check_due"),
        ]

    def __str__(self) -> str:
        return f"check of {self.email}"
