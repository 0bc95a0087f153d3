"""What a verb may refuse. Each error has a sentence for people and a code for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.functional import _StrPromise

    from conversations.models import Entry, Promise, Ticket


class DomainError(Exception):
    """A refusal a person can act on: `message` says what happened and what to do."""

    code = "refused"
    message: str | _StrPromise = _("This can't be done.")

    def __init__(self, message: str | _StrPromise | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(str(self.message))


class NotAllowed(DomainError):
    """You may see it, but not do this with it (403)."""

    code = "not_allowed"
    message = _("You are not in the team of this conversation. Ask its team to add you.")


class StaleContext(DomainError):
    """Somebody wrote or took over since the author last looked (409)."""

    code = "stale_context"
    message = _("Something new happened while you were writing. Read it, then edit or send anyway.")

    def __init__(self, newer: Sequence[Entry], head: int) -> None:
        super().__init__()
        self.newer = list(newer)
        self.head = head


class Moved(DomainError):
    """What may be read here changed as a whole (a join, its undo, a restricted team): 409."""

    code = "reset"
    message = _("This conversation was put together anew. Load the page again.")


class StillYours(DomainError):
    """Going off shift with what nobody was offered (409)."""

    code = "still_yours"
    message = _("Your shift ends, and you have conversations nobody was offered. Offer them first.")

    def __init__(self, tickets: Sequence[Ticket]) -> None:
        super().__init__()
        self.tickets = list(tickets)


class StaleOwner(DomainError):
    """The ticket changed hands after the page was made (409)."""

    code = "stale_owner"
    message = _("Somebody else changed who owns this in the meantime. Look again, then decide.")


class OfferOver(StaleOwner):
    """The offer was answered, ran out or ended before (409)."""

    code = "offer_over"
    message = _("This offer is over. Load the page again to see what became of it.")


class PromiseOver(DomainError):
    """The promise was settled before (409)."""

    code = "promise_over"
    message = _("This promise is settled. Load the page again to see what became of it.")


class PromisesOpen(DomainError):
    """Something promised to the customer would be forgotten with this (409)."""

    code = "promises_open"
    message = _("Something you promised is still open. Settle it first, or say what becomes of it.")

    def __init__(self, promises: Sequence[Promise]) -> None:
        super().__init__()
        self.promises = list(promises)


class NotReachable(DomainError):
    """There is no way to send to this address (422)."""

    code = "not_reachable"
    message = _("This address can't be written to. Choose another one.")


class WindowClosed(DomainError):
    """The channel takes free text only for a time after the customer wrote there (409)."""

    code = "window_closed"
    message = _("The time to answer freely there is over. Choose a template, or another address.")


class Busy(DomainError):
    """Others are at it, and it would take too long to wait for them (503)."""

    code = "busy"
    message = _("The desk has too much to do for this right now. Try again in a moment.")


class BadInput(DomainError):
    """A value given by a person doesn't fit (422)."""

    code = "bad_input"
