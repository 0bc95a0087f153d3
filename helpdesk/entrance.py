"""Where people who are not signed in arrive."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conversations.models import Agent

LOOPBACK = {"127.0.0.1", "::1"}
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")


@never_cache
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the first-run page of an empty desk, the demo's people, or the sign-in form."""
    if settings.DEMO:
        page = reverse("demo")
    elif not Agent.objects.exists():
        page = reverse("welcome")
    else:
        page = reverse("account_login")
    following = request.GET.get("next")
    return redirect(f"{page}?{urlencode({'next': following})}" if following else page)


def is_this_machine(request: HttpRequest) -> bool:
    """Whether a private copy is asked straight from its own machine, through no proxy.

    Both ends of the connection must be loopback: the server's end shows where it listens.
    """
    ends = {request.META.get("REMOTE_ADDR"), request.META.get("SERVER_NAME")}
    forwarded = any(name in request.META for name in FORWARDED)
    return settings.LOCAL and ends <= LOOPBACK and not forwarded
