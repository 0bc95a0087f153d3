"""Checks from outside, at the address people open: what a web process sees of a knock at BASE_URL.

The knock carries a signed word and the name of a file, so that only our own web processes answer it
and say whether they see the same files, what time it is there, and what proxies told them.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from conversations.consumers.socket import SIGNED_OUT
from helpdesk.doctor.findings import Finding, bad, well

SALT: Final = "helpdesk.doctor"
LASTS: Final = 30
PATIENCE: Final = 5.0
MOST_SKEW: Final = 2.0


@dataclass(frozen=True)
class Seen:
    """What a web process saw of the knock. `forwarded` counts the addresses proxies named."""

    host: str
    secure: bool
    forwarded: int
    sees_file: bool
    skew: float


class NoAnswer(Exception):
    """The knock was not answered by a web process of ours."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.said)
        self.finding = finding


@csrf_exempt
@never_cache
@require_GET
def knocked(request: HttpRequest, token: str) -> HttpResponse:
    """Tell the doctor what arrived here. For whoever can sign with our key, within seconds."""
    try:
        name = str(signing.loads(token, salt=SALT, max_age=LASTS)["file"])
    except (BadSignature, KeyError, TypeError):
        return HttpResponseNotFound()
    forwarded = request.headers.get("X-Forwarded-For", "")
    return JsonResponse(
        {
            "host": request.get_host(),
            "secure": request.is_secure(),
            "forwarded": len([part for part in forwarded.split(",") if part.strip()]),
            "sees_file": default_storage.exists(name),
            "time": time.time(),
        }
    )


def address() -> Iterator[Finding]:
    """Whether our web processes answer at BASE_URL, share our files and clock, and know proxies."""
    try:
        seen = knock()
    except NoAnswer as nobody:
        yield nobody.finding
        return
    yield well("web", _("It answers at %(address)s.") % {"address": settings.BASE_URL})
    if not seen.sees_file:
        yield bad(
            "storage",
            _("The web processes don't see the files stored here."),
            _("Give all processes the same DATA_DIR, on every machine."),
        )
    if abs(seen.skew) > MOST_SKEW:
        yield bad(
            "clock",
            _("This machine and %(whose)s are %(seconds)s s apart.")
            % {"whose": settings.BASE_URL, "seconds": round(abs(seen.skew), 1)},
            _("Set all clocks by the network (NTP), such as with chrony."),
        )
    yield from proxies(seen)


def proxies(seen: Seen) -> Iterator[Finding]:
    """What was seen beside what the settings say of proxies."""
    trusted, wanted = settings.TRUSTED_PROXY_COUNT, urlsplit(settings.BASE_URL)
    ill = False
    if seen.forwarded != trusted:
        ill = True
        yield bad(
            "proxies",
            _("TRUSTED_PROXY_COUNT is %(trusted)s, but %(seen)s proxies told whom they speak for.")
            % {"trusted": trusted, "seen": seen.forwarded},
            _(
                "Set TRUSTED_PROXY_COUNT to the number of your proxies, each of which adds"
                " X-Forwarded-For. With a wrong number strangers can choose their address."
            ),
        )
    if seen.secure != (wanted.scheme == "https"):
        ill = True
        yield bad(
            "proxies",
            _("BASE_URL begins with %(scheme)s, but requests arrive as if it did not.")
            % {"scheme": wanted.scheme},
            _("Let the proxy that ends TLS set X-Forwarded-Proto, and set TRUSTED_PROXY_COUNT."),
        )
    if seen.host.lower() != wanted.netloc.lower():
        ill = True
        yield bad(
            "proxies",
            _("Requests arrive for the host %(host)s.") % {"host": seen.host},
            _("Let the proxy pass on the Host header as it came."),
        )
    if not ill:
        yield well("proxies", _("As many as TRUSTED_PROXY_COUNT says, and they tell the truth."))


def websocket() -> Iterator[Finding]:
    """Opens a socket as a page does. Ours accepts it and then says that nobody is signed in."""
    url = "ws" + settings.BASE_URL.removeprefix("http") + "/ws/desk/"
    said, origin = "", Origin(settings.BASE_URL)
    try:
        with connect(
            url,
            origin=origin,
            open_timeout=PATIENCE,
            close_timeout=1,
            proxy=None,
        ) as socket:
            socket.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        if closed.rcvd and closed.rcvd.code == SIGNED_OUT:
            yield well("websocket", _("It opens through everything in front of the desk."))
            return
        said = str(closed)
    except InvalidStatus as refused:
        said = f"HTTP {refused.response.status_code}"
    except (WebSocketException, OSError, TimeoutError) as error:
        said = str(error) or type(error).__name__
    yield bad(
        "websocket",
        _("It can't be opened: %(error)s. Pages fall back on asking, which is slower.")
        % {"error": said},
        _(
            "Let the proxy pass on Upgrade and Connection for /ws/ (README: Behind nginx), and name"
            " the address in ALLOWED_HOSTS or CSRF_TRUSTED_ORIGINS."
        ),
    )


def knock() -> Seen:
    """Ask BASE_URL what it sees of us. Raises NoAnswer."""
    name = default_file()
    try:
        token = signing.dumps({"file": name}, salt=SALT)
        url = settings.BASE_URL + reverse("doctor-knock", args=[token])
        before = time.time()
        told = json.loads(_get(url))
        skew = told["time"] - (before + time.time()) / 2
        return Seen(told["host"], told["secure"], told["forwarded"], told["sees_file"], skew)
    except (ValueError, KeyError, TypeError):
        raise NoAnswer(_stranger()) from None
    finally:
        # Where files can't be written, another check says so.
        with suppress(OSError):
            default_storage.delete(name)


def default_file() -> str:
    """A small file, or the name it would have had."""
    name = f"doctor/{uuid4().hex}"
    try:
        return default_storage.save(name, ContentFile(b"knock"))
    except OSError:
        return name


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: object, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _get(url: str) -> bytes:
    # BASE_URL is the operator's own word, so the guard against strangers' addresses doesn't apply.
    opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE) as answer:
            return bytes(answer.read(10_000))
    except urllib.error.HTTPError as error:
        raise NoAnswer(_refused(error.code, url, error.headers.get("Location", ""))) from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise NoAnswer(
            bad(
                "web",
                _("Nobody answers at %(address)s: %(error)s.")
                % {"address": settings.BASE_URL, "error": reason},
                _("Start manage.py web; check BASE_URL, its name, certificate, and the proxy."),
            )
        ) from None


def _refused(status: int, url: str, location: str) -> Finding:
    if 300 <= status < 400 and location.rstrip("/") == url.rstrip("/"):
        return bad(
            "proxies",
            _("Every page leads to itself: the desk doesn't learn that it was asked by https."),
            _("Let the proxy set X-Forwarded-Proto to the scheme it was asked by."),
        )
    if status == 400:
        return bad(
            "web",
            _("It refuses the name it is asked by."),
            _("Add the host of BASE_URL to ALLOWED_HOSTS, and let the proxy pass on Host."),
        )
    if status in (502, 503, 504):
        return bad(
            "web",
            _("The proxy reaches no web process (HTTP %(status)s).") % {"status": status},
            _("Start manage.py web, and check the addresses the proxy sends to."),
        )
    return _stranger(status)


def _stranger(status: int = 200) -> Finding:
    return bad(
        "web",
        _("Something else answers at %(address)s (HTTP %(status)s).")
        % {"address": settings.BASE_URL, "status": status},
        _("Check BASE_URL and the proxy, and give all processes the same SECRET_KEY."),
    )
