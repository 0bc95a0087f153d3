"""Whatever is posted, a reader answers with events or refuses; nothing else gets out of it."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_inbox.base import Refused
from channels_inbox.calls import Call
from channels_inbox.events import Event, Kind, Unreadable
from channels_inbox.management.commands.parse_webhook import as_json
from channels_inbox.readers import READERS
from tests.channels_inbox.reading.samples import as_body
from tests.channels_inbox.reading.test_samples import PROVIDERS, SAMPLES

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
GATE = settings(max_examples=60, derandomize=True, deadline=None, database=None)
FULL = settings(GATE, max_examples=1000, derandomize=False)
of_all = pytest.mark.parametrize("provider", PROVIDERS)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Everywhere in a body a value sits: (container, key or index)."""
    found: list[tuple[Any, Any]] = []
    if isinstance(content, dict | list):
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        for key in keys:
            found += [(content, key), *places(content[key])]
    return found


@st.composite
def mutated(draw: st.DrawFn, provider: str) -> bytes:
    """A call of theirs with a few values exchanged for odd ones, taken out, or doubled."""
    mine = [one.content for one in SAMPLES if one.provider == provider]
    content = copy.deepcopy(draw(st.sampled_from(mine)))
    if isinstance(content, list):
        content = [list(pair) for pair in content]
    for _ in range(draw(st.integers(1, 3))):
        at = places(content)
        if not at:
            break
        container, key = draw(st.sampled_from(at))
        how = draw(st.sampled_from(("exchange", "take out", "double")))
        if how == "exchange":
            container[key] = draw(ODD)
        elif how == "take out":
            del container[key]
        elif isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
    if isinstance(content, list) and all(
        isinstance(one, list) and len(one) == 2 for one in content
    ):
        content = [(str(name), str(value)) for name, value in content]
        return as_body(content).replace(b"%", draw(st.sampled_from((b"%", b"", b"%%"))))
    return json.dumps(content, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def check(provider: str, body: bytes) -> None:
    try:
        events = READERS[provider].parse(Call(body))
    except Unreadable:
        return
    for event in events:
        assert isinstance(event, Event)
        assert event.kind in Kind
        json.dumps(as_json(event), ensure_ascii=False).encode()
        assert event.kind is not Kind.MESSAGE or (event.sender and event.message_id)


@of_all
@GATE
@given(data=st.data())
def test_mutated_bodies(provider: str, data: st.DataObject) -> None:
    check(provider, data.draw(mutated(provider)))


@pytest.mark.full
@of_all
@FULL
@given(data=st.data())
def test_mutated_bodies_at_length(provider: str, data: st.DataObject) -> None:
    check(provider, data.draw(mutated(provider)))


@of_all
@GATE
@given(body=st.binary() | ODD.map(lambda value: json.dumps(value).encode()))
def test_any_bodies(provider: str, body: bytes) -> None:
    check(provider, body)


@pytest.mark.parametrize("provider", READERS)
@GATE
@given(body=st.binary(), given=st.text(), url=st.text(), secret=st.text())
def test_any_signatures(provider: str, body: bytes, given: str, url: str, secret: str) -> None:
    names = (
        *("X-Hub-Signature-256", "X-Telegram-Bot-Api-Secret-Token", "X-Line-Signature"),
        *("X-ZEvent-Signature", "X-Viber-Content-Signature", "X-Twilio-Signature"),
        *("MessageBird-Signature-JWT", "Signature", "X-Mandrill-Signature"),
    )
    headers = dict.fromkeys(names, given) | {"Authorization": f"Bearer {given}"}
    if provider == "telegram" and given == secret:
        return
    with pytest.raises(Refused):
        READERS[provider].verify(Call(body, headers, url=url), secret)


def test_forms_are_mutated_too() -> None:
    form = next(one for one in SAMPLES if one.provider == "twilio_sms")
    assert parse_qsl(form.body.decode(), keep_blank_values=True) == form.content
