"""The doors of a chat's window, JSON in and out. Each loads who asks, checks what is sent, calls
one verb. Nothing here reads a cookie; the visitor's token is in a header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import Http404, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from channels_inbox import receive
from channels_inbox.chat import (
    asking,
    files,
    payload,
    resuming,
    signatures,
    uploads,
    visitors,
    window,
    words,
)
from channels_inbox.chat.envelopes import Said
from channels_inbox.chat.requests import Knock, Refusal, bearer, door, too_large
from conversations import codes

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from channels_inbox.chat.models import Visitor


@door("POST")
def session(knock: Knock) -> HttpResponse:
    """Open a window: its token, its settings, how far its stream goes."""
    knock.count("session")
    told = knock.body()
    begun = visitors.begin(
        knock.inbox,
        token=_text(told, "token", 200),
        claims=_claims(knock, told),
        language=words.language(told.get("language")),
        page=words.page(told.get("page")),
    )
    visitor = begun.visitor
    visitors.here(visitor)
    return JsonResponse(
        payload.session(
            visitor,
            token=begun.token,
            seen=visitors.seen_rev(visitor),
            rev=window.rev(visitor),
            told=payload.settings(
                knock.inbox,
                knock.config,
                is_open=knock.config.is_open(visitors.clock(visitor)),
                ask_email=window.asks_email(visitor, knock.config),
            ),
        )
    )


@door("GET")
def since(knock: Knock) -> HttpResponse:
    """What changed in the stream after `rev`. Without a cursor its end, with `before` the page
    above an entry. Who would wait for news has done so before (`waiting.py`)."""
    visitor = knock.visitor()
    knock.count("read", visitor)
    visitors.here(visitor)
    if (above := words.uuid(knock.request.GET.get("before"))) is not None:
        return JsonResponse(window.before(visitor, above))
    rev = _number(knock.request.GET.get("rev", "0"))
    return JsonResponse(window.since(visitor, rev, knock.config))


@door("POST")
def messages(knock: Knock) -> HttpResponse:
    """Keep a message: 202 once it is committed. The same token again has the same answer."""
    visitor = knock.visitor()
    knock.count("message", visitor)
    said = _said(visitor, knock.body())
    receive.keep(knock.inbox, said.raw())
    visitors.here(visitor)
    return JsonResponse({"kept": True}, status=202)


@door("POST")
def upload(knock: Knock) -> HttpResponse:
    """Keep a file for a message to come."""
    visitor = knock.visitor()
    knock.count("file", visitor)
    declared = knock.request.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared[:19]) > uploads.most_bytes() + 65_536:
        raise too_large()
    chosen = knock.request.FILES.get("file")
    if chosen is None:
        raise Refusal(400, "no_file", _("Choose a file first."))
    try:
        row = uploads.keep(visitor, chosen)
    except uploads.TooLarge:
        raise too_large() from None
    except uploads.Program:
        raise Refusal(400, "program", _("Programs can't be sent here.")) from None
    return JsonResponse(payload.upload(row), status=201)


@door("GET")
def file(knock: Knock, public_id: UUID) -> HttpResponseBase:
    """The file of a signed address; to its owner without a signature, such an address anew."""
    if "sig" in knock.request.GET:
        knock.count("read")
        try:
            return files.answer(knock, public_id)
        except Http404:
            raise _gone() from None
    row = window.file(knock.visitor(), public_id)
    if row is None:
        raise _gone()
    return JsonResponse(payload.file(row, knock.key))


@door("POST")
def seen(knock: Knock) -> HttpResponse:
    """The stream was on screen up to `rev`."""
    visitor = knock.visitor()
    knock.count("read", visitor)
    window.seen(visitor, _number(knock.body().get("rev")))
    visitors.here(visitor)
    return HttpResponse(status=204)


@door("POST")
def email(knock: Knock) -> HttpResponse:
    """Ask the owner of an address whether it is theirs. The answer never tells what is known of
    it."""
    visitor = knock.visitor()
    knock.count("email", visitor)
    address = words.address(knock.body().get("email"))
    if not address:
        raise Refusal(400, "email", _("This is not a mail address."))
    asking.ask(visitor, address)
    return JsonResponse({"kept": True}, status=202)


@door("POST")
def resume(knock: Knock) -> HttpResponse:
    """Bring a code that was sent or read out: this window goes on with what began elsewhere."""
    visitor = knock.visitor()
    knock.count("code", visitor)
    try:
        resuming.bind(visitor, _text(knock.body(), "code", 40), by_link=False)
    except codes.NoSuchCode as error:
        raise Refusal(422, error.code, str(error.message)) from None
    visitors.here(visitor)
    return JsonResponse({"bound": True})


@door("POST")
def leave(knock: Knock) -> HttpResponse:
    """The page is being closed, perhaps before it said what was on screen. The token is in the
    body: a beacon has no header of its own."""
    told = knock.body()
    token = _text(told, "token", 200) or bearer(knock.request)
    found = visitors.find(knock.inbox, token)
    if found is not None:
        if told.get("seen"):
            window.seen(found, _number(told["seen"]))
        visitors.left(found)
    return HttpResponse(status=204)


def _claims(knock: Knock, told: dict[str, Any]) -> signatures.Claims | None:
    signed = told.get("signed")
    if signed in (None, ""):
        return None
    try:
        return signatures.check(knock.inbox, signed if isinstance(signed, str) else "")
    except signatures.Forged:
        message = _("The site could not prove who you are.")
        raise Refusal(401, "signature", message) from None


def _said(visitor: Visitor, told: dict[str, Any]) -> Said:
    """Raises Refusal for what is no message."""
    token = words.uuid(told.get("client_token"))
    if token is None:
        raise Refusal(400, "client_token", _("This could not be read."))
    text = words.text(told.get("text"))
    if len(text) > words.MAX_TEXT:
        raise Refusal(400, "too_long", _("This is too long. Send the long part as a file."))
    chosen = _files(visitor, told.get("files") or [])
    if not text and not chosen:
        raise Refusal(400, "empty", _("Write something first."))
    email = words.address(told.get("email"))
    if told.get("email") and not email:
        raise Refusal(400, "email", _("This is not a mail address."))
    return Said(
        visitor=visitor.public_id,
        token=str(token),
        text=text,
        files=chosen,
        name=words.line(told.get("name")),
        email=email,
        answers=_answers(told.get("answers")),
        page=words.page(told.get("page")) or visitor.page,
    )


def _files(visitor: Visitor, given: object) -> list[str]:
    """Public ids of the visitor's own files. Raises Refusal for others."""
    listed = given if isinstance(given, list) else [None]
    ids = [words.uuid(one) for one in listed[: uploads.MAX_FILES + 1]]
    if len(ids) > uploads.MAX_FILES:
        raise Refusal(400, "too_many_files", _("These are too many files for one message."))
    names = [str(one) for one in ids if one is not None]
    if len(names) != len(ids) or len(uploads.of(visitor, names)) != len(set(names)):
        raise Refusal(404, "file", _("A file is not there any more. Add it again."))
    return names


def _answers(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    told = {words.line(name, 60): words.line(value, 300) for name, value in list(given.items())[:3]}
    return {name: value for name, value in told.items() if name and value}


def _gone() -> Refusal:
    return Refusal(404, "file", _("This file is not here any more."))


def _text(told: dict[str, Any], name: str, limit: int) -> str:
    value = told.get(name)
    return value[:limit] if isinstance(value, str) else ""


def _number(value: object) -> int:
    """A cursor; 0 for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 2**62 else 0
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
