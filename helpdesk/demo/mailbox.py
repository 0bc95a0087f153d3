"""The mailbox of a customer, to play one by mail. It has a route only in the demo."""

from __future__ import annotations

import re
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.views import safe_html
from helpdesk.demo import postbox
from helpdesk.demo.cast import CAST, MAIL_DOMAIN, TEAMS
from helpdesk.demo.letter_form import LetterForm
from helpdesk.demo.stories import people
from helpdesk.demo.strangers import refuse_strangers

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from helpdesk.demo.postbox import Mail

P = ParamSpec("P")
OURS: Final = {part.slug for part in CAST} | {name.lower() for name in TEAMS}
# What may stand before the @ as it is: no dot at an end, no two in a row.
NAME: Final = re.compile(r"(?=.{1,40}\Z)[a-z0-9]+(?:[._-][a-z0-9]+)*")


def in_the_demo(
    door: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For a browser on this machine only; says so where the mail servers are away."""

    @wraps(door)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        refuse_strangers(request)
        try:
            return door(request, *args, **kwargs)
        except postbox.NotThere:
            return render(request, "helpdesk/mailbox/away.html", status=503)

    return guarded


@never_cache
@require_safe
@in_the_demo
def choose(request: HttpRequest) -> HttpResponse:
    """Whose mailbox."""
    who = request.GET.get("who", "").strip().lower()
    if who:
        _refuse_ours(who)
        return redirect("demo-mailbox", who)
    shown = {"people": people(), "domain": MAIL_DOMAIN}
    return render(request, "helpdesk/mailbox/choose.html", shown)


@never_cache
@require_safe
@in_the_demo
def folder(request: HttpRequest, who: str, box: str = "inbox") -> HttpResponse:
    """What lies in it."""
    shown = _shown(who, box) | {"just_sent": "sent" in request.GET}
    return render(request, "helpdesk/mailbox/folder.html", shown)


@never_cache
@require_safe
@in_the_demo
def news(request: HttpRequest, who: str) -> HttpResponse:
    """The list again if it changed since `stamp`, else 204."""
    _refuse_ours(who)
    if request.GET.get("stamp") == postbox.stamp(postbox.address_of(who)):
        return HttpResponse(status=204)
    return render(request, "helpdesk/mailbox/_lines.html", _shown(who, "inbox"))


@never_cache
@require_safe
@in_the_demo
def mail(request: HttpRequest, who: str, box: str, uid: int) -> HttpResponse:
    """Read one."""
    found = _mail_or_404(who, box, uid)
    shown = _shown(who, box) | {"mail": found, "uid": uid}
    return render(request, "helpdesk/mailbox/mail.html", shown)


@never_cache
@require_safe
@in_the_demo
def whole(request: HttpRequest, who: str, box: str, uid: int) -> HttpResponse:
    """Its HTML, cleaned and framed as the desk does it."""
    found = _mail_or_404(who, box, uid)
    told = {"html": safe_html.harmless(found.html, {}), "text": found.text}
    response = render(request, "conversations/whole.html", told)
    response.headers["Content-Security-Policy"] = safe_html.policy(request)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@require_safe
@in_the_demo
def file(request: HttpRequest, who: str, box: str, uid: int, number: int) -> HttpResponseBase:
    """One of its files, to be saved."""
    files = _mail_or_404(who, box, uid).files
    if number >= len(files):
        raise Http404
    name = files[number].filename or "file"
    return FileResponse(BytesIO(files[number].payload), as_attachment=True, filename=name)


@never_cache
@require_http_methods(["GET", "POST"])
@in_the_demo
def write(request: HttpRequest, who: str) -> HttpResponse:
    """Write a mail, or answer the one named by `box` and `uid`."""
    answered = _answered(request, who)
    form = LetterForm(request.POST or None, request.FILES or None, answered=answered)
    if request.method == "POST" and form.is_valid():
        name = people().get(who, who)
        letter = form.letter()
        try:
            postbox.send(postbox.address_of(who), name, letter)
        except postbox.Refused:
            form.add_error(None, _("The mail server doesn't take mail to %s.") % letter.to)
        else:
            return redirect(f"{reverse('demo-mailbox', args=[who])}?sent")
    return render(
        request,
        "helpdesk/mailbox/write.html",
        _shown(who, "inbox") | {"form": form, "answered": answered},
        status=422 if form.errors else 200,
    )


def _shown(who: str, box: str) -> dict[str, Any]:
    """What every page of a mailbox shows."""
    _refuse_ours(who)
    address = postbox.address_of(who)
    return {
        "who": who,
        "name": people().get(who, who),
        "address": address,
        "box": box,
        "label": _("Sent") if box == "sent" else pgettext("folder", "Inbox"),
        "stamp": postbox.stamp(address),
        "lines": postbox.lines(address, box),
        "people": people(),
    }


def _mail_or_404(who: str, box: str, uid: int) -> Mail:
    _refuse_ours(who)
    found = postbox.read(postbox.address_of(who), box, uid)
    if found is None:
        raise Http404
    return found


def _answered(request: HttpRequest, who: str) -> Mail | None:
    box, uid = request.GET.get("box", ""), request.GET.get("uid", "")
    if box not in postbox.FOLDERS or not uid.isdecimal() or len(uid) > 9:
        return None
    return _mail_or_404(who, box, int(uid))


def _refuse_ours(who: str) -> None:
    """The desk reads its own mailboxes."""
    if who in OURS or not NAME.fullmatch(who):
        raise Http404
