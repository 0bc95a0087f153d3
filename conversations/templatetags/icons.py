"""Icons: one sprite a page, made of lucide's drawings, and small references to it."""

from __future__ import annotations

import re
from functools import cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from conversations.models.inboxes import medium_of

register = template.Library()

ICONS = frozenset(
    [
        "inbox",
        "users",
        "user-round-x",
        "layers",
        "search",
        "square-pen",
        "settings",
        "smartphone",
        "circle-user-round",
        "webhook",
        "log-out",
        "x",
        "menu",
        "mail",
        "message-circle",
        "message-circle-more",
        "message-square",
        "phone",
        "phone-incoming",
        "phone-missed",
        "phone-outgoing",
        "send",
        "globe",
        "lock",
        "clock",
        "check",
        "check-check",
        "circle-check",
        "circle-alert",
        "activity",
        "triangle-alert",
        "circle-dashed",
        "ban",
        "undo-2",
        "rotate-cw",
        "reply",
        "reply-all",
        "paperclip",
        "file",
        "image-off",
        "download",
        "ellipsis",
        "chevron-right",
        "chevron-down",
        "chevron-left",
        "arrow-up",
        "arrow-down",
        "moon",
        "sun",
        "bell-off",
        "user-round",
        "user-round-plus",
        "user-round-check",
        "link",
        "merge",
        "split",
        "move-right",
        "shield-check",
        "shield-question-mark",
        "tag",
        "plus",
        "pencil",
        "trash-2",
        "eye",
        "wifi",
        "wifi-off",
        "keyboard",
        "key-round",
        "hourglass",
        "history",
        "star",
        "calendar-clock",
        "circle-pause",
        "moon-star",
        "bot",
        "building-2",
        "info",
        "panel-right",
        "sliders-horizontal",
        "inbox",
        "monitor",
        "copy",
        "bell",
        "camera",
        "scroll-text",
        "printer",
        "handshake",
        "calendar-check",
        "calendar-x",
        "hand-helping",
        "sunrise",
    ]
)
CHANNELS = {
    "email": "mail",
    "phone": "phone",
    "sms": "message-square",
    "chat": "message-circle",
    "telegram": "send",
    "whatsapp": "message-circle-more",
}
INSIDE = re.compile(r"<svg[^>]*>(.*)</svg>", re.S)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon. Without a label it is decoration and hidden from assistive technology."""
    if name not in ICONS:
        raise template.TemplateSyntaxError(f"{name!r} is not among the icons of the sprite")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="#i-{}"/></svg>', label, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def icon_sprite(*names: str) -> SafeString:
    """The drawings a page refers to: those named, or all."""
    return _sprite(names or tuple(sorted(ICONS)))


@register.filter
def channel_icon(kind: str) -> str:
    """The icon's name for a channel; one we don't know of is a message."""
    return CHANNELS.get(medium_of(kind), "message-circle")


@cache
def _sprite(names: tuple[str, ...]) -> SafeString:
    symbols = "".join(
        f'<symbol id="i-{name}" viewBox="0 0 24 24">{_drawing(name)}</symbol>' for name in names
    )
    return mark_safe(f'<svg hidden aria-hidden="true">{symbols}</svg>')


def _drawing(name: str) -> str:
    found = INSIDE.search(lucide(name))
    assert found
    return " ".join(found[1].split())
