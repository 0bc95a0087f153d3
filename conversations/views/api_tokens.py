"""The page of API tokens: one's own, an admin's of everybody."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from conversations import api_tokens
from conversations.errors import DomainError
from conversations.views.access import AgentRequest, for_agents
from conversations.views.api_token_form import TokenForm


@never_cache
@sensitive_variables("secret", "more")
@require_http_methods(["GET", "POST"])
@for_agents
def tokens(request: AgentRequest) -> HttpResponse:
    """Those there are, and a new one. Its secret is in the answer that makes it, nowhere else."""
    form = TokenForm(request.POST or None, by=request.user)
    if not form.is_valid():
        return _page(request, form)
    try:
        made, secret = api_tokens.make(**form.values(), by=request.user)
    except DomainError as error:
        form.add_error(None, str(error.message))
        return _page(request, form)
    return _page(request, TokenForm(by=request.user), made=made, secret=secret)


@require_POST
@for_agents
def revoke(request: AgentRequest, pk: int) -> HttpResponse:
    token = api_tokens.token_of(pk, by=request.user)
    api_tokens.revoke(token, by=request.user)
    messages.success(request, _("The token “%(name)s” opens nothing any more.") % {"name": token})
    return redirect("settings:api-tokens")


def _page(request: AgentRequest, form: TokenForm, **more: object) -> HttpResponse:
    context = {"form": form, "tokens": api_tokens.tokens_seen_by(request.user), **more}
    status = 422 if form.errors else 200
    return render(request, "api_tokens/tokens.html", context, status=status)
