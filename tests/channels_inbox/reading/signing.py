"""How providers sign their calls, written after their documentation and apart from our checks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from channels_inbox.calls import Call

NOW = 1_790_000_000
SECRET = "0123456789abcdef" * 4 + "-correct"
ADDRESS = "https://desk.example/hooks/abc?inbox=1"
FORM = b"From=%2B84901112223&Body=ch%C3%A0o+b%E1%BA%A1n&MessageSid=SM1"
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
JSON = b'{"app_id": "36", "timestamp": "1790000000000", "text": "ch\xc3\xa0o"}'


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims: Any, secret: str, algorithm: str = "HS256") -> str:
    head = b64(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    signed = f"{head}.{b64(json.dumps(claims).encode())}"
    digest = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512", "none": "sha256"}[algorithm]
    mac = hmac.new(secret.encode(), signed.encode(), digest).digest()
    return f"{signed}.{'' if algorithm == 'none' else b64(mac)}"


def call(headers: dict[str, str], body: bytes = JSON, **fields: Any) -> Call:
    given: dict[str, Any] = {"url": ADDRESS, "now": NOW, **fields}
    return Call(body, headers, **given)


def meta(secret: str = SECRET) -> Call:
    mac = hmac.new(secret.encode(), JSON, hashlib.sha256).hexdigest()
    return call({"X-Hub-Signature-256": f"sha256={mac}"})


def telegram(secret: str = SECRET) -> Call:
    return call({"X-Telegram-Bot-Api-Secret-Token": secret})


def line(secret: str = SECRET) -> Call:
    mac = hmac.new(secret.encode(), JSON, hashlib.sha256).digest()
    return call({"X-Line-Signature": base64.b64encode(mac).decode()})


def viber(secret: str = SECRET) -> Call:
    mac = hmac.new(secret.encode(), JSON, hashlib.sha256).hexdigest()
    return call({"X-Viber-Content-Signature": mac})


def zalo(secret: str = SECRET) -> Call:
    mac = hashlib.sha256(b"36" + JSON + b"1790000000000" + secret.encode()).hexdigest()
    return call({"X-ZEvent-Signature": f"mac={mac}"})


def twilio(
    secret: str = SECRET,
    address: str = ADDRESS,
    body: bytes = FORM,
    algorithm: str = "sha1",
    **fields: Any,
) -> Call:
    """`address` is the one that is signed."""
    is_form = b"=" in body and body != JSON
    told = sorted(parse_qsl(body.decode(), keep_blank_values=True)) if is_form else []
    signed = address + "".join(name + value for name, value in told)
    mac = hmac.new(secret.encode(), signed.encode(), algorithm).digest()
    headers = {"X-Twilio-Signature": base64.b64encode(mac).decode()}
    if algorithm != "sha1":
        headers[SETTINGS] = f"key=webhooks_sharedkey_1,algorithm=HMAC_{algorithm.upper()}"
    return call(headers, body, **{"url": address} | fields)


def vonage(
    secret: str = SECRET, body: bytes = JSON, algorithm: str = "HS256", **claims: Any
) -> Call:
    told = {"iss": "Vonage", "iat": NOW, "jti": "j", "api_key": "k", **claims}
    told.setdefault("payload_hash", hashlib.sha256(body).hexdigest())
    kept = {name: value for name, value in told.items() if value is not None}
    return call({"Authorization": f"Bearer {token(kept, secret, algorithm)}"}, body)


def vonage_sms(secret: str = SECRET, *, digest: str = "", at: int = NOW) -> Call:
    told = {"msisdn": "849", "text": "a&b=c", "timestamp": str(at), "messageId": "0B"}
    flat = {name: value.replace("&", "_").replace("=", "_") for name, value in told.items()}
    signed = "".join(f"&{name}={flat[name]}" for name in sorted(flat))
    if digest:
        mac = hmac.new(secret.encode(), signed.encode(), digest).hexdigest().upper()
    else:
        mac = hashlib.md5((signed + secret).encode()).hexdigest()
    return call({}, json.dumps(told | {"sig": mac}).encode())


def messagebird(
    secret: str = SECRET, body: bytes = JSON, algorithm: str = "HS256", **claims: Any
) -> Call:
    told = {"iss": "MessageBird", "nbf": NOW - 5, "exp": NOW + 60, "jti": "j", **claims}
    told.setdefault("url_hash", hashlib.sha256(ADDRESS.encode()).hexdigest())
    if body:
        told.setdefault("payload_hash", hashlib.sha256(body).hexdigest())
    kept = {name: value for name, value in told.items() if value is not None}
    return call({"MessageBird-Signature-JWT": token(kept, secret, algorithm)}, body)


def signed_in(secret: str = SECRET) -> Call:
    return call({"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"})


def mailersend(secret: str = SECRET) -> Call:
    return call({"Signature": hmac.new(secret.encode(), JSON, hashlib.sha256).hexdigest()})


def mandrill(secret: str = SECRET) -> Call:
    made = twilio(secret)
    return call({"X-Mandrill-Signature": made.header("X-Twilio-Signature")}, made.body)


def standard(secret: str = SECRET, *, at: int = NOW, name: str = "msg_1") -> Call:
    signed = f"{name}.{at}.".encode() + JSON
    mac = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    told = {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": f"v1,{mac}"}
    return call(told)


SIGNERS: dict[str, Callable[[str], Call]] = {
    "meta": meta,
    "whatsapp": meta,
    "messenger": meta,
    "instagram": meta,
    "facebook_page": meta,
    "telegram": telegram,
    "line": line,
    "zalo": zalo,
    "viber": viber,
    "vonage": vonage,
    "twilio": twilio,
    "twilio_sms": twilio,
    "twilio_voice": twilio,
    "messagebird": messagebird,
    "messagebird_jwt": messagebird,
    "phone": standard,
    "generic": standard,
    "brevo": signed_in,
    "mailersend": mailersend,
    "mailjet": signed_in,
    "mandrill": mandrill,
    "postmark": signed_in,
    "sendgrid": signed_in,
    "sparkpost": signed_in,
}
# These show a secret, and sign nothing.
SHOWING = {"telegram", "brevo", "mailjet", "postmark", "sendgrid", "sparkpost"}
FORMS = {"twilio", "twilio_sms", "twilio_voice", "mandrill"}
