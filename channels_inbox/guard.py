"""Connections to hosts an admin typed in: resolved once, checked, and made to the checked address.

The only door to such hosts, for sockets and for HTTP, so that no name leads into our own network.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import httpcore
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HTTP_SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 100_000

NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE: Final = ipaddress.ip_network("::/96")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class HostRefused(OSError):
    """The name doesn't exist, or leads to an address that may not be connected to."""


class HTTPFailed(Exception):
    """No answer came: unreachable, refused, too slow or too long."""


@dataclass(frozen=True)
class Answer:
    """What an HTTP server said, whatever its status."""

    status: int
    body: bytes


def post_form(url: str, form: Mapping[str, str]) -> Answer:
    """POST a form, following no redirect. Raises HTTPFailed."""
    headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
    ]
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), HTTP_SECONDS)
    try:
        with (
            httpcore.ConnectionPool(
                ssl.create_default_context(), network_backend=_Pinned()
            ) as pool,
            pool.stream(
                "POST",
                url,
                headers=headers,
                content=urlencode(form).encode(),
                extensions={"timeout": timeout},
            ) as answer,
        ):
            return Answer(answer.status, _limited(answer.iter_stream()))
    except (OSError, *_BROKEN) as error:
        raise HTTPFailed(str(error) or type(error).__name__) from error


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection to one of the host's permitted addresses; `timeout` in seconds.

    Raises HostRefused, or the OSError of the last address tried.
    """
    last: OSError = HostRefused(host)
    for address in addresses(host, port):
        try:
            return socket.create_connection((address, port), timeout=timeout)
        except OSError as error:
            last = error
    raise last


def addresses(host: str, port: int) -> list[str]:
    """Every address of a host. Raises HostRefused when there is none, or any may not be used."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostRefused(f"{host}: {error}") from error
    texts = list(dict.fromkeys(str(info[4][0]) for info in found))
    refused = [text for text in texts if not permitted(text)]
    if refused or not texts:
        raise HostRefused(f"{host} leads to {', '.join(refused) or 'no address'}")
    return texts


def permitted(text: str) -> bool:
    """Whether an IP address is one of the public internet, or private ones are allowed."""
    if settings.ALLOW_PRIVATE_HOSTS:
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(one) for one in (address, *_carried(address)))


def _is_public(address: IPAddress) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: IPAddress) -> list[IPAddress]:
    """IPv4 addresses that an IPv6 one is only another spelling of, or a tunnel to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inside: list[IPAddress | None] = [address.ipv4_mapped, address.sixtofour]
    inside += address.teredo or ()
    if address in NAT64 or address in COMPATIBLE:
        inside.append(ipaddress.IPv4Address(address.packed[-4:]))
    return [one for one in inside if one is not None]


_BROKEN: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class _Pinned(httpcore.NetworkBackend):
    """Connects to the address that was checked; TLS still asks for the host's own name."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        address = addresses(host, port)[0]
        return httpcore.SyncBackend().connect_tcp(address, port, timeout=timeout)


def _limited(chunks: Iterable[bytes]) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise HTTPFailed("the answer is too long")
    return body
