"""What each mail provider posts: one function for each, a call in and its mails out."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from channels_inbox.email.posted import forms
from channels_inbox.email.posted.headers import (
    bare,
    completed,
    first,
    mailbox,
    of_lines,
    of_object,
    parameter,
    quoted,
)
from channels_inbox.email.posted.mail import File, Posted, compose
from channels_inbox.events import Media, Unreadable
from channels_inbox.payloads import (
    at,
    number,
    obj,
    objs,
    read_json,
    read_list,
    read_object,
    text,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from channels_inbox.calls import Call


def postmark(call: Call) -> list[Posted]:
    told = read_object(call.body)
    headers = [(text(one, "Name"), text(one, "Value")) for one in objs(told, "Headers")]
    named = {"From": _full(told, "From"), "To": text(told, "To"), "Cc": text(told, "Cc")}
    named |= {"Subject": text(told, "Subject"), "Date": text(told, "Date")}
    named["Reply-To"] = text(told, "ReplyTo")
    files = [
        File(
            _decoded(text(one, "Content") or text(one, "Data")),
            text(one, "Name"),
            text(one, "ContentType"),
            text(one, "ContentID"),
        )
        for one in objs(told, "Attachments")
    ]
    return [
        Posted(
            compose(
                completed(headers, named), text(told, "TextBody"), text(told, "HtmlBody"), files
            ),
            sender=bare(first(headers, "Return-Path")),
            recipient=text(told, "OriginalRecipient"),
            spam_score=first(headers, "X-Spam-Score"),
        )
    ]


def mailersend(call: Call) -> list[Posted]:
    data = obj(read_object(call.body), "data")
    if not text(data, "raw"):
        raise Unreadable("the body has no raw mail")
    recipients = objs(data, "recipients", "rcptTo")
    return [
        Posted(
            text(data, "raw").encode(),
            sender=text(data, "sender", "email"),
            recipient=text(recipients[0], "email") if recipients else "",
        )
    ]


def sparkpost(call: Call) -> list[Posted]:
    """A batch of relay messages; other events in it are none."""
    batch = read_json(call.body)
    if not isinstance(batch, list) or not all(isinstance(one, dict) for one in batch):
        raise Unreadable("the body is not a JSON list of objects")
    posted = []
    for relayed in (obj(one, "msys", "relay_message") for one in batch):
        raw = text(relayed, "content", "email_rfc822")
        if raw:
            encoded = at(relayed, "content", "email_rfc822_is_base64") is True
            mail = _decoded(raw) if encoded else raw.encode()
            sender, recipient = text(relayed, "msg_from"), text(relayed, "rcpt_to")
            posted.append(Posted(mail, sender=sender, recipient=recipient))
    return posted


def mandrill(call: Call) -> list[Posted]:
    """A batch in a field of a form; events of mails we sent are none."""
    batch = _json_field(forms.read(call).text("mandrill_events"))
    return [
        Posted(
            text(msg, "raw_msg").encode(),
            sender=text(msg, "sender"),
            recipient=text(msg, "email"),
            spam_score=number(msg, "spam_report", "score"),
        )
        for msg in (obj(one, "msg") for one in objs({"all": batch}, "all"))
        if text(msg, "raw_msg")
    ]


def sendgrid(call: Call) -> list[Posted]:
    """Raw where the account is set so, otherwise taken apart."""
    form = forms.read(call)
    envelope = _json_field(form.text("envelope") or "{}")
    charsets = _json_field(form.text("charsets") or "{}")
    recipients = texts(envelope, "to")

    def said(name: str) -> str:
        return form.text(name, text(charsets, name) or "utf-8")

    headers = of_lines(said("headers"))
    named = {name.title(): said(name) for name in ("from", "to", "cc", "subject")}
    raw = form.fields.get("email")
    if raw is None:
        files = [_named(form, name, file) for name, file in form.files.items()]
        raw = compose(completed(headers, named), said("text"), said("html"), files)
    return [
        Posted(
            raw,
            sender=text(envelope, "from"),
            recipient=recipients[0] if recipients else "",
            spam_score=form.text("spam_score"),
        )
    ]


def mailjet(call: Call) -> list[Posted]:
    told = read_object(call.body)
    headers = of_object(obj(told, "Headers"))
    named = {"From": text(told, "From"), "Subject": text(told, "Subject")}
    raw = compose(
        completed(headers, named),
        text(told, "Text-part"),
        text(told, "Html-part"),
        [file for part in objs(told, "Parts") for file in _mailjet_file(told, part)],
    )
    sender, recipient = text(told, "Sender"), text(told, "Recipient")
    score = number(told, "SpamAssassinScore")
    return [Posted(raw, sender=sender, recipient=recipient, spam_score=score)]


def brevo(call: Call) -> list[Posted]:
    """Files are fetched apart, by their token."""
    _whole, items = read_list(call.body, "items")
    return [_brevo(one) for one in items]


def _brevo(item: dict[str, Any]) -> Posted:
    headers = of_object(obj(item, "Headers"))
    named = {
        "From": mailbox(obj(item, "From")),
        "To": ", ".join(map(mailbox, objs(item, "To"))),
        "Cc": ", ".join(map(mailbox, objs(item, "Cc"))),
        "Reply-To": mailbox(obj(item, "ReplyTo")),
        "Subject": text(item, "Subject"),
        "Message-ID": text(item, "MessageId"),
        "In-Reply-To": text(item, "InReplyTo"),
        "Date": text(item, "SentAtDate"),
    }
    recipients = texts(item, "Recipients")
    return Posted(
        compose(completed(headers, named), text(item, "RawTextBody"), text(item, "RawHtmlBody")),
        sender=bare(first(headers, "Return-Path")),
        recipient=first(headers, "Delivered-To") or (recipients[0] if recipients else ""),
        spam_score=number(item, "SpamScore") or number(item, "Spam", "Score"),
        elsewhere=tuple(
            Media(
                "file",
                id=text(one, "DownloadToken"),
                name=text(one, "Name"),
                content_type=text(one, "ContentType"),
            )
            for one in objs(item, "Attachments")
        ),
    )


VENDORS: Final[dict[str, Callable[[Call], list[Posted]]]] = {
    "brevo": brevo,
    "mailersend": mailersend,
    "mailjet": mailjet,
    "mandrill": mandrill,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "sparkpost": sparkpost,
}


def _full(told: dict[str, Any], name: str) -> str:
    full = obj(told, f"{name}Full")
    if not text(full, "Email"):
        return text(told, name)
    return quoted(text(full, "Name"), text(full, "Email"))


def _named(form: forms.Form, field: str, file: File) -> File:
    """SendGrid tells of a file's content id apart from it."""
    told = obj(_json_field(form.text("attachment-info") or "{}"), field)
    name = text(told, "filename") or text(told, "name") or file.name
    kind = text(told, "type") or file.content_type
    return File(file.content, name, kind, text(told, "content-id"))


def _mailjet_file(told: dict[str, Any], part: dict[str, Any]) -> list[File]:
    place = text(part, "ContentRef")
    if "attachment" not in place.lower():
        return []
    headers = of_object(obj(part, "Headers"))
    kind, disposition = first(headers, "Content-Type"), first(headers, "Content-Disposition")
    name = parameter(disposition, "filename") or parameter(kind, "name")
    inline = "inline" in place.lower()
    content_id = first(headers, "Content-ID") if inline else ""
    return [File(_decoded(text(told, place)), name, kind, content_id)]


def _json_field(written: str) -> Any:
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        raise Unreadable("a field of the form is not JSON") from None


def _decoded(written: str) -> bytes:
    try:
        return base64.b64decode(written)
    except (binascii.Error, ValueError):
        raise Unreadable("a file is not base64") from None
