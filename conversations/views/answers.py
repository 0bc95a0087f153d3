"""How a door answers after a change: a page again for a form, a word for a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from conversations.errors import BadInput
from conversations.middleware import status_of

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpRequest

    from conversations.errors import DomainError
    from conversations.models import Ticket


def is_scripted(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request"))


def done(request: HttpRequest, target: str, said: object = "") -> HttpResponse:
    """After a change: scripts fetch what changed, plain forms are led back."""
    if is_scripted(request):
        trigger = {"desk:changed": {"said": str(said)}}
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(trigger)})
    if said:
        messages.success(request, str(said))
    return redirect(target)


def leads_to(request: HttpRequest, target: str, refusal: DomainError) -> HttpResponse:
    """A refusal that a page of ours says more about."""
    if is_scripted(request):
        return HttpResponse(status=status_of(refusal), headers={"HX-Redirect": target})
    return redirect(target)


def at_ticket(ticket: Ticket) -> str:
    base = reverse("conversations:conversation", args=[ticket.conversation_id])
    return f"{base}?ticket={ticket.pk}"


def at_conversation(pk: int) -> str:
    return reverse("conversations:conversation", args=[pk])


def back(request: HttpRequest, fallback: str) -> str:
    """Where the form says it came from, if that is a page of ours."""
    target = request.POST.get("next", "")
    fine = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if fine else fallback


def came_from(request: HttpRequest, fallback: str) -> str:
    """The page of ours the browser says the form was on."""
    told = request.headers.get("Referer", "")
    fine = url_has_allowed_host_and_scheme(told, allowed_hosts={request.get_host()})
    return told if fine else fallback


def checked(form: forms.BaseForm) -> dict[str, object]:
    """The form's values. Raises BadInput with its first error."""
    if not form.is_valid():
        first = next(iter(form.errors.items()))
        label = "" if first[0] == "__all__" else f"{form.fields[first[0]].label or first[0]}: "
        raise BadInput(f"{label}{first[1][0]}")
    return form.cleaned_data
