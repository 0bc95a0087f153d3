from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Func, Q

from conversations.models.people import Agent


class Customer(models.Model):
    """A person we talk with. Has exactly one Conversation, made together with it."""

    name = models.CharField(max_length=200, blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    memo = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                OpClass(
                    Func("name", function="plain_text", output_field=models.TextField()),
                    name="text_pattern_ops",
                ),
                name="customer_name_plain",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"#{self.pk}"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def live(self) -> ConversationQuerySet:
        return self.filter(merged_into=None)

    def resolve(self, pk: int) -> Conversation:
        """The live conversation an id means today; ids of joined ones keep resolving for ever.

        Raises Conversation.DoesNotExist for an id that never was.
        """
        found = self.select_related("customer", "merged_into").get(pk=pk)
        return found.merged_into or found


class Conversation(models.Model):
    """The customer's lifelong thread. Its counters are raised only under its row lock (`thread.py`)
    and stand in no index, so that raising them is a HOT update."""

    customer = models.OneToOneField(Customer, on_delete=models.PROTECT)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="joined"
    )
    last_seq = models.BigIntegerField(default=0, db_default=0)
    head = models.BigIntegerField(default=0, db_default=0)
    last_at = models.DateTimeField()
    reset_head = models.BigIntegerField(default=0, db_default=0)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")),
                name="conversation_not_self",
            ),
            models.CheckConstraint(
                condition=Q(head__gte=0) & Q(last_seq__gte=0) & Q(reset_head__lte=F("head")),
                name="conversation_counters",
            ),
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"

    @property
    def live_id(self) -> int:
        return self.merged_into_id or self.pk


class Merge(models.Model):
    """One row of the ledger of joins. `origins` are the conversations that moved; undoing takes
    home who was joined by it, with all that hang on them by other joins."""

    into = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="merges", db_index=False
    )
    origins = ArrayField(models.BigIntegerField())
    proof = models.CharField(max_length=12)
    reason = models.CharField(max_length=300, blank=True, default="")
    agent = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index("into", name="merge_into")]

    def __str__(self) -> str:
        return f"{self.origins} into {self.into_id}"


class NotSame(models.Model):
    """That two conversations are two people's, by an agent who looked; `low` has the lower id."""

    low = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    high = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint("low", "high", name="not_same_once"),
            models.CheckConstraint(condition=Q(low__lt=F("high")), name="not_same_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.low_id} is not {self.high_id}"

    @classmethod
    def of(cls, conversation: Conversation) -> frozenset[int]:
        """Ids of the live conversations that are somebody else's for certain, also by what was said
        before one of them was joined."""
        own = Conversation.objects.filter(Q(pk=conversation.pk) | Q(merged_into=conversation))
        ids = set(own.values_list("pk", flat=True))
        pairs = cls.objects.filter(Q(low__in=ids) | Q(high__in=ids)).values_list("low", "high")
        others = Conversation.objects.filter(pk__in={pk for pair in pairs for pk in pair} - ids)
        return frozenset(other.live_id for other in others)
