"""Reads one raw mail. Pure: bytes in, values out; never raises, whatever the bytes are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from itertools import islice
from typing import Final
from urllib.parse import unquote

from channels_inbox.email.mail import Address, AttachmentInfo, ParsedMail
from channels_inbox.email.mime.addresses import AddressList, read_addresses
from channels_inbox.email.mime.header_block import HeaderBlock
from channels_inbox.email.mime.headers import (
    clean_line,
    decode_text,
    message_ids,
    parse_date,
    unfold,
)
from channels_inbox.email.mime.limits import MAX_ADDRESSES, MAX_REFERENCES
from channels_inbox.email.mime.parts import Attachment, Bodies, read_attachments, read_bodies
from channels_inbox.email.mime.structure import Part, read_structure
from channels_inbox.email.notices.classify import Classification, classify
from channels_inbox.email.quoting.forwards import find_original_sender
from channels_inbox.email.quoting.visible import visible_reply
from channels_inbox.email.thread_tokens import find_thread_token

_ENVELOPE_HEADERS: Final = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-forwarded-to",
    "x-rcpt-to",
    "apparently-to",
)
_CUTTING: Final = frozenset(
    {
        "mail_too_large",
        "headers_too_long",
        "header_too_long",
        "too_many_headers",
        "too_many_addresses",
        "too_many_parts",
        "too_deep",
        "text_too_long",
        "html_too_long",
    }
)
_CID: Final = re.compile(r"cid:([^\s\"'<>()]{1,998})", re.IGNORECASE)
_NAMED_AS_SPAM: Final = re.compile(r"\s*(?:yes|true|spam)\b", re.IGNORECASE)


def parse(raw: bytes) -> ParsedMail:
    """Everything we read out of one mail. Never raises, never unpacks archives."""
    structure = read_structure(raw)
    root = structure.root
    bodies = read_bodies(root)
    recipients = {name: _addresses(root.headers, name) for name in ("to", "cc", "reply-to")}
    sender, sender_problem = _sender(root.headers)
    problems = set(structure.problems | bodies.problems | sender_problem)
    problems.update(code for found in recipients.values() for code in _address_problems(found))
    subject = decode_text(root.headers.first("subject"))
    answered = message_ids(root.headers.first("in-reply-to"))
    references = message_ids(root.headers.first("references"))[-MAX_REFERENCES:]
    delivered_to = _delivered_to(root.headers)
    kind = _kind(root, bodies, problems)
    reply = _visible_reply(bodies, problems)
    return ParsedMail(
        from_=sender,
        from_header=decode_text(root.headers.first("from"))[:1000],
        to=recipients["to"].addresses,
        cc=recipients["cc"].addresses,
        reply_to=recipients["reply-to"].addresses,
        subject=subject,
        text=bodies.text,
        html=bodies.html,
        visible_reply=reply,
        attachments=_attachment_infos(root, bodies.html),
        message_id=next(iter(message_ids(root.headers.first("message-id"))), ""),
        in_reply_to=answered[0] if answered else "",
        references=references,
        date=parse_date(root.headers.first("date")),
        auto_submitted=kind.auto_submitted,
        is_bounce=kind.is_bounce,
        is_feedback_report=kind.is_feedback_report,
        is_list=kind.is_list,
        not_a_new_ticket=kind.not_a_new_ticket,
        temporary=kind.temporary,
        failed_recipients=tuple(one.lower() for one in kind.failed_recipients),
        original_sender=find_original_sender(root.headers, subject, bodies.text),
        thread_token=_thread_token(root.headers, recipients, delivered_to, answered, references),
        authentication_results=tuple(
            clean_line(unfold(value)) for value in root.headers.every("authentication-results")
        ),
        delivered_to=delivered_to,
        return_path=clean_line(unfold(root.headers.first("return-path"))).strip("<> "),
        spam_flag=_is_marked_spam(root.headers),
        truncated=not _CUTTING.isdisjoint(problems),
        problems=tuple(sorted(problems)),
    )


def _kind(root: Part, bodies: Bodies, problems: set[str]) -> Classification:
    """What kind of mail it is; a mail the rules fail on is never answered by a machine."""
    try:
        return classify(root.message, bodies.text, bodies.html)
    except Exception:  # a rule that trips over one mail must not lose it
        problems.add("classify_failed")
        return Classification(
            auto_submitted=True,
            is_bounce=False,
            is_feedback_report=False,
            is_list=False,
            not_a_new_ticket=False,
            temporary=False,
            failed_recipients=(),
        )


def _visible_reply(bodies: Bodies, problems: set[str]) -> str:
    """The text without quotes, or the whole text where the rules fail on it."""
    try:
        return visible_reply(bodies.text, bodies.html)
    except Exception:  # a rule that trips over one mail must not lose it
        problems.add("visible_reply_failed")
        return bodies.text


def extract(raw: bytes, index: int) -> bytes:
    """The decoded content of attachment `index` of `parse(raw).attachments`.

    Raises IndexError where the mail has no such attachment.
    """
    if index < 0:
        raise IndexError(index)
    attachments = read_attachments(read_structure(raw).root)
    for attachment in islice(attachments, index, None):
        return attachment.content
    raise IndexError(index)


def _addresses(headers: HeaderBlock, name: str) -> AddressList:
    """Addresses of all headers of one name, each once."""
    lists = [read_addresses(value) for value in headers.every(name)[:20]]
    merged = dict.fromkeys(one for found in lists for one in found.addresses)
    return AddressList(
        tuple(islice(merged, MAX_ADDRESSES)), sum(found.unreadable for found in lists)
    )


def _address_problems(found: AddressList) -> list[str]:
    problems = ["address_unreadable"] if found.unreadable else []
    return problems + (["too_many_addresses"] if len(found.addresses) >= MAX_ADDRESSES else [])


def _sender(headers: HeaderBlock) -> tuple[Address | None, frozenset[str]]:
    """The one author. Two candidates are none, for filters may have checked the other one."""
    values = tuple(dict.fromkeys(headers.every("from")))
    if len(values) > 1:
        return None, frozenset({"several_senders"})
    if not values:
        return None, frozenset({"sender_missing"})
    found = read_addresses(values[0])
    if found.unreadable or not found.addresses:
        return None, frozenset({"sender_unreadable"})
    if len({one.address for one in found.addresses}) == 1:
        return found.addresses[0], frozenset()
    named = {one.address for one in read_addresses(headers.first("sender")).addresses}
    for one in found.addresses:
        if one.address in named:
            return one, frozenset()
    return None, frozenset({"several_senders"})


def _delivered_to(headers: HeaderBlock) -> tuple[str, ...]:
    """Addresses the mail was really delivered to, outermost first, each once."""
    values = (value for name in _ENVELOPE_HEADERS for value in headers.every(name)[:20])
    found = (one.address for value in values for one in read_addresses(value).addresses)
    return tuple(dict.fromkeys(found))


def _thread_token(
    headers: HeaderBlock,
    recipients: dict[str, AddressList],
    delivered_to: tuple[str, ...],
    answered: Iterable[str],
    references: tuple[str, ...],
) -> str | None:
    written = [one.address for name in ("to", "cc") for one in recipients[name].addresses]
    forwarded = [one.address for one in read_addresses(headers.first("x-forwarded-for")).addresses]
    newest_first = (*answered, *reversed(references))
    return find_thread_token((*written, *delivered_to, *forwarded), newest_first)


def _attachment_infos(root: Part, html: str) -> tuple[AttachmentInfo, ...]:
    shown = {unquote(match[1]) for match in _CID.finditer(html)}
    return tuple(_info(attachment, shown) for attachment in read_attachments(root))


def _info(attachment: Attachment, shown: set[str]) -> AttachmentInfo:
    is_image = attachment.content_type.startswith("image/")
    return AttachmentInfo(
        filename=attachment.filename,
        content_type=attachment.content_type,
        size=len(attachment.content),
        sha256=hashlib.sha256(attachment.content).hexdigest(),
        inline=attachment.content_id in shown or (is_image and attachment.disposition == "inline"),
        content_id=attachment.content_id,
    )


def _is_marked_spam(headers: HeaderBlock) -> bool:
    marks = (*headers.every("x-spam-flag"), *headers.every("x-spam-status"))
    return any(_NAMED_AS_SPAM.match(unfold(mark)) for mark in marks)
