"""All that a visitor's window is told of the desk, and the only place where it is written.

Each value is named here; nothing of a row gets out by being in it. Ids are random words, never row
numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from channels_inbox.chat import files, uploads
from channels_inbox.markup import as_html
from conversations import pictures
from conversations.models import FileState

if TYPE_CHECKING:
    from channels_inbox.chat.config import ChatConfig
    from channels_inbox.chat.models import Upload, Visitor
    from conversations.models import Attachment, Entry, Inbox


def entry(row: Entry, key: str) -> dict[str, Any]:
    """One message of the stream, for the chat of this key; or that somebody has read them all."""
    if row.is_event:
        return _bare(row) | {"from": "desk", "text": _has_read(row)}
    withdrawn = row.withdrawn_at is not None
    text = "" if withdrawn else row.text
    return _bare(row) | {
        "token": str(row.data.get("token", "")) if row.is_inbound else "",
        "from": "you" if row.is_inbound else "us",
        "name": "" if row.is_inbound else author(row),
        "text": text,
        "html": as_html(text, plain=row.is_inbound, links=True) if text else "",
        "withdrawn": withdrawn,
        "assistant": row.bot_id is not None,
        "choices": [] if withdrawn or row.bot_id is None else list(row.data.get("choices", [])),
        "files": [] if withdrawn else [file(one, key) for one in row.attachments.all()],
    }


def _bare(row: Entry) -> dict[str, Any]:
    return {
        "id": str(row.client_token),
        "token": "",
        "from": "",
        "name": "",
        "text": "",
        "html": "",
        "at": row.at.isoformat(),
        "rev": row.public_rev,
        "withdrawn": False,
        "files": [],
    }


def _has_read(row: Entry) -> str:
    named = {"name": author(row), "team": row.data.get("team_name", "")}
    return _("%(name)s from %(team)s has read your conversation.") % named


def author(row: Entry) -> str:
    """Who writes for us, as customers know them."""
    if row.agent is not None:
        return row.agent.name
    if row.bot is not None:
        return row.bot.name
    return shop(row.inbox) if row.inbox else ""


def file(row: Attachment, key: str) -> dict[str, Any]:
    """A file of a message; without `url` while it can't be had (yet)."""
    stored = row.state == FileState.STORED
    picture = pictures.shape(row.storage_key) if stored else None
    return {
        "id": str(row.public_id),
        "name": row.filename,
        "size": row.size,
        "type": picture.kind if picture else row.content_type,
        "url": files.address(row, key) if stored else "",
        "image": picture is not None,
        "width": picture.width if picture else 0,
        "height": picture.height if picture else 0,
    }


def upload(row: Upload) -> dict[str, Any]:
    picture = pictures.shape(row.storage_key)
    return {
        "id": str(row.public_id),
        "name": row.filename,
        "size": row.size,
        "type": picture.kind if picture else row.content_type,
        "image": picture is not None,
    }


def settings(inbox: Inbox, config: ChatConfig, *, is_open: bool, ask_email: bool) -> dict[str, Any]:
    """What the panel needs of the chat's settings."""
    return {
        "title": config.title or inbox.name,
        "greeting": config.greeting,
        "color": config.color,
        "prechat": [question(one) for one in config.prechat],
        "open": is_open,
        "reply_words": config.reply_words,
        "max_bytes": uploads.most_bytes(),
        "ask_email": ask_email,
        "sound": config.sound,
    }


def question(told: dict[str, Any]) -> dict[str, Any]:
    words = {"name": _("Your name"), "email": _("Your email")}
    name = str(told.get("name", ""))
    return {
        "name": name,
        "label": str(told.get("label") or words.get(name, name)),
        "type": "email" if told.get("type") == "email" else "text",
        "required": bool(told.get("required")),
    }


def session(
    visitor: Visitor, *, token: str, seen: int, rev: int, told: dict[str, Any]
) -> dict[str, Any]:
    return {
        "token": token,
        "rev": rev,
        "name": visitor.name,
        "email": visitor.signed_email or visitor.email,
        "signed": bool(visitor.subject),
        "seen": seen,
        "settings": told,
    }


def shop(inbox: Inbox) -> str:
    """Our own name, for what no single person says."""
    return inbox.from_name or inbox.name
