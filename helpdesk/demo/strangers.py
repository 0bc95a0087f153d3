"""Who may see the demo's own pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404

from helpdesk.entrance import is_this_machine

if TYPE_CHECKING:
    from django.http import HttpRequest


def refuse_strangers(request: HttpRequest) -> None:
    """Show nothing to anyone but a browser on the demo's own machine."""
    if not (settings.DEMO and is_this_machine(request)):
        raise Http404
