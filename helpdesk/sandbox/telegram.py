"""Telegram's Bot API: methods, updates waiting to be fetched, and calls with a secret."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from helpdesk.sandbox.provider import Call, Got, Reply, Request, Sandbox, type_of

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
CUSTOMER = 88

REFUSALS = {
    "busy": (429, "Too Many Requests: retry after 7", {"retry_after": 7}),
    "away": (500, "Internal Server Error", None),
    "error": (500, "Internal Server Error", None),
    "sign_in": (401, "Unauthorized", None),
    "blocked": (403, "Forbidden: bot was blocked by the user", None),
    "invalid": (400, "Bad Request: chat not found", None),
}


def good(result: Any) -> Reply:
    return Reply(200, json.dumps({"ok": True, "result": result}).encode())


def bad(status: int, description: str, parameters: Any = None) -> Reply:
    told = {"ok": False, "error_code": status, "description": description}
    return Reply(status, json.dumps(told | {"parameters": parameters or {}}).encode())


@dataclass
class TelegramSandbox(Sandbox):
    kind = "telegram"
    app = "Telegram"
    edits = True
    reactions = True
    token: str = TOKEN
    username: str = "lamps_bot"
    hook: str = ""
    secret: str = ""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: str = ""
    is_asked: bool = False
    way: str = "hook"
    answered: dict[str, str] = field(default_factory=dict)

    @property
    def customer(self) -> str:
        return str(CUSTOMER)

    @property
    def address(self) -> str:
        return f"@{self.username}"

    @property
    def is_connected(self) -> bool:
        """Also where the desk asks, and is not called."""
        return super().is_connected or self.is_asked

    def person(self, number: str) -> str:
        """Telegram tells bots no numbers: an id that stands for one."""
        return "7" + number.lstrip("+")[-9:]

    def answers(self) -> dict[str, Any]:
        return {"token": self.token, "way": self.way, "base_url": self.url}

    # The customer's side

    def says(self, text: str, *, picture: bool = False, sender: str = "") -> str:
        told: dict[str, Any] = {"text": text}
        if picture:
            name = f"F{self.number()}"
            ending = type_of(self.picture).rpartition("/")[2]
            self.files[name] = (f"photos/{name}.{ending}", self.picture)
            told = {"caption": text, "photo": [{"file_id": "small"}, {"file_id": name}]}
        message = self._message(sender, **told)
        self._update("message", message)
        return f"{message['chat']['id']}:{message['message_id']}"

    def call_of(self, text: str = "", **changes: Any) -> Call:
        secret = changes.pop("secret", self.secret)
        url = changes.pop("url", self.hook)
        update = {"update_id": 1000 + self.number(), "message": self._message("", text=text)}
        return self._signed(update | changes, secret, url)

    def signed(self, body: bytes) -> Call:
        return Call(self.hook, _headers(self.secret), body)

    def outage_was(self, ago: timedelta) -> None:
        """It kept trying meanwhile."""
        for update in self.waiting:
            for message in update.values():
                if isinstance(message, dict):
                    message["date"] = int(time.time() - ago.total_seconds())
        if self.waiting:
            self.error = "Connection timed out"

    def corrects(self, name: str, text: str) -> Call:
        message = {**self.said[name], "edit_date": int(time.time())}
        message["caption" if "photo" in message else "text"] = text
        return self._signed({"update_id": 1000 + self.number(), "edited_message": message})

    def reacts(self, name: str, emoji: str, sender: str = "") -> Call:
        chat, _colon, number = name.rpartition(":")
        told = {
            "chat": {"id": int(chat), "type": "private"},
            "message_id": int(number),
            "user": self._user(int(sender or CUSTOMER)),
            "date": int(time.time()),
            "old_reaction": [],
            "new_reaction": [{"type": "emoji", "emoji": emoji}] if emoji else [],
        }
        return self._signed({"update_id": 1000 + self.number(), "message_reaction": told})

    def _user(self, who: int) -> dict[str, Any]:
        first, _space, last = self.names.get(str(who), "Hoa Trần").partition(" ")
        return {"id": who, "is_bot": False, "first_name": first, "last_name": last}

    def _message(self, sender: str, **told: Any) -> dict[str, Any]:
        who = int(sender or CUSTOMER)
        message = {
            "message_id": self.number(),
            "date": int(time.time()),
            "from": self._user(who),
            "chat": {"id": who, "type": "private"},
            **told,
        }
        self.said[f"{who}:{message['message_id']}"] = message
        return message

    def _update(self, name: str, value: Any) -> None:
        self.waiting.append({"update_id": 1000 + self.number(), name: value})
        self.push()

    def tell(self, call: Call) -> None:
        self.waiting.append(json.loads(call.body))
        self.push()

    def push(self) -> None:
        """Call for each waiting update, in order, until one isn't taken."""
        while self.calls and self.hook and len(self.waiting) > self.reorders:
            # What isn't taken stays here: it is asked for later.
            for update in self.waiting[1::-1] if self.reorders else self.waiting[:1]:
                status = self.knocks(self._signed(update))
                if not 200 <= status < 300:
                    self.error = f"Wrong response from the webhook: {status}"
                    return
                self.waiting.remove(update)
                self.error = ""

    def settle(self) -> None:
        reorders, self.reorders = self.reorders, False
        self.push()
        self.reorders = reorders

    def _signed(self, update: Any, secret: str | None = None, url: str = "") -> Call:
        given = self.secret if secret is None else secret
        body = json.dumps(update, ensure_ascii=False).encode()
        return Call(url or self.hook, _headers(given), body)

    # The API

    def serve(self, request: Request) -> Reply:
        if request.path.startswith(f"/file/bot{self.token}/"):
            path = request.path.removeprefix(f"/file/bot{self.token}/")
            found = [content for name, content in self.files.values() if name == path]
            return Reply(200, found[0]) if found else Reply(404)
        method = request.path.removeprefix(f"/bot{self.token}/")
        if method == request.path:
            return bad(401, "Unauthorized")
        if method.startswith("send"):
            return self._send(request)
        told = json.loads(request.body or b"{}")
        known = getattr(self, f"_{method}", None)
        return known(told) if known else bad(404, "Not Found")

    def _getMe(self, told: Any) -> Reply:  # noqa: N802
        return good(
            {"id": int(self.token.partition(":")[0]), "is_bot": True, "username": self.username}
        )

    def _setWebhook(self, told: Any) -> Reply:  # noqa: N802
        if self.hook != told["url"]:
            self.error = ""
        self.hook, self.secret = told["url"], told["secret_token"]
        return good(True)

    def _deleteWebhook(self, told: Any) -> Reply:  # noqa: N802
        self.hook, self.error = "", ""
        return good(True)

    def _getWebhookInfo(self, told: Any) -> Reply:  # noqa: N802
        info: dict[str, Any] = {"url": self.hook, "pending_update_count": len(self.waiting)}
        if self.error:
            info |= {"last_error_date": int(time.time()), "last_error_message": self.error}
        return good(info)

    def _getUpdates(self, told: Any) -> Reply:  # noqa: N802
        if self.hook:
            return bad(409, "Conflict: can't use getUpdates method while webhook is active")
        self.is_asked = True
        if offset := told.get("offset"):
            self.waiting = [one for one in self.waiting if one["update_id"] >= offset]
        ends = time.monotonic() + int(told.get("timeout") or 0)
        while not self.waiting and time.monotonic() < ends:
            time.sleep(0.02)
        return good(self.waiting[: told["limit"]])

    def _getFile(self, told: Any) -> Reply:  # noqa: N802
        name, _content = self.files[told["file_id"]]
        return good({"file_id": told["file_id"], "file_path": name})

    def _send(self, request: Request) -> Reply:
        fault = self.fault()
        if fault in REFUSALS:
            return bad(*REFUSALS[fault])
        fields, files = request.parts()
        number = self.number()
        chat = fields["chat_id"]
        text = fields.get("text", fields.get("caption", ""))
        names = tuple(name for name, _content in files.values())
        media = tuple(f"G{number}.{at}" for at in range(len(files)))
        self.files.update(zip(media, files.values(), strict=True))
        self.took.append(Got(f"{chat}:{number}", chat, text, names, media))
        if "reply_parameters" in fields:
            answered = json.loads(fields["reply_parameters"])["message_id"]
            self.answered[f"{chat}:{number}"] = f"{chat}:{answered}"
        if fault == "dropped":
            return Reply(hangs_up=True)
        return good({"message_id": number, "chat": {"id": int(chat)}})


def _headers(secret: str) -> dict[str, str]:
    told = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
    return told | {"Content-Type": "application/json"}
