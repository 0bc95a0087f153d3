from __future__ import annotations

import uuid

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Func, Q
from django.utils.translation import gettext_lazy as _

from conversations.models.conversations import Conversation
from conversations.models.identities import Identity, Proof
from conversations.models.inboxes import Inbox
from conversations.models.people import Agent, Bot, Membership
from conversations.models.tickets import Ticket


class Kind(models.TextChoices):
    MESSAGE = "message", _("Message")
    NOTE = "note", _("Internal note")
    CALL = "call", _("Call")
    EVENT = "event", _("Event")


class Direction(models.TextChoices):
    IN = "in", _("from the customer")
    OUT = "out", _("to the customer")
    NONE = "", _("internal")


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, agent: Agent) -> EntryQuerySet:
        """Rows an agent may read. The one filter behind page, catch-up, search, lists and files."""
        teams = Membership.objects.acting(agent).values("team")
        return self.filter(Q(ticket=None) | Q(ticket__restriction="") | Q(ticket__team__in=teams))

    def sent_as(self, actor: str, client_token: uuid.UUID) -> EntryQuerySet:
        """What an author made under a token of theirs. Spelled as the unique index has it:
        PostgreSQL finds nothing by it otherwise, and reads all entries."""
        rows = self.filter(actor=actor, client_token=client_token)
        return rows.exclude(direction=Direction.IN).exclude(kind=Kind.EVENT)

    def with_people(self) -> EntryQuerySet:
        return self.select_related("agent", "bot", "identity", "ticket", "inbox")


