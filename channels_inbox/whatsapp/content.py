"""What is in a WhatsApp message, by its type."""

from __future__ import annotations

from typing import Any, Final

from channels_inbox.events import Media
from channels_inbox.payloads import number, obj, objs, place, text

FILES: Final = {"image", "video", "audio", "document", "sticker", "voice"}
TYPES: Final = (
    *FILES,
    *("text", "location", "contacts", "interactive", "button", "order", "reaction", "system"),
    *("edit", "revoke", "unsupported", "request_welcome"),
)


def typed(message: dict[str, Any]) -> dict[str, Any]:
    """A message with its type, which is the name of what it holds."""
    held = next((name for name in TYPES if message.get(name) is not None), "")
    return message if text(message, "type") or not held else message | {"type": held}


def words(message: dict[str, Any]) -> str:
    """What the customer wrote or chose, as they saw it."""
    kind = text(message, "type")
    if kind == "interactive":
        return _chosen(obj(message, "interactive"))
    if kind == "order":
        return text(message, "order", "text") or _ordered(objs(message, "order", "product_items"))
    return (
        text(message, kind, "body") or text(message, kind, "caption") or text(message, kind, "text")
    )


def payload(message: dict[str, Any]) -> str:
    """What we gave a button or a row to send back, or the answers of a form as JSON."""
    kind = text(message, "interactive", "type")
    chosen = obj(message, "interactive", kind)
    return (
        text(message, "button", "payload")
        or text(chosen, "id")
        or text(chosen, "response_json")
        or text(chosen, "response")
    )


def media(message: dict[str, Any]) -> tuple[Media, ...]:
    kind = text(message, "type")
    held = obj(message, kind)
    if kind in FILES:
        return (
            Media(
                kind,
                id=text(held, "id"),
                url=text(held, "link") or text(held, "url"),
                name=text(held, "filename"),
                content_type=text(held, "mime_type"),
            ),
        )
    if kind == "location":
        named = ", ".join(filter(None, (text(held, "name"), text(held, "address"))))
        return (Media(kind, name=named, url=text(held, "url"), text=place(held)),)
    if kind == "contacts":
        return (Media(kind, text="\n".join(_person(one) for one in objs(message, kind))),)
    return ()


def _chosen(interactive: dict[str, Any]) -> str:
    """A product somebody shares has a name in our catalog only."""
    chosen = obj(interactive, text(interactive, "type"))
    return (
        text(chosen, "title")
        or text(chosen, "body")
        or text(interactive, "body", "text")
        or text(chosen, "product_retailer_id")
        or text(interactive, "action", "product_retailer_id")
    )


def _ordered(products: list[dict[str, Any]]) -> str:
    lines = (
        f"{number(one, 'quantity')} × {text(one, 'product_retailer_id')}"
        f" ({number(one, 'item_price')} {text(one, 'currency')})"
        for one in products
    )
    return "\n".join(lines)


def _person(contact: dict[str, Any]) -> str:
    phones = [text(one, "phone") for one in objs(contact, "phones")]
    mails = [text(one, "email") for one in objs(contact, "emails")]
    return " ".join(filter(None, (text(contact, "name", "formatted_name"), *phones, *mails)))
