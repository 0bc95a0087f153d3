"""How an account is doing, in a sentence that says what to do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Min, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from channels_inbox.models import Account, Item
from channels_inbox.pulling import SENDING
from conversations.models import Delivery, DeliveryState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from conversations.models import Inbox

LOOKED_AT: Final = 1000
MOST_CODES: Final = 5
WORDS = {
    "host": _("The server's name leads nowhere we may connect to. Check it."),
    "certificate": _("The server's certificate is not valid. Ask who runs it."),
    "tls": _("The server doesn't speak TLS on this port. Check port and security."),
    "no_tls": _("The server offers no STARTTLS. Choose another security."),
    "refused": _("The server refuses connections on this port. Check the port."),
    "timeout": _("The server doesn't answer. We keep trying; check name and port."),
    "broken": _("The connection broke. We keep trying."),
    "sign_in": _("The server refuses the sign-in. Write the password anew."),
    "token_refused": _("The sign-in is refused. Write the token anew."),
    "no_password": _("No password is set. Write it below."),
    "oauth_expired": _("The permission has ended. Sign in at the mail provider again."),
    "oauth_client": _("The provider refuses the client id or secret. Check both."),
    "oauth_refused": _("The provider's sign-in refused us. Sign in there again."),
    "oauth_unreachable": _("The provider's sign-in doesn't answer. We keep trying."),
    "unreachable": _("The provider doesn't answer. We keep trying."),
    "busy": _("The provider wants to be asked less often. We keep trying."),
    "incomplete": _("Some mail could not be fetched. We keep trying."),
}


def how_it_does(inbox: Inbox) -> dict[str, object] | None:
    """`account`, `trouble` in words, how many messages wait to be sent and since when the oldest
    (`waiting`, `waits_since`), since when something that came in waits (`unread_since`), and the
    codes of the newest that didn't arrive, with how many of each; None for an inbox that isn't
    connected."""
    account = getattr(inbox, "account", None)
    if account is None:
        return None
    rows = Delivery.objects.unfinished().filter(inbox=inbox).order_by()
    queue = rows.aggregate(n=Count("pk"), since=Min("queued_at"))
    coming = Item.objects.waiting().filter(inbox=inbox).order_by()
    return {
        "account": account,
        "trouble": trouble(account),
        "notices": notices(account),
        "waiting": queue["n"],
        "waits_since": queue["since"],
        "unread_since": coming.aggregate(since=Min("received_at"))["since"],
        "errors": _errors(inbox),
    }


def _errors(inbox: Inbox) -> list[tuple[str, int]]:
    """Of the newest messages of the desk that failed or may have been sent."""
    troubles = (DeliveryState.FAILED, DeliveryState.AMBIGUOUS)
    newest = Delivery.objects.filter(state__in=troubles).order_by("-pk")
    rows = newest.values_list("inbox_id", "error_code", "state")[:LOOKED_AT]
    codes = (code or state for pk, code, state in rows if pk == inbox.pk)
    return Counter(codes).most_common(MOST_CODES)


def notices(account: Account) -> list[str]:
    """What stands still at it or soon will, and what to do about it."""
    found, gate = [], getattr(account.inbox, "gate", None)
    if gate and gate.shut_at:
        found.append(
            gettext(
                "Nothing is sent since %(since)s: the provider failed %(count)s times in a row."
                " It is asked again and again, and what waits goes out once it is back. If it"
                " stays so, look at the provider's own page about outages, and test the"
                " connection below; saving tries at once."
            )
            % {"since": _at(gate.shut_at), "count": gate.failures}
        )
    if gate and gate.in_shut_at:
        found.append(
            gettext(
                "What comes in can't be read since %(since)s: %(reason)s. It is kept, nothing is"
                " lost, and one message tries every few seconds; all follow when it is read. Most"
                " likely the desk has a defect: install its newest release."
            )
            % {"since": _at(gate.in_shut_at), "reason": gate.in_reason}
        )
    if account.expires_at and account.warn_at and account.warn_at <= timezone.now():
        found.append(_ending(account.expires_at))
    return found


def stuck() -> QuerySet[Account]:
    """Those of open inboxes with such notices."""
    return Account.objects.filter(inbox__is_active=True).filter(
        Q(inbox__gate__shut_at__isnull=False)
        | Q(inbox__gate__in_shut_at__isnull=False)
        | Q(warn_at__lte=Now(), expires_at__isnull=False)
    )


def trouble(account: Account) -> str:
    """What is wrong with it now, or ''. A code we have no words for is told as it was noted."""
    if not account.error_code:
        told = notices(account)
        return told[0] if told else ""
    sending = account.error_code.startswith(SENDING)
    words = WORDS.get(account.error_code.removeprefix(SENDING))
    text = gettext(words) if words else account.error
    return gettext("Sending: %(problem)s") % {"problem": text} if sending else text


def _ending(at: datetime) -> str:
    if at <= timezone.now():
        return gettext(
            "The sign-in ended %(at)s. Write it anew below; what waits goes out then."
        ) % {"at": _at(at)}
    return gettext(
        "The sign-in ends %(at)s and could not be renewed. Write it anew below before, or nothing"
        " comes in or goes out."
    ) % {"at": _at(at)}


def _at(at: datetime) -> str:
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
