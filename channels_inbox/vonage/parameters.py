"""The parameters of a Vonage call: the older SMS API sends them as JSON, as a form or in the
address, as its account is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from channels_inbox.payloads import clean, read_form, read_object, text

if TYPE_CHECKING:
    from channels_inbox.calls import Call


def parameters(call: Call) -> dict[str, str]:
    """Raises Unreadable."""
    if is_json(call):
        told = read_object(call.body)
        return {clean(name): text(told, name) for name in told}
    return read_form(call)


def is_json(call: Call) -> bool:
    return call.body.lstrip()[:1] in (b"{", b"[")
