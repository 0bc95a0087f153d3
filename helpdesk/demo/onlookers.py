"""Which people have a conversation open right now. Nobody keeps that: their sockets are asked."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from conversations import doorbells, presence
from conversations.models import Agent

if TYPE_CHECKING:
    from collections.abc import Collection

WAITS: Final = 0.6


def of(conversation: int, *, but: Collection[str] = ()) -> frozenset[int]:
    """Ids of the agents who look at it, leaving out those with the mail addresses `but`.

    A socket is asked as by another window of the same agent that was closed: it answers when it
    still has the conversation open, and colleagues are told no more than before.
    """
    here = Agent.objects.filter(pk__in=presence.online()).exclude(email__in=but)
    names = {agent.pk: str(agent) for agent in here}
    if not names:
        return frozenset()
    return frozenset(async_to_sync(_ask)(conversation, names))


async def _ask(conversation: int, names: dict[int, str]) -> set[int]:
    layer = get_channel_layer()
    assert layer is not None
    group, channel = doorbells.of_conversation(conversation), await layer.new_channel()
    await layer.group_add(group, channel)
    told = {"type": "people", "group": group, "conversation": conversation, "typing": ""}
    for agent, name in names.items():
        asked = {**told, "agent": agent, "name": name, "viewing": False, "ask": True}
        await layer.group_send(group, asked)
    try:
        return await _answers(layer, channel, set(names))
    finally:
        await layer.group_discard(group, channel)


async def _answers(layer: object, channel: str, asked: set[int]) -> set[int]:
    found: set[int] = set()
    ends = time.monotonic() + WAITS
    while found != asked and (left := ends - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                message = await layer.receive(channel)  # type: ignore[attr-defined]
        except TimeoutError:
            break
        if message.get("viewing") and message.get("agent") in asked:
            found.add(message["agent"])
    return found
