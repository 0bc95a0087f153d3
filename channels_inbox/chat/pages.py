"""The pages of a chat that a browser opens: the line a site embeds, the panel in its frame, the
plain form, and the answer to a mailed question. None of them sets a cookie."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core import signing
from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from channels_inbox import receive
from channels_inbox.chat import asking, checks, limits, resuming, visitors, window, words
from channels_inbox.chat.config import ChatConfig
from channels_inbox.chat.envelopes import Said
from channels_inbox.chat.requests import chat_of, is_ours
from conversations import codes
from conversations.models import Inbox, Proof
from conversations.thread import database_now

if TYPE_CHECKING:
    from django.http import HttpRequest

    from channels_inbox.chat.models import Visitor

FORM_SALT: Final = "chat-form"
FORM_DAYS: Final = 7
SECONDS_FRESH: Final = 300
PROVED: Final = (Proof.SIGNED, Proof.VERIFIED)


@require_GET
def loader(request: HttpRequest, key: str) -> HttpResponse:
    """The script a site embeds, with the chat's settings in it. Caches may keep it for a while."""
    inbox, config = _chat(key)
    told = {**_look(inbox, config), "origin": _origin(request), "side": config.side}
    told["sites"] = " ".join(config.domains)
    body = render_to_string("chat/loader.js", {**told, "language": config.language})
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    given = request.headers.get("If-None-Match", "")
    response = (
        HttpResponseNotModified()
        if tag in [one.strip().removeprefix("W/") for one in given.split(",")]
        else HttpResponse(body, content_type="text/javascript; charset=utf-8")
    )
    response["ETag"] = tag
    response["Cache-Control"] = f"public, max-age={SECONDS_FRESH}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_GET
