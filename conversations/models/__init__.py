from conversations.models.bots import MOST_TURNS, Collected, Stint, ValueSort
from conversations.models.calls import CallOutcome, CallState, Ringing
from conversations.models.codes import ResumeCode
from conversations.models.conversations import Conversation, Customer, Merge, NotSame
from conversations.models.deliveries import (
    RECEIPT_RANK,
    Delivery,
    DeliveryState,
    Draft,
    DraftMode,
    EarlyReceipt,
    HeldSend,
    HeldState,
)
from conversations.models.entries import (
    Arrival,
    Attachment,
    Direction,
    Entry,
    EntryBody,
    FileState,
    Kind,
    Reference,
)
from conversations.models.identities import Identity, IdentityKind, Proof
from conversations.models.inboxes import Inbox, Restriction
from conversations.models.invitations import Invitation, InvitationKind
from conversations.models.lawchecks import CheckSort, LawCheck
from conversations.models.offers import (
    Alert,
    AlertKind,
    Clock,
    Decline,
    Offer,
    OfferState,
)
from conversations.models.people import Agent, Assigning, Bot, Membership, PresenceState, Role, Team
from conversations.models.presence import Presence
from conversations.models.promises import Promise, PromiseChannel, PromiseState
from conversations.models.reading import ReadMark
from conversations.models.shifts import Leaving, Shift, ShiftEnd, ShiftWorker, SignOff
from conversations.models.tickets import DeadlineKind, Ownership, Status, Ticket
from conversations.models.tokens import ApiToken, IdempotencyKey, Scope
from conversations.models.transcripts import (
    ExportFailure,
    ExportFormat,
    ExportState,
    TranscriptAccess,
    TranscriptAct,
    TranscriptExport,
)
from conversations.models.weights import ChannelWeight
from conversations.models.windows import Template, TemplateState, Window

__all__ = [
    "MOST_TURNS",
    "RECEIPT_RANK",
    "Agent",
    "Alert",
    "AlertKind",
    "ApiToken",
    "Arrival",
    "Assigning",
    "Attachment",
    "Bot",
    "CallOutcome",
    "CallState",
    "ChannelWeight",
    "CheckSort",
    "Clock",
    "Collected",
    "Conversation",
    "Customer",
    "DeadlineKind",
    "Decline",
    "Delivery",
    "DeliveryState",
    "Direction",
    "Draft",
    "DraftMode",
    "EarlyReceipt",
    "Entry",
    "EntryBody",
    "ExportFailure",
    "ExportFormat",
    "ExportState",
    "FileState",
    "HeldSend",
    "HeldState",
    "IdempotencyKey",
    "Identity",
    "IdentityKind",
    "Inbox",
    "Invitation",
    "InvitationKind",
    "Kind",
    "LawCheck",
    "Membership",
    "Merge",
    "NotSame",
    "Offer",
    "OfferState",
    "Ownership",
    "Presence",
    "Promise",
    "PromiseChannel",
    "PromiseState",
    "PresenceState",
    "Proof",
    "ReadMark",
    "Reference",
    "Restriction",
    "ResumeCode",
    "Ringing",
    "Role",
    "Scope",
    "Status",
    "Stint",
    "Team",
    "Template",
    "TemplateState",
    "Ticket",
    "TranscriptAccess",
    "TranscriptAct",
    "TranscriptExport",
    "ValueSort",
    "Window",
    "Leaving",
    "Shift",
    "ShiftEnd",
    "ShiftWorker",
    "SignOff",
]