class Entry(models.Model):
    """One item of the thread. `(origin, seq)` is its number for ever; `conversation` says where it
    is shown now; `at` orders the timeline; `rev` is the conversation's head when the row last
    changed; `public_rev` is the same in the count of the customer's own window (`public.py`)."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    origin = models.ForeignKey(
        Conversation, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    rev = models.BigIntegerField()
    ticket = models.ForeignKey(
        Ticket, null=True, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    direction = models.CharField(max_length=3, choices=Direction.choices, blank=True, default="")
    event = models.CharField(max_length=30, blank=True, default="", db_default="")
    actor = models.CharField(max_length=40)
    client_token = models.UUIDField(default=uuid.uuid4)
    agent = models.ForeignKey(
        Agent, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    bot = models.ForeignKey(
        Bot, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    identity = models.ForeignKey(
        Identity, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    inbox = models.ForeignKey(
        Inbox, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    proof = models.CharField(
        max_length=12, choices=Proof.choices, blank=True, default="", db_default=""
    )
    subject = models.CharField(max_length=300, blank=True, default="", db_default="")
    text = models.TextField(blank=True, default="", db_default="")
    data = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    occurred_at = models.DateTimeField(null=True)
    public_rev = models.BigIntegerField(null=True)
    late = models.BooleanField(default=False, db_default=False)
    withdrawn_at = models.DateTimeField(null=True)
    search = models.GeneratedField(
        expression=Func(
            "subject", "text", function="entry_search", output_field=SearchVectorField()
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("origin", "seq", name="entry_number"),
            models.UniqueConstraint(
                "actor",
                "client_token",
                condition=~Q(direction="in") & ~Q(kind="event"),
                name="entry_client_token",
            ),
            models.UniqueConstraint(
                "identity",
                "public_rev",
                condition=Q(public_rev__isnull=False),
                name="entry_public_rev",
            ),
            models.CheckConstraint(
                condition=Q(public_rev=None) | Q(kind="message") | Q(event="offer_accepted"),
                name="entry_public_kind",
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="entry_kind"),
            models.CheckConstraint(
                condition=(Q(kind="message") & ~Q(direction=""))
                | Q(kind="call")
                | (Q(kind__in=("note", "event")) & Q(direction="")),
                name="entry_direction",
            ),
            models.CheckConstraint(
                condition=~Q(kind="message", direction="in")
                | (Q(identity__isnull=False) & ~Q(proof="")),
                name="entry_inbound_proof",
            ),
            models.CheckConstraint(
                condition=Q(ticket__isnull=False) | Q(kind="event"), name="entry_has_ticket"
            ),
            models.CheckConstraint(
                condition=(Q(kind="event") & ~Q(event="")) | (~Q(kind="event") & Q(event="")),
                name="entry_event",
            ),
        ]
        indexes = [
            models.Index("conversation", "at", "id", name="entry_timeline"),
            models.Index("ticket", "at", "id", name="entry_of_ticket"),
            models.Index("conversation", "rev", name="entry_rev"),
            models.Index("at", "id", condition=~Q(kind="event"), name="entry_newest"),
            GinIndex("search", name="entry_search", gin_pending_list_limit=256),
        ]
        triggers = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="number_for_ever",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("origin", "seq", "at"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.origin_id}/{self.seq}"

    def live_in(self, conversation: Conversation) -> bool:
        return self.conversation_id == conversation.pk

    @property
    def is_inbound(self) -> bool:
        return self.direction == Direction.IN

    @property
    def is_outbound(self) -> bool:
        return self.direction == Direction.OUT

    @property
    def is_note(self) -> bool:
        return self.kind == Kind.NOTE

    @property
    def is_call(self) -> bool:
        return self.kind == Kind.CALL

    @property
    def is_event(self) -> bool:
        return self.kind == Kind.EVENT

    @property
    def by_kind(self) -> str:
        """Who did it, as programs are told: customer, agent, bot or system."""
        if self.is_inbound:
            return "customer"
        return "agent" if self.agent_id else "bot" if self.bot_id else "system"


class EntryBody(models.Model):
    """What a message says beyond the text on the card: the whole text with quotes, and the HTML as
    it came. HTML is kept raw and cleaned each time it is shown."""

    entry = models.OneToOneField(
        Entry, primary_key=True, on_delete=models.CASCADE, related_name="body"
    )
    full_text = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"body of {self.entry_id}"


class Arrival(models.Model):
    """That a message arrived at an inbox. The unique indexes decide what is a duplicate: once for
    each inbox, and once for all inboxes of one scope."""

    inbox = models.ForeignKey(Inbox, on_delete=models.PROTECT, related_name="+", db_index=False)
    external_id = models.CharField(max_length=400)
    scope = models.CharField(max_length=40)
    is_first = models.BooleanField()
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="arrivals")

    class Meta:
        constraints = [
            models.UniqueConstraint("inbox", "external_id", name="arrival_once"),
            models.UniqueConstraint(
                "scope", "external_id", condition=Q(is_first=True), name="arrival_first"
            ),
            models.CheckConstraint(condition=~Q(external_id=""), name="arrival_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} at {self.inbox_id}"


class Reference(models.Model):
    """A name other messages use for this one (a Message-ID): ours when we sent it."""

    value = models.CharField(max_length=400)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="references")
    ours = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint("value", "entry", name="reference_once")]

    def __str__(self) -> str:
        return self.value


class FileState(models.TextChoices):
    PENDING = "pending", _("being stored")
    STORED = "stored", _("stored")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("could not be stored")


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def visible_to(self, agent: Agent) -> AttachmentQuerySet:
        teams = Membership.objects.acting(agent).values("team")
        return self.filter(
            Q(entry=None, uploaded_by=agent)
            | Q(entry__ticket__restriction="")
            | Q(entry__ticket__team__in=teams)
        )


class Attachment(models.Model):
    """A file of an entry, or one an agent uploaded for a message not sent yet. Its bytes are stored
    by tries of their own, apart from the message; `source` says where to read them again."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4)
    entry = models.ForeignKey(
        Entry, null=True, on_delete=models.PROTECT, related_name="attachments"
    )
    conversation = models.ForeignKey(
        Conversation, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    uploaded_by = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT, related_name="+")
    rev = models.BigIntegerField(default=0)
    position = models.IntegerField(default=0)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=150)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    inline = models.BooleanField(default=False)
    content_id = models.CharField(max_length=300, blank=True, default="")
    storage_key = models.CharField(max_length=200, blank=True, default="")
    source = models.CharField(max_length=100, blank=True, default="")
    state = models.CharField(max_length=8, choices=FileState.choices, default=FileState.PENDING)
    reason = models.CharField(max_length=300, blank=True, default="")
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(entry__isnull=False, conversation__isnull=False)
                | Q(entry=None, conversation=None, uploaded_by__isnull=False),
                name="attachment_belongs",
            ),
        ]
        indexes = [
            models.Index("next_at", condition=Q(state="pending"), name="attachment_waiting"),
            models.Index("conversation", "rev", name="attachment_rev"),
        ]

    def __str__(self) -> str:
        return self.filename
