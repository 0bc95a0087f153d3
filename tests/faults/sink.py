"""The customers' mail provider: an SMTP server that writes down what came, and breaks at times.

`python -m tests.faults.sink RUN`. A mail is in the ledger once its final dot has come; "told" says
whether we answered that it was taken, so that only a mail that was not told may come a second time.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import random
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, syntax

from tests.faults import plan as plans
from tests.faults.ledger import Ledger

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

MARK = re.compile(r"reply-\d{6}")


class Sink:
    """What happens to each mail, decided by chance."""

    def __init__(self, plan: plans.Plan, ledger: Ledger) -> None:
        self.plan, self.ledger = plan, ledger
        self.chance = random.Random(plan.seed + 1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        if self.chance.random() < self.plan.busy:
            self.ledger.write(what="busy", **_told(message, envelope))
            return "451 4.3.2 Busy, come again"
        broke = self.chance.random() < self.plan.breaks_after_dot
        self.ledger.write(what="took", told=not broke, **_told(message, envelope))
        await asyncio.sleep(self.plan.answers_after)
        if broke:
            _break(server)
        return "250 OK"


class Breaking(SMTP):
    """Breaks the connection in the middle of some mails."""

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        sink: Sink = self.event_handler
        if sink.chance.random() < sink.plan.breaks_before_dot:
            assert self.envelope is not None
            sink.ledger.write(what="cut", to=list(self.envelope.rcpt_tos))
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            _break(self)
            return
        await super().smtp_DATA(arg)


def _break(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


def _told(message: Any, envelope: Envelope) -> dict[str, Any]:
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body else ""
    found = MARK.search(text)
    return {
        "mark": found[0] if found else "",
        "message_id": str(message["Message-ID"] or ""),
        "to": list(envelope.rcpt_tos),
    }


async def serve(plan: plans.Plan, place: plans.Place) -> None:
    sink = Sink(plan, Ledger(place.ledger_out))
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with await loop.create_server(
        lambda: Breaking(sink, hostname="sink.example", data_size_limit=0), "127.0.0.1", place.sink
    ):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(*plans.load(Path(sys.argv[1]))))
