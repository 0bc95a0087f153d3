"""The way to a mail provider's consent page and back."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from channels_inbox import inboxes, pulling
from channels_inbox.base import ConnectError
from channels_inbox.email import accounts, oauth
from channels_inbox.email.config import OAUTH
from conversations.errors import BadInput
from conversations.views.access import AgentRequest, for_admins

SESSION_KEY = "mail_consent"


@never_cache
@require_GET
@for_admins
def start(request: AgentRequest, pk: int) -> HttpResponse:
    """Send the admin to the provider, with a word of our own by which we know them again."""
    inbox = inboxes.inbox_of(pk, by=request.user)
    config = accounts.config_of(inbox)
    if config.auth != OAUTH or not config.provider.authorize_url.startswith("https://"):
        raise BadInput(_("This inbox signs in with a password. Choose a provider first, and save."))
    state = secrets.token_urlsafe(32)
    request.session[SESSION_KEY] = {"state": state, "inbox": inbox.pk}
    return redirect(oauth.authorize_url(config, redirect_uri=_callback_url(), state=state))


@never_cache
@require_GET
@for_admins
def callback(request: AgentRequest) -> HttpResponse:
    """The provider sent the admin back. Counts once, and only for who set out."""
    kept = request.session.pop(SESSION_KEY, None)
    given = request.GET.get("state", "")
    if not kept or not constant_time_compare(kept["state"], given):
        raise BadInput(_("This sign-in was not begun here, or is over. Start it from the inbox."))
    inbox = inboxes.inbox_of(kept["inbox"], by=request.user)
    code = request.GET.get("code", "")
    if not code:
        messages.error(request, _("The provider did not allow it. Nothing was changed."))
        return redirect("inboxes:inbox", inbox.pk)
    try:
        config = accounts.config_of(inbox)
        oauth.exchange(inbox, config, code=code, redirect_uri=_callback_url())
    except ConnectError as error:
        messages.error(request, error.error)
    else:
        pulling.ring(inbox.pk)
        messages.success(request, _("The provider lets the desk in. Mail is read from now on."))
    return redirect("inboxes:inbox", inbox.pk)


def _callback_url() -> str:
    return settings.BASE_URL + reverse("inboxes:consent-callback")
