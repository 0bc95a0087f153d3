"""Why nothing goes out by an inbox for now, as whoever answers is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from channels_inbox.lately import Lately
from channels_inbox.models import Account
from channels_inbox.pages.health import trouble
from channels_inbox.pulling import SENDING
from conversations.media import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable


def of(inboxes: Iterable[int]) -> dict[int, Trouble]:
    """By row id of the inbox: those whose account refuses us, or wants to be left alone; as it was
    a second ago at most, since every page with a composer asks."""
    troubled = TROUBLED("") or {}
    return {pk: Trouble(_words(troubled[pk])) for pk in inboxes if pk in troubled}


def _troubled(_all: str) -> dict[int, Account]:
    holds = Q(error_code__startswith=SENDING) | Q(rests_until__gt=Now())
    return {row.pk: row for row in Account.objects.filter(holds).only("error_code", "error")}


TROUBLED: Final = Lately(_troubled)


def _words(account: Account) -> str:
    if account.error_code.startswith(SENDING):
        told = _("Nothing goes out by this inbox now. %(problem)s What you send waits until then.")
        return told % {"problem": trouble(account)}
    return _("The provider wants less at a time: what you send goes out a little later.")
