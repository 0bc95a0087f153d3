from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations import media
from conversations.models.identities import SHOWN_BY_US
from conversations.models.people import Membership, Team

if TYPE_CHECKING:
    from conversations.media import Medium
    from conversations.models.identities import Identity
    from conversations.models.people import Agent


class Restriction(models.TextChoices):
    """Who may read a ticket: everybody ('') or only the members of its team."""

    NONE = "", _("Everybody may read")
    LEGAL = "legal", _("Legal: only the team")
    STAFF = "staff", _("Staff: only the team")
    HEALTH = "health", _("Health: only the team")


# Nothing is written by a telephone: its calls are only noted.
SPOKEN = "phone"


def medium_of(kind: str) -> str:
    """What an agent calls a channel, whoever provides it: "sms" of "twilio_sms"."""
    return media.of(kind).name


def random_public_id() -> str:
    return secrets.token_hex(12)


class InboxQuerySet(models.QuerySet["Inbox"]):
    def active(self) -> InboxQuerySet:
        return self.filter(is_active=True)

    def of_calls(self) -> InboxQuerySet:
        """Telephones whose calls are kept."""
        return self.active().filter(kind=SPOKEN)

    def visible_to(self, agent: Agent) -> InboxQuerySet:
        """The open ones, and restricted ones of the agent's teams."""
        teams = Membership.objects.acting(agent).values("team")
        return self.filter(Q(restriction="") | Q(team__in=teams))


class Inbox(models.Model):
    """One connected account of a channel. What the channel needs beyond this is kept by its
    adapter. `goes_on_by` is the mail inbox that takes on what a visitor of a chat left unseen."""

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(max_length=30)
    public_id = models.CharField(max_length=24, unique=True, default=random_public_id)
    address = models.CharField(_("address"), max_length=254, blank=True, default="")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="inboxes")
    is_active = models.BooleanField(_("active"), default=True)
    restriction = models.CharField(
        _("who may read"), max_length=12, choices=Restriction.choices, blank=True, default=""
    )
    fold_restricted = models.BooleanField(
        _("show others one folded line for restricted messages"), default=True
    )
    from_name = models.CharField(_("sender name"), max_length=100, blank=True, default="")
    signature = models.TextField(_("signature"), blank=True, default="")
    undo_window = models.DurationField(_("undo window"), default=timedelta(seconds=5))
    reopen_within = models.DurationField(_("reopen within"), default=timedelta(hours=72))
    limits = models.JSONField(default=dict, blank=True)
    goes_on_by = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        verbose_name=_("answers not seen go on by"),
    )

    objects = InboxQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=~Q(kind=""), name="inbox_kind"),
            models.UniqueConstraint(
                "kind", "address", condition=~Q(address=""), name="inbox_address_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def writes_to(self, identity: Identity) -> bool:
        """Whether this channel can reach an address of that kind at all."""
        if self.kind == SPOKEN:
            return False
        return identity.kind == self.address_kind and identity.scope in ("", self.public_id)

    @property
    def address_kind(self) -> str:
        """Of which kind the addresses are that it writes to."""
        return self.medium.address

    @property
    def medium(self) -> Medium:
        """What it is for people, and what can be done there."""
        return media.of(self.kind)

    @property
    def channel(self) -> str:
        """The medium's name, by which programs know it."""
        return self.medium.name

    @property
    def shows_itself(self) -> bool:
        """Whether we show its messages to the customer ourselves: sent is then committed."""
        return self.kind in SHOWN_BY_US

    @property
    def dedup_scope(self) -> str:
        """Inboxes of one scope share a message that reaches them all; a restricted one is alone."""
        if self.kind == "email" and not self.restriction:
            return "email"
        return f"inbox:{self.pk}"
