"""What becomes of messages on their way, of files and addresses, and when a process dies."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import rule

from conversations import (
    attachments,
    customers,
    deliveries,
    handoffs,
    intake,
    ownership,
    promises,
    replies,
    tickets,
)
from conversations.errors import (
    BadInput,
    DomainError,
)
from conversations.models import (
    Attachment,
    Conversation,
    Delivery,
    Identity,
    Offer,
    Promise,
)
from conversations.thread import database_now
from tests import builders
from tests.conversations import promising
from tests.properties.rules.floor import PACKET, Crash, Floor, everything, few, pick, senders


class Carrying(Floor):
    """What becomes of messages on their way, of files and addresses, and when a process dies."""

    @rule(
        limit=few,
        outcome=st.sampled_from(["sent", "failed", "ambiguous", "postponed", "expired", "lost"]),
        again=st.booleans(),
    )
    def deliveries_go(self, limit: int, outcome: str, again: bool) -> None:
        Delivery.objects.filter(state="queued").update(next_at=database_now())
        leases = deliveries.claim([inbox.pk for inbox in self.inboxes], limit)
        # None but the one that is to run out does, however long the others take.
        for_long = database_now() + timedelta(hours=1)
        Delivery.objects.filter(state="sending").update(lease_until=for_long)
        for lease in leases:
            if outcome == "sent":
                assert deliveries.sent(lease, provider_id=f"<{uuid.uuid4()}>")
                assert not deliveries.sent(lease)
            elif outcome == "failed":
                assert deliveries.failed(lease, code="550", error="No such user")
            elif outcome == "ambiguous":
                assert deliveries.ambiguous(lease, error="Cut off")
            elif outcome == "postponed":
                assert deliveries.postponed(lease, code="450", error="Later")
            else:
                if outcome == "expired":
                    assert deliveries.handing_over(lease)
                row = Delivery.objects.filter(pk=lease.delivery)
                row.update(lease_until=database_now() - timedelta(seconds=1))
                assert deliveries.expire_leases() == 1
                after = row.get()
                if outcome == "expired":
                    assert after.state == "ambiguous"
                else:
                    assert after.state == "queued" or after.attempts == deliveries.MAX_ATTEMPTS
                assert not deliveries.sent(lease)
        trouble = Delivery.objects.filter(state__in=("failed", "ambiguous")).first()
        if trouble and again:
            deliveries.send_again(trouble, by=self.boss)

    @rule(which=pick, state=st.sampled_from(["delivered", "read", "sent"]))
    def receipt_comes(self, which: int, state: str) -> None:
        done = list(Delivery.objects.filter(state__in=("sent", "delivered")).order_by("pk"))
        if done:
            deliveries.receipt(done[which % len(done)], state)
            assert not deliveries.receipt(done[which % len(done)], state)

    @rule(which=pick)
    def mail_comes_back(self, which: int) -> None:
        done = list(Delivery.objects.exclude(provider_id="").order_by("pk"))
        if done:
            delivery = done[which % len(done)]
            intake.bounced(
                names=[delivery.provider_id],
                recipients=[delivery.identity.value],
                reason="gone",
                temporary=bool(which % 2),
            )

    @rule(works=st.booleans())
    def files_are_stored(self, works: bool) -> None:
        Attachment.objects.filter(state="pending").update(next_at=database_now())

        def read(attachment: Attachment) -> bytes:
            if not works:
                raise OSError("mailbox away")
            return b"abc"

        attachments.store_waiting(read)

    @rule(which=pick, what=st.sampled_from(["block", "unblock", "clear", "add"]))
    def address_changes(self, which: int, what: str) -> None:
        rows = list(Identity.objects.order_by("pk"))
        if not rows:
            return
        row = rows[which % len(rows)]
        if what == "add":
            live = Conversation.objects.get(pk=row.conversation_id)
            new = customers.Address("email", f"more{which % 5}@example.org")
            try:
                customers.add_address(live, new, by=self.boss)
            except BadInput:
                return
        else:
            verb = {
                "block": customers.block,
                "unblock": customers.unblock,
                "clear": customers.clear_undeliverable,
            }[what]
            verb(row, by=self.boss)

    @rule(
        ticket=pick,
        sender=senders,
        verb=st.sampled_from(["write", "note", "take", "resolve", "offer", "tick", "promise"]),
    )
    def crash_before_commit(self, ticket: int, sender: str, verb: str) -> None:
        found = self._ticket(ticket)
        before = everything()
        try:
            with transaction.atomic():
                if verb == "write" or found is None:
                    intake.receive(builders.inbound(self.inboxes[0], sender))
                elif verb == "note":
                    replies.note(found, by=self.boss, text="lost", client_token=uuid.uuid4())
                elif verb == "take":
                    ownership.take(found, by=self.boss, epoch=found.owner_epoch)
                elif verb == "offer":
                    handoffs.offer(
                        found,
                        team=self.teams[ticket % 2],
                        by=self.boss,
                        epoch=found.owner_epoch,
                        packet=PACKET,
                        warm=False,
                    )
                elif verb == "promise":
                    due = database_now() + timedelta(hours=1)
                    promises.promise(found, by=self.boss, text="Lost", due_at=due)
                    promising.due_soon(Promise.objects.latest("pk"))
                    promises.warn_due()
                elif verb == "tick":
                    for offer in Offer.objects.open():
                        builders.run_out(offer)
                    handoffs.expire_due()
                else:
                    tickets.resolve(found, by=self.boss)
                raise Crash
        except (Crash, DomainError):
            pass
        assert everything() == before
