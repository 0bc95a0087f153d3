"""The frame around every page: which place of the desk it is."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

register = template.Library()


@register.simple_block_tag
def captured(content: str) -> str:
    """What is inside, for `{% captured as name %}`: how a child template names its place."""
    return content.strip()


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any], place: str) -> str:
    """The value of `aria-current` for a link to `place`."""
    return "page" if context.get("place") == place else "false"


@register.simple_tag
def time_zone() -> str:
    return timezone.get_current_timezone_name()
