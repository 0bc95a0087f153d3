"""Trying an assistant: what it would say, with nothing kept and nobody told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import translation

from channels_inbox.chat.reception import talk
from channels_inbox.chat.reception.talk import Heard
from channels_inbox.markup import as_html
from conversations import collecting
from conversations.bots import GIVES_UP, RESOLVES
from conversations.collecting import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels_inbox.chat.reception.talk import Place


@dataclass(frozen=True)
class Said:
    """One message of it. `choices` are the answers it offers; `hands_over` and `resolves` say what
    becomes of the matter with it."""

    is_visitor: bool
    text: str
    choices: Sequence[str] = ()
    found: Sequence[tuple[str, str]] = ()
    hands_over: bool = False
    resolves: bool = False

    @property
    def html(self) -> str:
        """As the window shows it."""
        return as_html(self.text, plain=self.is_visitor, links=True)


def tried(lines: Sequence[str], place: Place, *, language: str) -> list[Said]:
    """The conversation as far as the assistant goes with it."""
    told: list[Said] = []
    heard = Heard("", 0, {})
    with translation.override(language):
        for line in lines:
            act = talk.answer(Heard(line, 0, heard.memory, heard.known), place)
            found = [
                (collecting.label(one.name), _words(one.name, one.value)) for one in act.collects
            ]
            over, done = act.then == GIVES_UP, act.then == RESOLVES
            told += [Said(True, line), Said(False, act.says, act.choices, found, over, done)]
            if over or done:
                break
            known = heard.known | {one.name for one in act.collects}
            heard = Heard("", 0, act.memory, known)
    return told


def _words(name: str, value: str) -> str:
    return collecting.words(name, FIELDS[name].sort, value)
