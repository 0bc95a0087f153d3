"""The way in: one-click sign-in and switches. These pages have a route only in the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import login
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Agent
from helpdesk.demo import guide, lively
from helpdesk.demo.cast import CAST, LEADS, MAIL_DOMAIN, PASSWORD
from helpdesk.demo.strangers import refuse_strangers

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@never_cache
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Offer everyone who can be played."""
    refuse_strangers(request)
    roles = dict(Agent._meta.get_field("role").flatchoices)
    shown = {
        "leads": [(part, roles[part.role]) for part in CAST if part.slug in LEADS],
        "others": [(part, roles[part.role]) for part in CAST if part.slug not in LEADS],
        "password": PASSWORD,
        "next": request.GET.get("next", ""),
        "mail_domain": MAIL_DOMAIN,
        "smtp_port": str(settings.DEMO_MAIL["smtp_port"] or ""),
        "is_lively": lively.is_on(),
        "has_guide_away": guide.is_away(request),
    }
    return render(request, "helpdesk/demo.html", shown)


@never_cache
@require_POST
def sign_in(request: HttpRequest, slug: str) -> HttpResponse:
    """Sign in as the part named `slug` and go on to `next`."""
    refuse_strangers(request)
    email = {part.slug: part.email for part in CAST}.get(slug)
    agent = get_object_or_404(Agent, email=email, is_active=True)
    login(request, agent, backend="django.contrib.auth.backends.ModelBackend")
    following = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(following, allowed_hosts=None):
        following = settings.LOGIN_REDIRECT_URL
    return redirect(following)


@never_cache
@require_POST
def set_lively(request: HttpRequest) -> HttpResponse:
    """Have agents and customers act by script, or stop them."""
    refuse_strangers(request)
    lively.switch(on=request.POST.get("on") == "1")
    return redirect("demo")
