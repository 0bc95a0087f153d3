"""The customers: they post signed mails to our hooks or send them to our mailbox by SMTP.

`python -m tests.faults.sender RUN`. Each customer writes the next mail once the one before is
accepted, so the order of turns is the order of acceptance. A mail that is not accepted is tried
again, as mail servers do.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import smtplib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx

from tests.faults import letters
from tests.faults import plan as plans
from tests.faults.ledger import Ledger
from tests.faults.letters import Letter

THREADS = 12


class Sender:
    """Writes every attempt into the ledger before the next one."""

    def __init__(self, plan: plans.Plan, place: plans.Place) -> None:
        self.plan, self.place = plan, place
        self.ledger = Ledger(place.ledger_in)
        self.waiting: deque[list[Letter]] = deque()
        self.left, self.lock = plan.mails, threading.Lock()
        self.gave_up = False
        self.pace = Pace(plan.rate)
        self.chance = random.Random(plan.seed + 2)

    def run(self) -> int:
        """Returns 1 when a mail was not accepted for so long that it was given up."""
        writers = letters.customers(self.plan)
        self.chance.shuffle(writers)
        self.waiting.extend(writers)
        threads = [threading.Thread(target=self._work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return int(self.gave_up)

    def _work(self) -> None:
        with httpx.Client(timeout=10) as client:
            while self.left > 0 and not self.gave_up:
                with self.lock:
                    mails = self.waiting.popleft() if self.waiting else []
                if not mails:
                    time.sleep(0.1)
                    continue
                self.pace.wait()
                self._write(client, mails[0])
                with self.lock:
                    self.left -= 1
                    if mails[1:]:
                        self.waiting.append(mails[1:])

    def _write(self, client: httpx.Client, letter: Letter) -> None:
        if letter.by_imap:
            self._until(letter, "mailbox", partial(mail, self.place.smtp, letter))
            return
        for inbox in letter.inboxes:
            self._until(letter, inbox, partial(self._post, client, inbox, letter.raw))
        if letter.again:
            raw = letter.raw if letter.again == "same bytes" else letters.travelled(letter.raw)
            inbox = letter.inboxes[-1]
            self._until(letter, inbox, partial(self._post, client, inbox, raw), letter.again)

    def _post(self, client: httpx.Client, inbox: str, raw: bytes) -> str:
        return str(post(client, self.place, inbox, raw).status_code)

    def _until(self, letter: Letter, inbox: str, send: Callable[[], str], again: str = "") -> None:
        """Send until it is accepted or patience ends; each attempt is a line."""
        ends = time.monotonic() + self.plan.gives_up
        while time.monotonic() < ends:
            try:
                status = send()
            except (httpx.HTTPError, OSError, smtplib.SMTPException) as error:
                status = type(error).__name__
            self.ledger.write(
                mail=letter.number, sender=letter.sender, turn=letter.turn, inbox=inbox,
                again=again, status=status, by="imap" if letter.by_imap else "hook",
                key=letter_key(letter, again),
            )  # fmt: skip
            if status.startswith("2"):
                return
            time.sleep(self.chance.uniform(0.2, 1.0))
        self.gave_up = True


class Pace:
    """At most so many a second, over all threads."""

    def __init__(self, rate: float) -> None:
        self.step, self.next, self.lock = 1 / rate, time.monotonic(), threading.Lock()

    def wait(self) -> None:
        with self.lock:
            self.next = max(self.next + self.step, time.monotonic())
            pause = self.next - time.monotonic()
        time.sleep(max(0.0, pause))


def letter_key(letter: Letter, again: str) -> str:
    raw = letters.travelled(letter.raw) if again == "another way" else letter.raw
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def post(client: httpx.Client, place: plans.Place, inbox: str, raw: bytes) -> httpx.Response:
    """One signed call of our hook. The signature is made here from the documented formula."""
    stamp = str(int(time.time()))
    signed = hmac.new(plans.HOOK_SECRET.encode(), f"{stamp}.".encode() + raw, "sha256").hexdigest()
    return client.post(
        f"{place.address}/hooks/email/{place.inboxes[inbox]}/",
        content=raw,
        headers={
            "X-Helpdesk-Timestamp": stamp,
            "X-Helpdesk-Signature": f"v1={signed}",
            "Content-Type": "message/rfc822",
        },
    )


def mail(port: int, letter: Letter) -> str:
    """Into our mailbox at the provider, by SMTP."""
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        server.sendmail(letter.sender, [letters.address("mailbox")], letter.raw)
    return "250"


if __name__ == "__main__":
    sys.exit(Sender(*plans.load(Path(sys.argv[1]))).run())