def panel(request: HttpRequest, key: str) -> HttpResponse:
    """The chat itself, to stand in a frame of the sites that may show it."""
    inbox, config = _chat(key)
    theme = request.GET.get("theme", "")
    with translation.override(_language(request, config)):
        look = _look(inbox, config)
        if theme in ("light", "dark"):
            look["theme"] = theme
        response = render(request, "chat/panel.html", look)
    response["Content-Security-Policy"] = _policy(request, config)
    response["Referrer-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-cache"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.xframe_options_exempt = True
    return response


class PlainForm(forms.Form):
    """A message without JavaScript. `said` is the message's own name, `kept` the visitor's. Who is
    `known` is not asked who they are."""

    name = forms.CharField(label=_("Your name"), max_length=words.MAX_NAME, required=False)
    email = forms.EmailField(label=_("Your email"), max_length=254, required=False)
    text = forms.CharField(
        label=_("Your message"),
        max_length=words.MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    said = forms.UUIDField(widget=forms.HiddenInput)
    kept = forms.CharField(widget=forms.HiddenInput, required=False, max_length=300)

    def __init__(self, *args: Any, known: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "email") if known else ():
            del self.fields[name]


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def form(request: HttpRequest, key: str) -> HttpResponse:
    """Writing without JavaScript. Who comes back by the signed address reads the answers there; the
    visitor's token is in no address."""
    inbox, config = _chat(key)
    with translation.override(_language(request, config)):
        return _form(request, inbox, config)


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest, link: str) -> HttpResponse:
    """The mailed question. Reading it changes nothing: programs follow links. The button does."""
    check = asking.of_link(link)
    if check is None:
        look = {"title": _("Confirm your address"), "color": ChatConfig.color, "theme": "auto"}
        return _private(render(request, "chat/confirm.html", {**look, "state": "gone"}, status=404))
    inbox = check.visitor.inbox
    found = chat_of(inbox.public_id)
    look = _look(inbox, found[1] if found else ChatConfig())
    state = "done" if check.confirmed_at else "ask"
    if request.method == "POST":
        try:
            limits.count(request, "confirm")
        except limits.TooMany as error:
            return _slow_down(request, error)
        checks.confirm(check)
        state = "done"
    context = {**look, "state": state, "email": check.email}
    return _private(render(request, "chat/confirm.html", context))


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def resume(request: HttpRequest, key: str, code: str) -> HttpResponse:
    """The link of a code. Reading it changes nothing: programs follow links. The button does, and
    opens a window of its own, so that nobody else's is bound by a link they were sent."""
    inbox, config = _chat(key)
    with translation.override(_language(request, config)):
        try:
            limits.count(request, "code", inbox=inbox.pk)
            if request.method == "POST":
                begun = visitors.begin(inbox, language=translation.get_language() or "")
                resuming.bind(begun.visitor, code, by_link=True)
                there = reverse("chat:form", args=[inbox.public_id])
                return _private(redirect(f"{there}?c={_continuation(begun.visitor)}"))
            found = codes.look(code)
        except limits.TooMany as error:
            return _slow_down(request, error)
        except codes.NoSuchCode:
            found = None
        told = {"state": "ask" if found else "gone", "address": ""}
        if found:
            told["address"] = resuming.masked(found.sent_to)
        context = {**_look(inbox, config), **told}
        status = 200 if found else 404
        return _private(render(request, "chat/resume.html", context, status=status))


def _form(request: HttpRequest, inbox: Inbox, config: ChatConfig) -> HttpResponse:
    visitor = _kept(inbox, request.POST.get("kept") or request.GET.get("c", ""))
    known = _is_known(visitor)
    filled = PlainForm(request.POST, known=known) if request.method == "POST" else None
    if filled is not None and filled.is_valid():
        try:
            limits.count(request, "form", inbox=inbox.pk)
        except limits.TooMany as error:
            return _slow_down(request, error)
        writer = (
            visitor
            or visitors.begin(inbox, language=words.language(translation.get_language())).visitor
        )
        receive.keep(inbox, _said(writer, filled.cleaned_data).raw())
        there = reverse("chat:form", args=[inbox.public_id])
        return _private(redirect(f"{there}?c={_continuation(writer)}&sent=1"))
    context = {
        **_look(inbox, config),
        "greeting": config.greeting,
        "reply_words": config.reply_words,
        "open": config.is_open(database_now()),
        "form": filled or _empty(visitor, known=known),
        "known": known,
        "action": reverse("chat:form", args=[inbox.public_id]),
        "sent": "sent" in request.GET and visitor is not None,
        "email": "",
        "messages": window.since(visitor, 0, config)["entries"] if visitor else [],
        "again": f"?c={_continuation(visitor)}" if visitor else "",
    }
    status = 422 if filled is not None else 200
    response = _private(render(request, "chat/form.html", context, status=status))
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return response


def _is_known(visitor: Visitor | None) -> bool:
    """Whether a code proved who this window's visitor is."""
    return bool(visitor and visitor.identity and visitor.identity.proof in PROVED)


def _empty(visitor: Visitor | None, *, known: bool) -> PlainForm:
    first: dict[str, Any] = {"said": uuid.uuid4()}
    if visitor is not None:
        first |= {"name": visitor.name, "email": visitor.email, "kept": _continuation(visitor)}
    return PlainForm(initial=first, known=known)


def _said(visitor: Visitor, told: dict[str, Any]) -> Said:
    return Said(
        visitor=visitor.public_id,
        token=str(told["said"]),
        text=words.text(told["text"]),
        name=words.line(told.get("name", "")),
        email=words.address(told.get("email", "")),
    )


def _continuation(visitor: Visitor) -> str:
    """Our signature over the visitor's public id: good for some days, and for this form only."""
    return signing.TimestampSigner(salt=FORM_SALT).sign(visitor.public_id)


def _kept(inbox: Inbox, continuation: str) -> Visitor | None:
    """The visitor of a continuation. A signed user's window never goes on here."""
    if not continuation:
        return None
    try:
        public_id = signing.TimestampSigner(salt=FORM_SALT).unsign(
            continuation, max_age=FORM_DAYS * 86_400
        )
    except signing.BadSignature:
        return None
    found = visitors.named(inbox, public_id)
    return None if found is None or found.subject else found


def _chat(key: str) -> tuple[Inbox, ChatConfig]:
    found = chat_of(key)
    if found is None:
        raise Http404
    return found


def _look(inbox: Inbox, config: ChatConfig) -> dict[str, Any]:
    return {
        "key": inbox.public_id,
        "title": config.title or inbox.name,
        "color": config.color,
        "theme": config.theme,
    }


def _language(request: HttpRequest, config: ChatConfig) -> str:
    for asked in (request.GET.get("language", "")[:10], config.language):
        if asked and translation.check_for_language(asked):
            return asked
    return translation.get_language_from_request(request)


def _origin(request: HttpRequest) -> str:
    """Where the desk is reached: the address it is known by, or that of this very request on a
    private copy, which has many names."""
    if is_ours(request, request.get_host()) and settings.LOCAL:
        return f"{request.scheme}://{request.get_host()}"
    return str(settings.BASE_URL)


def _policy(request: HttpRequest, config: ChatConfig) -> str:
    ours = _origin(request)
    sockets = ours.replace("http", "ws", 1)
    ancestors = " ".join(_ancestors(config))
    nonce = request.csp_nonce  # type: ignore[attr-defined]
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self';"
        f" img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self';"
        f" connect-src 'self' {sockets}; form-action 'none'; base-uri 'none';"
        f" frame-ancestors {ancestors}"
    )


def _ancestors(config: ChatConfig) -> list[str]:
    """Pages that may frame the panel: those of the domains, at any port where none is named, on
    http only on this machine's own names; and the desk's preview."""
    if not config.domains:
        return ["*"]
    found = ["'self'"]
    for domain in config.domains:
        here = domain if ":" in domain else f"{domain}:*"
        found.append(f"https://{here}")
        if urlsplit(f"//{domain}").hostname in ("localhost", "127.0.0.1"):
            found.append(f"http://{here}")
    return found


def _private(response: HttpResponse) -> HttpResponse:
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    return response


def _slow_down(request: HttpRequest, error: limits.TooMany) -> HttpResponse:
    response = render(request, "429.html", status=429)
    response["Retry-After"] = str(error.seconds)
    return response
