"""Only pages of our own may open a socket. Others are refused before anything is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]


class OurOrigins:
    """Answers 403 unless the Origin is the host that was asked, or one of CSRF_TRUSTED_ORIGINS."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_ours(scope):
            await self.app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})


def is_ours(scope: Mapping[str, Any]) -> bool:
    """Whether a handshake comes from a page of ours. Absent, null and odd ones are not."""
    origins, hosts = _all(scope, b"origin"), _all(scope, b"host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    try:
        origin = urlsplit(origins[0])
    except ValueError:
        return False
    if origin.scheme not in ("http", "https") or origins[0] != f"{origin.scheme}://{origin.netloc}":
        return False
    return _trusted(origin.scheme, origin.netloc) or _same_host(
        origin.scheme, origin.netloc, hosts[0]
    )


def _same_host(scheme: str, netloc: str, host: str) -> bool:
    if settings.BASE_URL.startswith("https://") and scheme != "https":
        return False
    domain, _port = split_domain_port(host)
    allowed = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
    return allowed and netloc.lower() == host.lower()


def _trusted(scheme: str, netloc: str) -> bool:
    """As Django does for forms: exact, or a subdomain of one with a star."""
    for told in settings.CSRF_TRUSTED_ORIGINS:
        good = urlsplit(told)
        pattern = good.netloc.removeprefix("*")
        if good.scheme == scheme and is_same_domain(netloc.lower(), pattern.lower()):
            return True
    return False


def _all(scope: Mapping[str, Any], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
