"""What customers have on their phones of one provider's account: threads of bubbles, made of what
they do there and of what the provider took from us."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from helpdesk.sandbox.dialler import DiallerSandbox
from helpdesk.sandbox.provider import Sandbox, type_of

# How long a message of ours is on its way, and how long a thread counts as looked at.
TRAVELS: Final = 1.0
LOOKED: Final = 6.0
FETCH_SECONDS: Final = 5
SHOWN: Final = 60


@dataclass
class Bubble:
    """`name` is the message's at the provider, `mine` says that the phone's owner wrote it, `files`
    are keys of the account's files. `state` is sent, delivered or read, of what came to them."""

    name: str
    mine: bool
    text: str
    at: float
    files: list[str] = field(default_factory=list)
    state: str = "sent"
    reaction: str = ""
    edited: bool = False
    gone: bool = False


@dataclass
class Phones:
    """`looked` is when somebody last had a thread open, `read` how many bubbles they had seen,
    `calls` the names of phone calls that go on; all, and `threads`, by whom the phone's owner is to
    the provider."""

    sandbox: Sandbox
    threads: dict[str, list[Bubble]] = field(default_factory=dict)
    looked: dict[str, float] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    seen: int = 0
    calls: dict[str, str] = field(default_factory=dict)

    # What their owner does

    def write(self, who: str, text: str, picture: bytes = b"") -> None:
        before = set(self.sandbox.files)
        if picture:
            self.sandbox.picture = picture
        bubble = Bubble("", True, text, time.time())
        self._thread(who).append(bubble)
        bubble.name = self.sandbox.says(text, picture=bool(picture), sender=who)
        bubble.files = sorted(set(self.sandbox.files) - before)[:1] if picture else []

    def edit(self, who: str, name: str, text: str) -> None:
        bubble = self._bubble(who, name)
        bubble.text, bubble.edited = text, True
        self.sandbox.tell(self.sandbox.corrects(name, text))

    def delete(self, who: str, name: str) -> None:
        bubble = self._bubble(who, name)
        bubble.text, bubble.files, bubble.gone = "", [], True
        self.sandbox.tell(self.sandbox.takes_back(name))

    def react(self, who: str, name: str, emoji: str) -> None:
        bubble = self._bubble(who, name)
        bubble.reaction = "" if bubble.reaction == emoji else emoji
        self.sandbox.tell(self.sandbox.reacts(name, bubble.reaction, who))

    def dial(self, who: str, act: str) -> None:
        """A phone call: `act` is ring, answer (somebody of ours picked up) or hang_up. Its bubble's
        state is ringing, answered, missed or ended."""
        assert isinstance(self.sandbox, DiallerSandbox)
        if act == "ring" and who not in self.calls:
            self.calls[who] = self.sandbox.rings(who)
            self._thread(who).append(
                Bubble(self.calls[who], True, "", time.time(), state="ringing")
            )
        elif who in self.calls and act != "ring":
            bubble = self._bubble(who, self.calls[who])
            over = "ended" if bubble.state == "answered" else "missed"
            bubble.state = "answered" if act == "answer" else over
            self.sandbox.goes_on(bubble.name, bubble.state, sender=who)
            if bubble.state == over:
                del self.calls[who]

    def put(self, who: str, bubble: Bubble) -> None:
        """What was there before anybody looked."""
        thread = self._thread(who)
        thread.append(bubble)
        self.read[who] = len(thread)

    def look(self, who: str) -> list[Bubble]:
        """A thread, opened on the phone: what is in it counts as read."""
        self.catch_up()
        thread = self.threads.get(who, [])
        self.looked[who], self.read[who] = time.time(), len(thread)
        return thread[-SHOWN:]

    def glance(self, who: str) -> tuple[Bubble | None, int]:
        """The newest bubble, and how many are unread."""
        self.catch_up()
        thread = self.threads.get(who, [])
        unread = [one for one in thread[self.read.get(who, 0) :] if not one.mine]
        return (thread[-1] if thread else None), len(unread)

    # What happens by itself

    def catch_up(self) -> None:
        """Show what the provider took from us."""
        while self.seen < len(self.sandbox.took):
            got = self.sandbox.took[self.seen]
            self.seen += 1
            files = [*got.media, *(one for one in got.files if one.startswith("http"))]
            self._thread(self.sandbox.person(got.to)).append(
                Bubble(got.name, False, got.text, time.time(), files)
            )

    def tick(self) -> None:
        """Fetch files that came as addresses, and tell how far our messages got."""
        self.catch_up()
        for who, thread in list(self.threads.items()):
            for bubble in thread[-SHOWN:]:
                if not bubble.mine:
                    self._fetch(bubble)
                    self._tell(who, bubble)

    def _tell(self, who: str, bubble: Bubble) -> None:
        if not self.sandbox.tells_receipts or time.time() - bubble.at < TRAVELS:
            return
        is_read = self.sandbox.tells_reading and self.looked.get(who, 0) > max(
            bubble.at, time.time() - LOOKED
        )
        state = "read" if is_read else "delivered"
        if bubble.state == "sent" or (bubble.state == "delivered" and is_read):
            bubble.state = state
            self.sandbox.tells(bubble.name, state)

    def _fetch(self, bubble: Bubble) -> None:
        for at, url in enumerate(bubble.files):
            if url.startswith("http"):
                key = f"U{self.sandbox.number()}"
                try:
                    with urlopen(url, timeout=FETCH_SECONDS) as answer:
                        content = answer.read()
                except (URLError, OSError):
                    content = b""
                self.sandbox.files[key] = (type_of(content), content)
                bubble.files[at] = key

    def _thread(self, who: str) -> list[Bubble]:
        return self.threads.setdefault(who, [])

    def _bubble(self, who: str, name: str) -> Bubble:
        """Raises LookupError."""
        found = (one for one in self.threads.get(who, []) if one.name == name and not one.gone)
        bubble = next(found, None)
        if bubble is None:
            raise LookupError(name)
        return bubble

    def as_kept(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("threads", "looked", "read", "seen", "calls")
        }
