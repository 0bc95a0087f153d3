"""Writing to somebody first: customer, matter and message come to be together or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from conversations import customers, ownership, phones, replies, tickets
from conversations.errors import BadInput
from conversations.going_out import Outgoing
from conversations.models import Conversation, Entry, HeldSend, Membership
from conversations.thread import Actor, locked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from conversations.models import Agent, Attachment, Inbox, Team, Ticket


@dataclass(frozen=True)
class Opening:
    """A first message as its author wrote it: to an address of the inbox's kind; a number that
    names no country is of that of the inbox's own. A `template`, with `values` by its places,
    stands for the text where the channel takes no free text first."""

    address: str
    inbox: Inbox
    team: Team
    subject: str
    text: str
    name: str = ""
    template: int | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def write_first(
    opening: Opening,
    *,
    by: Agent,
    client_token: UUID,
    attachments: Sequence[Attachment] = (),
    confirmed: bool = False,
) -> Ticket:
    """Open a matter with this address and send the message in it.

    The same (author, client_token) again answers with the ticket of the first call. Raises
    ClaimedAddress (unless `confirmed`) for an address nothing is known of, WindowClosed where only
    a template may go first, NotReachable, BadInput.
    """
    _check(opening, by)
    address = customers.written(
        opening.inbox.address_kind,
        opening.address,
        label=opening.name,
        country=phones.country_of(opening.inbox.address),
    )
    with transaction.atomic():
        identity = customers.identity_of(address)
        with locked(identity.origin_id) as thread:
            made = _made_before(by, client_token)
            if made:
                return made
            ticket = tickets.open_ticket(
                thread,
                origin_id=identity.origin_id,
                team=opening.team,
                by=Actor.of(by),
                subject=opening.subject,
                inbox=opening.inbox,
                restriction=opening.inbox.restriction,
            )
            if Membership.objects.acting(by).filter(team=opening.team).exists():
                ownership.apply(
                    thread, ticket, "taken", by=Actor.of(by), team=opening.team, agent=by
                )
        replies.reply(
            ticket,
            by=by,
            outgoing=Outgoing(
                opening.text,
                identity.pk,
                opening.inbox.pk,
                subject=opening.subject,
                template=opening.template,
                values=dict(opening.values),
            ),
            seen_head=Conversation.objects.values_list("head", flat=True).get(
                pk=ticket.conversation_id
            ),
            client_token=client_token,
            attachments=attachments,
            anyway=True,
            confirmed=confirmed,
        )
    return ticket


def _check(opening: Opening, by: Agent) -> None:
    if not opening.inbox.medium.first:
        raise BadInput(_("Nobody can be written to first by this inbox."))
    if opening.inbox.restriction and opening.inbox.team_id != opening.team.pk:
        raise BadInput(_("A restricted inbox is answered by its own team only."))
    member = Membership.objects.acting(by).filter(team=opening.team).exists()
    if opening.inbox.restriction and not member:
        raise BadInput(_("Only the team of this inbox may write from it."))


def _made_before(by: Agent, client_token: UUID) -> Ticket | None:
    sent = Entry.objects.sent_as(by.actor, client_token)
    held = HeldSend.objects.filter(actor=by.actor, client_token=client_token)
    row = held.select_related("ticket").first() or sent.select_related("ticket").first()
    return row.ticket if row else None
