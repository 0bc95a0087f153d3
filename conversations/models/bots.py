from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversations.models.entries import Entry
from conversations.models.people import Agent, Bot
from conversations.models.tickets import Ticket

MOST_TURNS = 10


class StintQuerySet(models.QuerySet["Stint"]):
    def waiting(self) -> StintQuerySet:
        """Those in which it is the bot's turn, the longest waiting first."""
        return self.filter(due_at__isnull=False).order_by("due_at", "pk")


class Stint(models.Model):
    """One stretch in which a bot owns a ticket, named by the epoch of it.

    `due_at` is since when it is the bot's turn, null while the customer's; `memory` is what the bot
    itself keeps between its turns; `turns` how often it has written. With a `goal` (the name of a
    value) a person has lent it the ticket for at most `most_turns`, after which it `returns_to`
    them. `late_at` says that an answer came after the stint was over and was discarded.
    """

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="stints", db_index=False
    )
    epoch = models.BigIntegerField()
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="+", db_index=False)
    goal = models.CharField(max_length=40, blank=True, default="", db_default="")
    most_turns = models.SmallIntegerField(null=True)
    returns_to = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    turns = models.SmallIntegerField(default=0, db_default=0)
    memory = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    late_at = models.DateTimeField(null=True)

    objects = StintQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("ticket", "epoch", name="stint_once"),
            models.CheckConstraint(
                condition=Q(goal="", most_turns=None, returns_to=None)
                | (~Q(goal="") & Q(most_turns__range=(1, MOST_TURNS), returns_to__isnull=False)),
                name="stint_goal_and_limit",
            ),
            models.CheckConstraint(
                condition=Q(most_turns=None) | Q(turns__lte=models.F("most_turns")),
                name="stint_within_limit",
            ),
        ]
        indexes = [
            models.Index("due_at", "id", condition=Q(due_at__isnull=False), name="stint_due"),
        ]

    def __str__(self) -> str:
        return f"bot {self.bot_id} with ticket {self.ticket_id}, epoch {self.epoch}"


class ValueSort(models.TextChoices):
    TEXT = "text", _("Text")
    EMAIL = "email", _("Email")
    NUMBER = "number", _("Number")
    DATE = "date", _("Date")
    CHOICE = "choice", _("Choice")


class Collected(models.Model):
    """A value a bot has found out, in one spelling for each sort: dates as 2026-12-24, numbers with
    a point. It is what the customer said, no more: an address here proves nothing. `entry` is where
    they said it."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="collected", db_index=False
    )
    name = models.CharField(max_length=40)
    sort = models.CharField(max_length=8, choices=ValueSort.choices)
    value = models.CharField(max_length=300)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="+", db_index=False)
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="+", db_index=False)
    collected_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("ticket", "name", name="collected_once"),
            models.CheckConstraint(
                condition=Q(sort__in=(ValueSort.TEXT, ValueSort.CHOICE), value__regex=r"\S")
                | Q(sort=ValueSort.EMAIL, value__regex=r"^[^@\s]+@[^@\s]+$")
                | Q(sort=ValueSort.NUMBER, value__regex=r"^-?[0-9]+(\.[0-9]+)?$")
                | Q(sort=ValueSort.DATE, value__regex=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
                name="collected_as_its_sort",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
