"""Reading Twilio's list of messages: what no call brought, and what became of what we sent."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from django.utils.dateparse import parse_datetime

from channels_inbox import compared, missing, receive
from channels_inbox.base import Pulled, Raw
from channels_inbox.compared import BEGAN, Day
from channels_inbox.payloads import as_json, text
from channels_inbox.pulling import Holding
from channels_inbox.twilio import history
from channels_inbox.twilio.api import Api
from channels_inbox.twilio.status import STATES
from conversations.models import RECEIPT_RANK, Delivery, DeliveryState
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from channels_inbox.models import Account

OVERLAP: Final = timedelta(minutes=10)
PAGE, LARGE_PAGE = "100", "1000"
INBOUND, OUTBOUND = "inbound", "outbound"
Message = dict[str, Any]


def pull(account: Account) -> Pulled:
    """What came since the last look, oldest first. Raises ConnectError."""
    turn = _Turn(account, Api.of(account), Holding(account), database_now())
    new = turn.read_inbound()
    new += turn.read_ours()
    new += turn.compare()
    return Pulled(new)


@dataclass
class _Turn:
    account: Account
    api: Api
    holding: Holding
    now: datetime

    @property
    def since(self) -> datetime:
        kept = parse_datetime(str(self.account.cursor.get("since", "")))
        return (kept or self.now) - OVERLAP

    def read_inbound(self) -> int:
        """What a call is about to bring is left to it for a minute."""
        ripe = self._ripe(self._listed(INBOUND, self.since, **self._lately))
        kept = self._taken(ripe)
        seen = max([_at(message) for message in ripe], default=self.since + OVERLAP)
        cursor = {BEGAN: self.since.isoformat(), **self.account.cursor}
        cursor["since"] = max(seen, self.since + OVERLAP).isoformat()
        missing.move(self.account, cursor)
        return len(kept)

    def read_ours(self) -> int:
        """Receipts that no call brought, and messages of which nobody knows whether they left."""
        kept, _unknown = self._followed(self._listed(OUTBOUND, self.since, **self._lately))
        return kept

    def compare(self) -> int:
        """Whole days of the list beside what is stored, once in a while; what lacks is fetched."""
        began = compared.began_at(self.account.cursor)
        days, new = [], 0
        for day in compared.due(self.account, self.now):
            assert began is not None
            query = {"PageSize": LARGE_PAGE, "DateSent": day.isoformat()}
            came = self._ripe(self._listed(INBOUND, began, **query))
            fetched = self._taken(came)
            ours = self._listed(OUTBOUND, began, **query)
            kept, unknown = self._followed(ours)
            at = self.now.isoformat()
            told = (len(came), tuple(fetched), len(ours), tuple(unknown))
            days.append(Day(day.isoformat(), at, *told))
            new += len(fetched) + kept
        if days:
            missing.move(self.account, compared.with_days(self.account, days))
        return new

    def _ripe(self, found: Sequence[Message]) -> list[Message]:
        return missing.ripe(self.account, found, when=_at, now=self.now)

    def _taken(self, ripe: Sequence[Message]) -> list[str]:
        """Keep those that never came, and tell which."""
        wanted = missing.unknown(self.account.inbox, [text(one, "sid") for one in ripe])
        fresh = [message for message in ripe if text(message, "sid") in wanted]
        kept = [text(message, "sid") for message in fresh if self._keep(message)]
        missing.note(self.account, len(kept))
        return kept

    def _followed(self, rows: Sequence[Message]) -> tuple[int, list[str]]:
        """Keep what is news of messages of ours. How much that is, and which are not known."""
        known = self._known([text(row, "sid") for row in rows])
        lost = self._lost()
        kept, unknown = 0, []
        for row in rows:
            delivery = known.get(text(row, "sid"))
            if delivery is None:
                delivery = _claimed(row, lost)
                unknown += [] if delivery else [text(row, "sid")]
            elif not _is_news(row, delivery):
                continue
            if delivery:
                kept += self._keep(row, token=str(delivery.entry.client_token))
        return kept, unknown

    @property
    def _lately(self) -> dict[str, str]:
        """The list is asked for days."""
        return {"PageSize": PAGE, "DateSent>": self.since.astimezone(UTC).date().isoformat()}

    def _listed(self, way: str, since: datetime, **query: str) -> list[Message]:
        """Messages of one direction, oldest first. The list has the newest first."""
        address = self.account.inbox.address
        rows = []
        told = {**query, "To" if way == INBOUND else "From": address}
        for row in self.api.pages("Messages.json", "messages", **told):
            self.holding.still()
            if _at(row) < since:
                break
            if text(row, "direction").startswith(way):
                rows.append(row)
        return sorted(rows, key=lambda row: (_at(row), text(row, "sid")))

    def _keep(self, message: Message, token: str = "") -> bool:
        name, status = text(message, "sid"), text(message, "status")
        told = {history.MESSAGE: message, history.MEDIA: self._media(message)}
        body = as_json(told)
        meta = {"token": token} if token else {}
        raw = Raw("pull", f"list:{name}:{status}", body, meta)
        return receive.keep(self.account.inbox, raw).is_new

    def _media(self, message: Message) -> list[Message]:
        if text(message, "direction") != history.INBOUND or not history.has_media(message):
            return []
        path = f"Messages/{text(message, 'sid')}/Media.json"
        rows = list(self.api.pages(path, "media_list"))
        base = self.api.config.base_url
        return [
            {**row, "url": urljoin(base, text(row, "uri").removesuffix(".json"))} for row in rows
        ]

    def _known(self, names: Sequence[str]) -> dict[str, Delivery]:
        rows = Delivery.objects.select_related("entry").filter(
            inbox=self.account.inbox, provider_id__in=[name for name in names if name]
        )
        return {row.provider_id: row for row in rows}

    def _lost(self) -> dict[tuple[str, str], list[Delivery]]:
        """Messages that may have been sent, by whom they are to and what they say."""
        rows = Delivery.objects.select_related("entry", "identity").filter(
            inbox=self.account.inbox, state=DeliveryState.AMBIGUOUS, provider_id=""
        )
        found = defaultdict(list)
        for row in rows.order_by("pk")[:200]:
            found[row.identity.value, row.entry.text.strip()].append(row)
        return found


def _claimed(row: Message, lost: dict[tuple[str, str], list[Delivery]]) -> Delivery | None:
    """The one message of ours this can be; where it could be one of several, nobody guesses."""
    found = lost.get((text(row, "to"), text(row, "body").strip()), [])
    if len(found) != 1 or found[0].handed_at is None:
        return None
    return found[0] if _at(row) >= found[0].handed_at - timedelta(seconds=5) else None


def _is_news(row: Message, delivery: Delivery) -> bool:
    state = STATES.get(text(row, "status"), "")
    if state == DeliveryState.FAILED:
        return delivery.state in (DeliveryState.SENT, DeliveryState.AMBIGUOUS)
    return RECEIPT_RANK.get(state, 0) > RECEIPT_RANK.get(delivery.state, 9)


def _at(message: Message) -> datetime:
    return history.sent_at(message) or datetime.fromtimestamp(0, UTC)
