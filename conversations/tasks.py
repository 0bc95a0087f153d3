"""Wake-ups by the clock: held replies go out, sleeping tickets wake, offers end, bots give up,
shifts end, owners hear of what they promised, what waits is given to somebody, old keys are
forgotten, files are made, the laws are looked at."""

from __future__ import annotations

from celery import shared_task

from conversations import (
    absence,
    api_tokens,
    assignment,
    bots,
    exports,
    handoffs,
    mirrored,
    presence,
    promises,
    replies,
    shift_ends,
    tickets,
    wake,
)
from conversations.invariants import checking
from conversations.turns import at_most
from conversations.views.transcript_files import WRITERS


@shared_task(name="conversations.sweep", queue="fast")
def sweep() -> None:
    replies.release_due()
    mirrored.settle_early()
    promises.warn_due()
    tickets.wake_due()
    handoffs.expire_due()
    bots.give_up_due()
    shift_ends.tell_due()
    shift_ends.settle_due()


@shared_task(name=wake.ASSIGN, queue="fast")
@at_most(1)
def assign() -> None:
    """Who went leaves what they had, who came has it again, and what waits is given to who is
    there."""
    presence.tell_changes()
    absence.end_for_present()
    absence.offer_due()
    assignment.assign_due()


@shared_task(name="conversations.forget_old_keys", queue="slow")
def forget_old_keys() -> None:
    api_tokens.forget_old_keys()


@shared_task(name="conversations.check_laws", queue="slow")
@at_most(1)
def check_laws() -> None:
    checking.check_unresolved()
    checking.check_history()


@shared_task(name="conversations.make_exports", queue="slow")
@at_most(1)
def make_exports() -> None:
    """One at a time in each process, so that the others of its threads are left for mail. What is
    waited for comes first: whatever keeps an old file from being deleted keeps nobody waiting."""
    exports.make_waiting(WRITERS)
    exports.expire()
