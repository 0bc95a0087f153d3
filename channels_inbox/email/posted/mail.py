"""A mail that a mail provider posts to a hook, as raw MIME: whole as it was, or put together again
out of the fields it was taken apart into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Final

from channels_inbox.events import Media
from channels_inbox.payloads import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Said anew for the new body.
OF_THE_BODY: Final = {"content-type", "content-transfer-encoding", "mime-version"}
HEADER_NAME: Final = re.compile(r"[!-9;-~]{1,100}")
CONTENT_TYPE: Final = re.compile(r"(?:application|audio|font|image|model|text|video)/[\w.+-]{1,80}")


@dataclass(frozen=True)
class Posted:
    """`raw` is what the mail parser reads. `sender` and `recipient` are of the envelope.
    `elsewhere` are files the provider holds back until they are fetched."""

    raw: bytes
    sender: str = ""
    recipient: str = ""
    spam_score: str = ""
    elsewhere: tuple[Media, ...] = ()


@dataclass(frozen=True)
class File:
    content: bytes
    name: str = ""
    content_type: str = ""
    content_id: str = ""


def compose(
    headers: Iterable[tuple[str, str]], text: str, html: str, files: Sequence[File] = ()
) -> bytes:
    """Raw MIME with these headers, as they were, and these contents."""
    body = EmailMessage(policy=SMTP)
    body.set_content(text, cte="base64")
    if html:
        body.add_alternative(html, subtype="html", cte="base64")
    for file in files:
        _attach(body, file)
    return _written(headers) + body.as_bytes()


def _attach(body: EmailMessage, file: File) -> None:
    named = file.content_type.partition(";")[0].strip().lower()
    known = named if CONTENT_TYPE.fullmatch(named) else "application/octet-stream"
    main, _slash, sub = known.partition("/")
    name, cid = _line(file.name)[:255], _line(file.content_id).strip("<> ")
    body.add_attachment(
        file.content,
        maintype=main,
        subtype=sub,
        disposition="inline" if cid else "attachment",
        filename=name or None,
        cid=f"<{cid}>" if cid else None,
    )


def _written(headers: Iterable[tuple[str, str]]) -> bytes:
    kept = [
        f"{name}: {_line(value)}\r\n"
        for name, value in headers
        if HEADER_NAME.fullmatch(name) and name.lower() not in OF_THE_BODY
    ]
    return "".join(kept).encode("utf-8", "replace")


def _line(value: str) -> str:
    return " ".join(re.split(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", clean(value))).strip()
