"""Twilio's REST API of messages, and its calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.channels_inbox.providers.sandbox import PICTURE, Call, Got, Reply, Request, Sandbox

SID = "AC" + "0" * 31 + "1"
TOKEN = "the-auth-token-of-the-account"
NUMBER, CUSTOMER = "+12025550100", "+84901112223"
NUMBER_SID = "PN" + "1" * 32
ROOT = f"/2010-04-01/Accounts/{SID}/"

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


def as_json(told: Any, status: int = 200, **headers: str) -> Reply:
    body = json.dumps(told).encode()
    return Reply(status, body, {"Content-Type": "application/json", **headers})


@dataclass
class TwilioSandbox(Sandbox):
    kind = "twilio_sms"
    tells_receipts = True
    hook: str = ""
    ago: timedelta = timedelta(0)
    messages: list[dict[str, Any]] = field(default_factory=list)
    callbacks: dict[str, str] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    page: int = 3

    @property
    def customer(self) -> str:
        return CUSTOMER

    def answers(self) -> dict[str, Any]:
        return {
            "account_sid": SID,
            "auth_token": TOKEN,
            "number": "+1 202-555-0100",
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
            self.files[media[0]] = ("image/png", PICTURE)
        row = self._row(sid, "inbound", sender or CUSTOMER, NUMBER, text, "received")
        row |= {"num_media": str(len(media)), "media": media}
        self.messages.append(row)
        if self.calls and self.hook:
            self.call(self._inbound(row))
        return sid

    def call_of(self, text: str = "", **changes: Any) -> Call:
        sid = changes.pop("sid", f"SM{self.number():032d}")
        row = self._row(sid, "inbound", CUSTOMER, NUMBER, text, "received")
        return self._inbound(row | {"media": []}, **changes)

    def signed(self, body: bytes) -> Call:
        form = Request("POST", "", {}, {}, body).form
        headers = {"X-Twilio-Signature": sign(self.hook, form, TOKEN), "Content-Type": FORM}
        return Call(self.hook, headers, body)

    def tells(self, name: str, state: str) -> None:
        row = next(one for one in self.messages if one["sid"] == name)
        row["status"] = state
        if state in ("undelivered", "failed"):
            row |= {"error_code": 30005, "error_message": "Unknown destination handset"}
        if self.calls and self.callbacks[name]:
            self.call(self.status_call(name))

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
            "AccountSid": SID,
        }
        if row["error_code"]:
            form["ErrorCode"] = str(row["error_code"])
        return self._signed(self.callbacks[name], form)

    def _inbound(self, row: dict[str, Any], secret: str = TOKEN, **changes: str) -> Call:
        form = {
            "MessageSid": row["sid"],
            "SmsStatus": "received",
            "AccountSid": SID,
            "From": row["from"],
            "To": row["to"],
            "Body": row["body"],
            "NumMedia": str(len(row["media"])),
        }
        for number, media in enumerate(row["media"]):
            form[f"MediaUrl{number}"] = f"{self.url}{ROOT}Messages/{row['sid']}/Media/{media}"
            form[f"MediaContentType{number}"] = self.files[media][0]
        url = changes.pop("url", self.hook)
        return self._signed(url, form | changes, secret)

    def _signed(self, url: str, form: dict[str, str], secret: str = TOKEN) -> Call:
        headers = {"X-Twilio-Signature": sign(url, form, secret), "Content-Type": FORM}
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
        wanted = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return as_json({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        path = request.path.removeprefix(ROOT)
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
        row = {"sid": NUMBER_SID, "phone_number": NUMBER, "sms_url": self.hook}
        return as_json({"incoming_phone_numbers": [row] if asked == NUMBER else []})

    def _create(self, request: Request) -> Reply:
        fault = self.fault()
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
        ]
        start = int(request.query.get("Page", "0")) * self.page
        told: dict[str, Any] = {"messages": rows[start : start + self.page], "next_page_uri": None}
        if start + self.page < len(rows):
            query = request.query | {"Page": str(int(request.query.get("Page", "0")) + 1)}
            told["next_page_uri"] = f"{ROOT}Messages.json?{urlencode(query)}"
        return as_json(told)

    def _media_list(self, sid: str) -> Reply:
        row = next(one for one in self.messages if one["sid"] == sid)
        rows = [
            {
                "sid": media,
                "content_type": self.files[media][0],
                "uri": f"{ROOT}Messages/{sid}/Media/{media}.json",
            }
            for media in row["media"]
        ]
        return as_json({"media_list": rows, "next_page_uri": None})


FORM = "application/x-www-form-urlencoded"
