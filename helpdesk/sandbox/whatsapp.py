"""WhatsApp's Cloud API, as Meta's Graph API has it: messages, media in two steps, templates, and
calls signed with the app's secret. It keeps no history: what nobody took is called again."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from helpdesk.sandbox.provider import Call, Got, Reply, Request, Sandbox, type_of

TOKEN = "EAAtheTokenOfTheSystemUser"
WORD = "a-word-of-our-own"
NUMBER_ID, BUSINESS_ID = "501", "900"
NUMBER, CUSTOMER = "+84 28 3822 0000", "84901112223"

# status, code, message, headers
REFUSALS: dict[str, tuple[int, int, str, dict[str, str]]] = {
    "busy": (429, 130429, "Rate limit hit", {"Retry-After": "7"}),
    "away": (503, 131016, "Service unavailable", {}),
    "error": (500, 131000, "Something went wrong", {}),
    "sign_in": (401, 190, "Access token has expired", {}),
    "blocked": (400, 131050, "User has stopped marketing messages from your business", {}),
    "invalid": (400, 131026, "Message undeliverable", {}),
    "window": (400, 131047, "Re-engagement message", {}),
    "pair": (400, 131056, "Pair rate limit hit", {}),
    "template": (400, 132001, "Template name does not exist in the translation", {}),
}


def template(name: str, body: str, language: str = "en", **more: Any) -> dict[str, Any]:
    """An approved one, of a body alone."""
    told = {"name": name, "language": language, "status": "APPROVED", "category": "UTILITY"}
    return {**told, "components": [{"type": "BODY", "text": body}], **more}


def ready_made() -> list[dict[str, Any]]:
    return [
        {
            **template("order_ready", ""),
            "components": [
                {"type": "HEADER", "format": "TEXT", "text": "Lamps & Co"},
                {
                    "type": "BODY",
                    "text": "Hello {{1}}, your order {{2}} is ready.",
                    "example": {"body_text": [["Hoa", "A-17"]]},
                },
                {"type": "FOOTER", "text": "Write to us here."},
            ],
        },
        template(
            "hen_giao",
            "Chào {{ten}}, đơn hàng của bạn được giao ngày {{ngay}}.",
            "vi",
            parameter_format="NAMED",
        ),
        template("not_yet", "Soon", status="PENDING"),
        {
            **template("with_picture", "Look"),
            "components": [
                {"type": "HEADER", "format": "IMAGE"},
                {"type": "BODY", "text": "Look"},
            ],
        },
    ]


@dataclass
class WhatsAppSandbox(Sandbox):
    """`ask` is how it asks a hook whether it is ours: address → status and answer. `templates` are
    those of the account; `sent` the messages it took, whole.
    Each app has a `secret` of its own; the access token ends at `token_ends`, in seconds, or never
    (0)."""

    kind = "whatsapp"
    app = "WhatsApp"
    tells_receipts = tells_reading = True
    edits = deletes = reactions = True
    keeps_history: ClassVar[bool] = False
    hook: str = ""
    token_ends: int = 0
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    ask: Callable[[str], tuple[int, str]] | None = None
    waiting: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=ready_made)
    sent: list[dict[str, Any]] = field(default_factory=list)
    authors: dict[str, str] = field(default_factory=dict)

    @property
    def customer(self) -> str:
        return f"+{CUSTOMER}"

    def answers(self) -> dict[str, Any]:
        return {
            "phone_number_id": NUMBER_ID,
            "business_id": BUSINESS_ID,
            "access_token": TOKEN,
            "app_secret": self.secret,
            "verify_token": WORD,
            "hook": "on",
            "base_url": self.url,
        }

    # The customer's side

    def says(self, text: str, *, picture: bool = False, sender: str = "") -> str:
        told: dict[str, Any] = {"type": "text", "text": {"body": text}}
        if picture:
            name = f"media{self.number()}"
            kind = type_of(self.picture)
            self.files[name] = (kind, self.picture)
            image = {"id": name, "mime_type": kind, "sha256": "", "caption": text}
            told = {"type": "image", "image": image}
        return self.writes(sender=sender, **told)

    def under(self, name: str, text: str) -> str:
        """A customer answers a certain message."""
        context = {"from": NUMBER_ID, "id": name}
        return self.writes(type="text", text={"body": text}, context=context)

    def writes(self, *, sender: str = "", **told: Any) -> str:
        """A message of any type. A sender with a point in it shows no number."""
        message = self._message(sender, **told)
        self.authors[str(message["id"])] = sender
        self._tell(message, "messages", sender or CUSTOMER)
        return str(message["id"])

    def echoes(self, **told: Any) -> str:
        """Somebody of ours writes in the WhatsApp app on the same number."""
        message = {
            "from": "842838220000",
            "to": CUSTOMER,
            "id": f"wamid.E{self.number()}",
            "timestamp": str(int(time.time())),
            **told,
        }
        self._wait("smb_message_echoes", {"message_echoes": [message]}, CUSTOMER)
        return str(message["id"])

    def call_of(self, text: str = "", **changes: Any) -> Call:
        secret, url = changes.pop("secret", self.secret), changes.pop("url", self.hook)
        message = self._message("", type="text", text={"body": text}, **changes)
        value = self._value({"messages": [message]}, CUSTOMER)
        return self._signed(_body("messages", value), secret, url)

    def signed(self, body: bytes) -> Call:
        return self._signed(body, self.secret, self.hook)

    def corrects(self, name: str, text: str) -> Call:
        new = {"type": "text", "text": {"body": text}}
        told = {"original_message_id": name, "message": new}
        return self._about(name, type="edit", edit=told)

    def takes_back(self, name: str) -> Call:
        return self._about(name, type="revoke", revoke={"original_message_id": name})

    def _about(self, name: str, **told: Any) -> Call:
        """What whoever wrote a message does to it."""
        sender = self.authors.get(name, "")
        held = {"messages": [self._message(sender, **told)]}
        return self.signed(_body("messages", self._value(held, sender or CUSTOMER)))

    def reacts(self, name: str, emoji: str, sender: str = "") -> Call:
        told = {"message_id": name, "emoji": emoji}
        message = self._message(sender, type="reaction", reaction=told)
        held = {"messages": [message]}
        return self.signed(_body("messages", self._value(held, sender or CUSTOMER)))

    @property
    def address(self) -> str:
        return NUMBER.replace(" ", "")

    def person(self, number: str) -> str:
        """Its ids of people are their numbers without the plus."""
        return number.removeprefix("+")

    def tells(self, name: str, state: str, code: int = 131026, **more: Any) -> None:
        """Each status repeats what was given along with the message."""
        told = self.status_of(name, state, code) | more
        self._wait("messages", {"statuses": [told]}, CUSTOMER)

    def status_of(self, name: str, state: str, code: int = 131026) -> dict[str, Any]:
        message = next((one for one in self.sent if one["name"] == name), {})
        told: dict[str, Any] = {
            "id": name,
            "status": state,
            "timestamp": str(int(time.time())),
            "recipient_id": str(message.get("to", CUSTOMER)).removeprefix("+"),
        }
        if given := message.get("biz_opaque_callback_data"):
            told["biz_opaque_callback_data"] = given
        if state == "failed":
            told["errors"] = [{"code": code, "title": "Not delivered"}]
        return told

    def outage_was(self, ago: timedelta) -> None:
        at = str(int(time.time() - ago.total_seconds()))
        for change in self.waiting:
            for message in change["value"].get("messages", []):
                message["timestamp"] = at

    def push(self) -> None:
        """Call for all that waits, in order, until one isn't taken."""
        while self.calls and self.hook and self.waiting:
            change = self.waiting[0]
            status = self.call(self.signed(_body(change["field"], change["value"])))
            if not 200 <= status < 300:
                return
            self.waiting.pop(0)

    def settle(self) -> None:
        super().settle()
        self.push()

    def _message(self, sender: str, **told: Any) -> dict[str, Any]:
        who = {"from": (sender or CUSTOMER).removeprefix("+")}
        if "." in sender:
            who = {"from_user_id": sender}
        at = str(int(time.time()))
        return {**who, "id": f"wamid.I{self.number()}", "timestamp": at, **told}

    def _tell(self, message: dict[str, Any], name: str, sender: str) -> None:
        self._wait("messages", {name: [message]}, sender)

    def _wait(self, field_name: str, held: dict[str, Any], sender: str) -> None:
        self.waiting.append({"field": field_name, "value": self._value(held, sender)})
        self.push()

    def _value(self, held: dict[str, Any], sender: str) -> dict[str, Any]:
        known = {"user_id": sender} if "." in sender else {"wa_id": sender.removeprefix("+")}
        return {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "842838220000", "phone_number_id": NUMBER_ID},
            "contacts": [{"profile": {"name": self.names.get(sender, "Hoa Trần")}, **known}],
            **held,
        }

    def _signed(self, body: bytes, secret: str, url: str) -> Call:
        right = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json"}
        if secret:
            headers["X-Hub-Signature-256"] = f"sha256={right}"
        return Call(url, headers, body)

    # The API

    def serve(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return bad(401, 190, "Invalid OAuth access token")
        if request.path.startswith("/files/"):
            content_type, content = self.files[request.path.removeprefix("/files/")]
            return Reply(200, content, {"Content-Type": content_type})
        proof = hmac.new(self.secret.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
        if request.query.get("appsecret_proof") != proof:
            return bad(400, 100, "Invalid appsecret_proof provided in the API argument")
        return self._answer(request, request.path.strip("/"))

    def _answer(self, request: Request, path: str) -> Reply:
        is_post = request.method == "POST"
        if path == f"{NUMBER_ID}/messages" and is_post:
            return self._send(json.loads(request.body))
        if path == f"{NUMBER_ID}/media" and is_post:
            return self._upload(request)
        if path == NUMBER_ID:
            return self._configure(json.loads(request.body)) if is_post else self._configured()
        if path == "debug_token":
            return good({"data": {"is_valid": True, "expires_at": self.token_ends}})
        if path == f"{BUSINESS_ID}/subscribed_apps" and is_post:
            return good({"success": True})
        if path == f"{BUSINESS_ID}/phone_numbers":
            return good({"data": [{"id": NUMBER_ID, "display_phone_number": NUMBER}]})
        if path == f"{BUSINESS_ID}/message_templates":
            return good({"data": self.templates})
        if path in self.files:
            return good({"id": path, "url": f"{self.url}/files/{path}"})
        return bad(400, 100, "Unsupported request. Object does not exist")

    def _configured(self) -> Reply:
        return good({"id": NUMBER_ID, "webhook_configuration": {"phone_number": self.hook}})

    def _configure(self, told: dict[str, Any]) -> Reply:
        asked = told["webhook_configuration"]
        url = asked["override_callback_uri"]
        if self.ask is not None:
            query = {
                "hub.mode": "subscribe",
                "hub.verify_token": asked["verify_token"],
                "hub.challenge": "1158201444",
            }
            if self.ask(f"{url}?{urlencode(query)}") != (200, "1158201444"):
                return bad(400, 2200, "Callback verification failed")
        self.hook = url
        return good({"success": True})

    def _upload(self, request: Request) -> Reply:
        _fields, files = request.parts()
        filename, content = files["file"]
        name = f"media{self.number()}"
        self.files[name] = (filename, content)
        return good({"id": name})

    def _send(self, told: dict[str, Any]) -> Reply:
        fault = self.fault()
        if fault in REFUSALS:
            status, code, message, headers = REFUSALS[fault]
            return bad(status, code, message, headers)
        name = f"wamid.O{self.number()}"
        whom = told.get("to") or told["recipient"]
        held = told[told["type"]]
        words = held.get("body") or held.get("caption") or held.get("name") or ""
        files = (self.files[held["id"]][0],) if "id" in held else ()
        self.sent.append({**told, "name": name})
        media = (held["id"],) if files else ()
        self.took.append(Got(name, whom, words, files, media))
        if fault == "dropped":
            return Reply(hangs_up=True)
        return good({"messaging_product": "whatsapp", "messages": [{"id": name}]})


def _body(field_name: str, value: dict[str, Any]) -> bytes:
    change = {"field": field_name, "value": value}
    told = {
        "object": "whatsapp_business_account",
        "entry": [{"id": BUSINESS_ID, "changes": [change]}],
    }
    return json.dumps(told, ensure_ascii=False).encode()


def good(told: Any) -> Reply:
    return Reply(200, json.dumps(told).encode(), {"Content-Type": "application/json"})


def bad(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    told = {"error": {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}}
    return Reply(status, json.dumps(told).encode(), headers or {})
