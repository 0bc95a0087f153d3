from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from conversations.models.people import Agent


class Scope(models.TextChoices):
    """What a token may do of what its agent may do."""

    READ = "read", pgettext_lazy("scope", "Read")
    WRITE = "write", pgettext_lazy("scope", "Change")
    SEND = "send", _("Send to customers")
    PEOPLE = "people", _("See colleagues' mail addresses")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def not_revoked(self) -> ApiTokenQuerySet:
        return self.filter(revoked_at=None)


class ApiToken(models.Model):
    """Lets a program act as an agent, within scopes. Only the hash of its secret is kept; `start`
    are the first characters of it, by which people know it again."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="api_tokens")
    made_by = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    start = models.CharField(max_length=12)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(token_hash__regex="^[0-9a-f]{64}$"), name="api_token_hash"
            ),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=Scope.values) & Q(scopes__len__gt=0),
                name="api_token_scopes",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_names(self) -> list[str]:
        return [str(Scope(scope).label) for scope in self.scopes]


class IdempotencyKey(models.Model):
    """A request a program may send again, and how it was answered. Written in the transaction of
    what it does: `status` 0 is never seen by others."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, db_index=False, related_name="+")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    status = models.SmallIntegerField(default=0)
    body = models.TextField(default="")
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint("token", "key", name="idempotency_key_once")]
        indexes = [models.Index("made_at", name="idempotency_key_made")]

    def __str__(self) -> str:
        return f"{self.key} of {self.token_id}"
