"""Twilio's REST API of messages, and its calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from helpdesk.sandbox.provider import Call, Got, Reply, Request, Sandbox, type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SID = "AC" + "0" * 31 + "1"
TOKEN = "the-auth-token-of-the-account"
NUMBER, CUSTOMER = "+12025550100", "+84901112223"
NUMBER_SID = "PN" + "1" * 32

REFUSALS = {
    "busy": (429, 20429, "Too many requests", {"Retry-After": "7"}),
    "away": (503, 20503, "Service unavailable", {}),
    "error": (500, 20500, "Internal server error", {}),
    "sign_in": (401, 20003, "Authenticate", {}),
    "blocked": (400, 21610, "Attempt to send to unsubscribed recipient", {}),
    "invalid": (400, 21211, "Invalid 'To' Phone Number", {}),
}


def sign(url: str, form: dict[str, str], token: str) -> str:
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def phone(number: str) -> str:
    """As people write it: +1 202-555-0100."""
    return f"{number[:2]} {number[2:5]}-{number[5:8]}-{number[8:]}"


def as_json(told: Any, status: int = 200, **headers: str) -> Reply:
    body = json.dumps(told).encode()
    return Reply(status, body, {"Content-Type": "application/json", **headers})


@dataclass
class TwilioSandbox(Sandbox):
    kind = "twilio_sms"
    app = "SMS"
    tells_receipts = True
    sid: str = SID
    token: str = TOKEN
    ours: str = NUMBER
    hook: str = ""
    ago: timedelta = timedelta(0)
    messages: list[dict[str, Any]] = field(default_factory=list)
    callbacks: dict[str, str] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)
    page: int = 3

    @property
    def customer(self) -> str:
        return CUSTOMER

    @property
    def address(self) -> str:
        return self.ours

    @property
    def root(self) -> str:
        return f"/2010-04-01/Accounts/{self.sid}/"

    def answers(self) -> dict[str, Any]:
        return {
            "account_sid": self.sid,
            "auth_token": self.token,
            "number": phone(self.ours),
            "country": "VN",
            "hook": "on",
            "service": "",
            "base_url": self.url,
        }

    # The customer's side

    def says(self, text: str, *, picture: bool = False, sender: str = "") -> str:
        sid = f"SM{self.number():032d}"
        media = []
        if picture:
            media = [f"ME{self.number():032d}"]
            self.files[media[0]] = (type_of(self.picture), self.picture)
        row = self._row(sid, "inbound", sender or CUSTOMER, self.ours, text, "received")
        row |= {"num_media": str(len(media)), "media": media}
        self.messages.append(row)
        self._heed(row)
        self.tell(self._inbound(row))
        return sid

    def _heed(self, row: dict[str, Any]) -> None:
        """Twilio itself minds who wants no more."""
        word = row["body"].strip().upper()
        if word == "STOP":
            self.stopped.add(row["from"])
        elif word == "START":
            self.stopped.discard(row["from"])

    def call_of(self, text: str = "", **changes: Any) -> Call:
        sid = changes.pop("sid", f"SM{self.number():032d}")
        row = self._row(sid, "inbound", CUSTOMER, self.ours, text, "received")
        return self._inbound(row | {"media": []}, **changes)

    def signed(self, body: bytes) -> Call:
        form = Request("POST", "", {}, {}, body).form
        headers = {"X-Twilio-Signature": sign(self.hook, form, self.token), "Content-Type": FORM}
        return Call(self.hook, headers, body)

    def tells(self, name: str, state: str) -> None:
        row = next(one for one in self.messages if one["sid"] == name)
        row["status"] = state
        if state in ("undelivered", "failed"):
            row |= {"error_code": 30005, "error_message": "Unknown destination handset"}
        self.tell(self.status_call(name))

    def outage_was(self, ago: timedelta) -> None:
        at = format_datetime(datetime.now(UTC) - ago)
        called = {call.body for call, _status in self.called}
        for row in self.messages:
            if not any(row["sid"].encode() in body for body in called):
                row |= {"date_sent": at, "date_created": at}

    def status_call(self, name: str, state: str = "") -> Call:
        row = next(one for one in self.messages if one["sid"] == name)
        form = {
            "MessageSid": name,
            "MessageStatus": state or row["status"],
            "To": row["to"],
            "From": row["from"],
            "AccountSid": self.sid,
        }
        if row["error_code"]:
            form["ErrorCode"] = str(row["error_code"])
        return self._signed(self.callbacks[name], form)

    def _inbound(self, row: dict[str, Any], secret: str | None = None, **changes: str) -> Call:
        form = {
            "MessageSid": row["sid"],
            "SmsStatus": "received",
            "AccountSid": self.sid,
            "From": row["from"],
            "To": row["to"],
            "Body": row["body"],
            "NumMedia": str(len(row["media"])),
        }
        for number, media in enumerate(row["media"]):
            form[f"MediaUrl{number}"] = f"{self.url}{self.root}Messages/{row['sid']}/Media/{media}"
            form[f"MediaContentType{number}"] = self.files[media][0]
        url = changes.pop("url", self.hook)
        return self._signed(url, form | changes, secret)

    def _signed(self, url: str, form: dict[str, str], secret: str | None = None) -> Call:
        headers = {
            "X-Twilio-Signature": sign(url, form, self.token if secret is None else secret),
            "Content-Type": FORM,
        }
        return Call(url, headers, urlencode(form).encode())

    def _row(
        self, sid: str, direction: str, sender: str, to: str, text: str, status: str
    ) -> dict[str, Any]:
        at = format_datetime(datetime.now(UTC) - self.ago)
        return {
            "sid": sid,
            "direction": direction,
            "from": sender,
            "to": to,
            "body": text,
            "status": status,
            "date_created": at,
            "date_sent": at,
            "num_media": "0",
            "error_code": None,
            "error_message": None,
        }

    # The API

    def serve(self, request: Request) -> Reply:
        if request.path.startswith("/elsewhere/"):
            return self._elsewhere(request)
        wanted = base64.b64encode(f"{self.sid}:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return as_json({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        path = request.path.removeprefix(self.root)
        if path == "IncomingPhoneNumbers.json":
            return self._numbers(request.query.get("PhoneNumber", ""))
        if path == f"IncomingPhoneNumbers/{NUMBER_SID}.json":
            self.hook = request.form["SmsUrl"]
            return as_json({"sid": NUMBER_SID})
        if path == "Messages.json":
            return self._create(request) if request.method == "POST" else self._list(request)
        if path.endswith("/Media.json"):
            return self._media_list(path.split("/")[1])
        if "/Media/" in path:
            where = f"{self.url}/elsewhere/{path.rpartition('/')[2]}"
            return Reply(307, b"", {"Location": where})
        return as_json({"code": 20404, "message": "Not found", "status": 404}, 404)

    def _elsewhere(self, request: Request) -> Reply:
        """Where the files really are: signed addresses at another host, that know no tokens."""
        if "authorization" in request.headers:
            self.strangers.append(request.headers["authorization"])
            return Reply(400)
        content_type, content = self.files[request.path.rpartition("/")[2]]
        return Reply(200, content, {"Content-Type": content_type})

    def _numbers(self, asked: str) -> Reply:
        row = {"sid": NUMBER_SID, "phone_number": self.ours, "sms_url": self.hook}
        return as_json({"incoming_phone_numbers": [row] if asked == self.ours else []})

    def _create(self, request: Request) -> Reply:
        fault = "blocked" if request.form["To"] in self.stopped else self.fault()
        if fault in REFUSALS:
            status, code, message, headers = REFUSALS[fault]
            told = {"code": code, "message": message, "status": status}
            return as_json(told, status, **headers)
        form = request.form
        sid = f"SM{self.number():032d}"
        row = self._row(sid, "outbound-api", form["From"], form["To"], form["Body"], "queued")
        self.messages.append(row)
        self.callbacks[sid] = form.get("StatusCallback", "")
        files = tuple(
            value for name, value in parse_qsl(request.body.decode()) if name == "MediaUrl"
        )
        self.took.append(Got(sid, form["To"], form["Body"], files))
        if fault == "dropped":
            return Reply(hangs_up=True)
        return as_json({k: row[k] for k in ("sid", "status")}, 201)

    def _list(self, request: Request) -> Reply:
        rows = [
            row
            for row in reversed(self.messages)
            if row["to"] == request.query.get("To", row["to"])
            and row["from"] == request.query.get("From", row["from"])
            and _is_of(row, request.query)
        ]
        start = int(request.query.get("Page", "0")) * self.page
        told: dict[str, Any] = {"messages": rows[start : start + self.page], "next_page_uri": None}
        if start + self.page < len(rows):
            query = request.query | {"Page": str(int(request.query.get("Page", "0")) + 1)}
            told["next_page_uri"] = f"{self.root}Messages.json?{urlencode(query)}"
        return as_json(told)

    def _media_list(self, sid: str) -> Reply:
        row = next(one for one in self.messages if one["sid"] == sid)
        rows = [
            {
                "sid": media,
                "content_type": self.files[media][0],
                "uri": f"{self.root}Messages/{sid}/Media/{media}.json",
            }
            for media in row["media"]
        ]
        return as_json({"media_list": rows, "next_page_uri": None})


def _is_of(row: dict[str, Any], query: Mapping[str, str]) -> bool:
    """Whether it was sent on the day that is asked for, or since (`DateSent>`, with `=` after)."""
    day = parsedate_to_datetime(row["date_sent"]).astimezone(UTC).date().isoformat()
    return query.get("DateSent", day) == day and query.get("DateSent>", "") <= day


FORM = "application/x-www-form-urlencoded"
