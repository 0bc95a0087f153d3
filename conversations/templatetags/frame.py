"""The frame around every page: which place of the desk it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django import template
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from conversations.models import PresenceState
from conversations.views.drawing import draw, with_token

if TYPE_CHECKING:
    from django.template import Context
    from django.utils.safestring import SafeString

register = template.Library()

HINTS = {
    PresenceState.ONLINE: _("New work may come to you by itself"),
    PresenceState.AWAY: _("Back soon: nothing comes by itself"),
    PresenceState.TRANSFERS: _("Only what colleagues hand to you"),
    PresenceState.OFFLINE: _("After a while, what you have is offered to your team"),
}


@register.simple_block_tag
def captured(content: str) -> str:
    """What is inside, for `{% captured as name %}`: how a child template names its place."""
    return content.strip()


class Rail(NamedTuple):
    """The way around the desk: which place of it this is, who is signed in, what needs them."""

    place: str
    agent: int
    name: str
    state: str
    supervises: bool
    admin: bool
    dead_item: bool
    webhook_stopped: bool
    offer_unanswered: bool
    nobody_left: bool
    has_shifts: bool
    shift_ends: bool

    @property
    def state_word(self) -> str:
        return str(PresenceState(self.state).label)

    @property
    def states(self) -> list[tuple[str, str, str]]:
        """Each as it is sent, its word, and what it means."""
        return [(one.value, str(one.label), str(HINTS[one])) for one in PresenceState]


@register.simple_tag(takes_context=True)
def rail(context: Context) -> SafeString:
    agent = context["user"]
    has_shifts, ends_at = context.get("of_shifts") or (False, None)
    look = Rail(
        str(context.get("place", "")),
        agent.pk,
        agent.name,
        agent.chosen_state,
        agent.is_supervisor,
        agent.is_admin,
        bool(context.get("dead_items")),
        bool(context.get("stopped_webhooks")),
        bool(context.get("unanswered_offers")),
        bool(context.get("nobody_left")),
        bool(has_shifts) or bool(ends_at),
        ends_at is not None,
    )
    return with_token(draw("rail", look), context["request"])


@register.simple_tag(takes_context=True)
def here(context: Context, place: str) -> str:
    """In the rail, the value of `aria-current` for a link to `place`."""
    return "page" if context["look"].place == place else "false"


@register.simple_tag
def drawn(partial: str, *told: object) -> SafeString:
    """A partial that depends on nothing but the language and what it is told (`look.0`, `look.1`):
    most of what is around a page does, and need not be made anew for each."""
    return draw(partial, told)


@register.simple_tag
def time_zone() -> str:
    return timezone.get_current_timezone_name()
