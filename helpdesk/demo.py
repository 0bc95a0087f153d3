"""One-click sign-in. These pages have a route only in the demo."""

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from conversations.models import Agent
from helpdesk.demo_cast import CAST, MAIL_DOMAIN, PASSWORD
from helpdesk.entrance import is_this_machine


@never_cache
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Offer everyone who can be played."""
    refuse_strangers(request)
    shown = {
        "cast": CAST,
        "password": PASSWORD,
        "next": request.GET.get("next", ""),
        "mail_domain": MAIL_DOMAIN,
        "smtp_port": str(settings.DEMO_MAIL["smtp_port"] or ""),
    }
    return render(request, "helpdesk/demo.html", shown)


@never_cache
@require_POST
def sign_in(request: HttpRequest, role: str) -> HttpResponse:
    """Sign in as the part named `role` and go on to `next`."""
    refuse_strangers(request)
    email = {part.role: part.email for part in CAST}.get(role)
    agent = get_object_or_404(Agent, email=email, is_active=True)
    login(request, agent, backend="django.contrib.auth.backends.ModelBackend")
    following = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(following, allowed_hosts=None):
        following = settings.LOGIN_REDIRECT_URL
    return redirect(following)


def refuse_strangers(request: HttpRequest) -> None:
    """Show nothing to anyone but a browser on the demo's own machine."""
    if not (settings.DEMO and is_this_machine(request)):
        raise Http404
