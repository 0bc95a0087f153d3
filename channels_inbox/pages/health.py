"""How an account is doing, in a sentence that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from channels_inbox.pulling import SENDING
from conversations.models import Delivery

if TYPE_CHECKING:
    from channels_inbox.models import Account
    from conversations.models import Inbox

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
    """`account`, `trouble` in words, and how many messages wait to be sent; None for an inbox that
    isn't connected."""
    account = getattr(inbox, "account", None)
    if account is None:
        return None
    waiting = Delivery.objects.unfinished().filter(inbox=inbox).count()
    return {"account": account, "trouble": trouble(account), "waiting": waiting}


def trouble(account: Account) -> str:
    """What is wrong with it now, or ''. A code we have no words for is told as it was noted."""
    if not account.error_code:
        return ""
    sending = account.error_code.startswith(SENDING)
    words = WORDS.get(account.error_code.removeprefix(SENDING))
    text = gettext(words) if words else account.error
    return gettext("Sending: %(problem)s") % {"problem": text} if sending else text
