"""What an agent is to their colleagues, as they choose it in the frame of any page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from conversations import signing_off
from conversations.errors import StillYours
from conversations.models import PresenceState
from conversations.views.access import for_agents
from conversations.views.answers import came_from, done, leads_to

if TYPE_CHECKING:
    from django.http import HttpResponse

    from conversations.views.access import AgentRequest


@require_POST
@for_agents
def choose(request: AgentRequest) -> HttpResponse:
    state = request.POST.get("state", "")
    try:
        signing_off.choose(request.user, state)
    except StillYours as refusal:
        return leads_to(request, reverse("conversations:sign-off"), refusal)
    said = _("You are now: %(state)s.") % {"state": PresenceState(state).label}
    return done(request, came_from(request, reverse("conversations:home")), said)
