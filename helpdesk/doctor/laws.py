"""Whether the laws of ownership and handoff hold: of what is unresolved now, and of the whole
history when it was looked at last."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.invariants import checking
from conversations.invariants.laws import BY_KEY
from conversations.models import LawCheck, Ticket
from conversations.moments import Reader
from helpdesk.doctor.findings import Finding, Place, bad, warn, well

SHOWN: Final = 5
TOO_LONG: Final = timedelta(days=2)


def laws() -> Iterator[Finding]:
    """Each law that is broken, with the conversations that break it; or that all hold."""
    now, kept = checking.unresolved(), LawCheck.objects.filter(sort="whole").first()
    before = kept.broken if kept else {}
    yield from broken(now)
    # What was found at night may have been mended since; what is unresolved was asked just now.
    yield from broken({key: ids for key, ids in before.items() if key not in now})
    since = kept.checked_at if kept else None
    if kept and since and timezone.now() - since > TOO_LONG:
        yield warn(
            "laws",
            _("The whole history was looked at %(when)s for the last time.")
            % {"when": Reader.here().said(since).full},
            _("See above whether the slow workers and beat are alive; they look every night."),
        )
    elif not now and not before:
        yield well("laws", _held(kept))


def broken(found: Mapping[str, Sequence[int]]) -> Iterator[Finding]:
    """A finding for each law; one that this release doesn't know was found by another."""
    for key, ids in found.items():
        if law := BY_KEY.get(key):
            said = ngettext(
                "%(code)s is broken in %(count)s conversation: %(what)s",
                "%(code)s is broken in %(count)s conversations: %(what)s",
                len(ids),
            ) % {"code": law.code, "count": len(ids), "what": law.broken}
            yield bad("laws", said, str(law.do), places(ids[:SHOWN]))


def places(ids: Sequence[int]) -> Iterator[Place]:
    """The pages of these tickets. Whose a restricted one is, only its readers see."""
    rows = Ticket.objects.filter(pk__in=ids).select_related("conversation__customer").order_by("pk")
    for ticket in rows:
        path = reverse("conversations:conversation", args=[ticket.conversation_id])
        name = _("Restricted") if ticket.restriction else str(ticket.conversation.customer)
        yield Place(name, f"{path}?ticket={ticket.pk}")


def _held(kept: LawCheck | None) -> str:
    said = _("Somebody answers for everything that is unresolved, and all laws of handoff hold.")
    if kept and kept.checked_at:
        when = {"when": Reader.here().said(kept.checked_at).full}
        return f"{said} {_('Looked through the whole history: %(when)s.') % when}"
    return f"{said} {_('The whole history is looked through by night.')}"
