"""Connections to hosts an admin typed in: resolved once, checked, and made to the checked address.

The only door to such hosts, for sockets and for HTTP, so that no name leads into our own network.
Where `EGRESS_PROXY` is set all HTTP goes by that proxy, and none where it doesn't answer.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import httpcore
import httpx
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

HTTP_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 20.0
MOST_REDIRECTS: Final = 3
REDIRECTS: Final = (301, 302, 303, 307, 308)
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_ANSWER_BYTES: Final = 100_000
NO_ADDRESS: Final = "no web address"
# Not which: what a stranger's link leads to inside is shown with what came of it.
NOT_PUBLIC: Final = "leads to no address of the public internet"
NO_SUCH_SIGN: Final = "a sign that can't be sent is in the address, or in a secret"
CHUNK: Final = 2**14

NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE: Final = ipaddress.ip_network("::/96")

Form = tuple[str, bytes]
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class HostRefused(OSError):
    """The name doesn't exist, or leads to an address that may not be connected to."""


class HTTPFailed(Exception):
    """No answer came: unreachable, refused, too slow or too long."""


class NotSaid(HTTPFailed):
    """No answer came, and nothing of what was to be said got out."""


@dataclass(frozen=True)
class Answer:
    """What an HTTP server said, whatever its status. `location` is where it sends us, or '';
    `retry_after` when it wants to be asked again, in its own words, or ''."""

    status: int
    body: bytes
    location: str = ""
    retry_after: str = ""


def get(url: str, *, accept: str, most_bytes: int) -> Answer:
    """GET an address a stranger named, as nobody in particular: no cookie, no referrer, no name of
    a browser. Follows three redirects, each to an address checked anew. Raises HTTPFailed."""
    for _ in range(1 + MOST_REDIRECTS):
        refuse_odd(url)
        answer = _request("GET", url, [("Accept", accept)], most_bytes=most_bytes)
        if answer.status not in REDIRECTS or not answer.location:
            return answer
        url = joined(url, answer.location)
    raise HTTPFailed("it sends us on and on")


def post_form(url: str, form: Mapping[str, str]) -> Answer:
    """POST a form, following no redirect. Raises HTTPFailed."""
    headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
    ]
    return _request("POST", url, headers, content=urlencode(form).encode())


def post_json(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer:
    """POST JSON to a public web server, following no redirect; what it answers beyond its head is
    not read. `seconds` is for all of it. Raises HTTPFailed."""
    refuse_odd(url)
    told = [("Content-Type", "application/json"), *headers.items()]
    return _request("POST", url, told, content=body, most_bytes=0, seconds=seconds)


def joined(url: str, location: str) -> str:
    """Where a server sends us on to. Raises HTTPFailed."""
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise HTTPFailed(NO_ADDRESS) from error


def form_of(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]]) -> Form:
    """A form with files by field, each its name, bytes and type: content type and body of it."""
    request = httpx.Request("POST", "http://localhost/", data=fields, files=files)
    return request.headers["Content-Type"], request.read()


def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    content: bytes = b"",
    most_bytes: int = MAX_ANSWER_BYTES,
    seconds: float = ANSWER_SECONDS,
    speaking: Callable[[], None] = lambda: None,
) -> Answer:
    """Ask the API of a provider, following no redirect; `seconds` is for all of it. `speaking` is
    called once it listens, right before it hears anything, and what it raises goes through. Raises
    NotSaid where it surely heard nothing, HTTPFailed where it may have."""
    try:
        refuse_odd(url)
    except HTTPFailed as error:
        raise NotSaid(str(error)) from error
    told = list(headers.items())
    return _request(
        method,
        url,
        told,
        content=content,
        most_bytes=most_bytes,
        seconds=seconds,
        silence=seconds,
        speaking=speaking,
    )


def _request(
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    *,
    content: bytes = b"",
    most_bytes: int = MAX_ANSWER_BYTES,
    seconds: float = ANSWER_SECONDS,
    silence: float = HTTP_SECONDS,
    speaking: Callable[[], None] = lambda: None,
) -> Answer:
    """`most_bytes` 0 leaves the body unread; longer ones than that raise. `silence` is how many
    seconds may pass without a sign of life."""
    url = _spelled(url)
    if not all(value.isascii() for _name, value in headers):
        raise NotSaid(NO_SUCH_SIGN)
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), silence)
    backend = _backend(url, time.monotonic() + seconds, speaking)
    try:
        with (
            _pool(url, backend) as pool,
            pool.stream(
                method,
                url,
                headers=headers,
                content=content or None,
                extensions={"timeout": timeout},
            ) as answer,
        ):
            told = {name.lower(): value for name, value in answer.headers}
            body = _limited(answer.iter_stream(), most_bytes) if most_bytes else b""
            location = told.get(b"location", b"").decode("latin-1")
            retry_after = told.get(b"retry-after", b"").decode("latin-1")
            return Answer(answer.status, body, location, retry_after)
    except httpcore.ProxyError as error:
        raise NotSaid(f"EGRESS_PROXY: {error}") from error
    except httpcore.LocalProtocolError as error:
        # Its own words quote what it stumbled over: a header with a token in it.
        failed = HTTPFailed if backend.has_spoken else NotSaid
        raise failed(NO_SUCH_SIGN) from error
    except (OSError, ValueError, *_BROKEN) as error:
        failed = HTTPFailed if backend.has_spoken else NotSaid
        raise failed(str(error) or type(error).__name__) from error


def _spelled(url: str) -> str:
    """As it goes over the wire: people leave letters of their own and spaces in it. Raises
    NotSaid."""
    if url.isascii() and " " not in url:
        return url
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL as error:
        raise NotSaid(NO_ADDRESS) from error


def _backend(url: str, ends: float, speaking: Callable[[], None]) -> _Pinned:
    if not settings.EGRESS_PROXY:
        return _Pinned(ends, speaking)
    return _ByProxy(ends, speaking, is_tunnel=urlsplit(url).scheme == "https")


def _pool(url: str, backend: _Pinned) -> httpcore.ConnectionPool:
    """Never past the proxy where one is set, whatever becomes of it. What a name leads to is looked
    at here too, as far as this machine knows names. Raises HostRefused."""
    if not settings.EGRESS_PROXY:
        return httpcore.ConnectionPool(_trusted(), network_backend=backend)
    refuse_private(urlsplit(url).hostname or "")
    proxy = urlsplit(settings.EGRESS_PROXY)
    password = (unquote(proxy.username or ""), unquote(proxy.password or ""))
    return httpcore.HTTPProxy(
        f"http://{proxy.hostname}:{proxy.port or 3128}",
        proxy_auth=password if proxy.username else None,
        ssl_context=_trusted(),
        network_backend=backend,
    )


def try_proxy() -> None:
    """Connect to the proxy, if one is set. Raises OSError."""
    proxy = urlsplit(settings.EGRESS_PROXY)
    if proxy.hostname:
        place = (proxy.hostname, proxy.port or 3128)
        socket.create_connection(place, timeout=HTTP_SECONDS).close()


@cache
def _trusted() -> ssl.SSLContext:
    """Whom this machine trusts: reading that takes longer than a request does."""
    return ssl.create_default_context()


def refuse_odd(url: str) -> None:
    """Only the web's own ports, and nobody's name and password. Raises HTTPFailed."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (KeyError, ValueError) as error:
        raise HTTPFailed(NO_ADDRESS) from error
    if "@" in parts.netloc or (
        port not in DEFAULT_PORTS.values() and not settings.ALLOW_PRIVATE_HOSTS
    ):
        raise HTTPFailed("no address of a public web server")


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
    if not texts or not all(map(permitted, texts)):
        raise HostRefused(f"{host} {NOT_PUBLIC}")
    return texts


def refuse_private(host: str) -> None:
    """Raises HostRefused where a name leads to an address that may not be used; one this machine
    doesn't know is for the proxy to know."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    if not all(permitted(str(info[4][0])) for info in found):
        raise HostRefused(f"{host} {NOT_PUBLIC}")


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
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
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
    """Connects to an address that was checked; TLS still asks for the host's own name."""

    def __init__(self, ends: float, speaking: Callable[[], None]) -> None:
        self.ends = ends
        self.has_spoken = False
        self._speaking = speaking

    def speaks(self) -> None:
        """From here on the host may have heard something."""
        if not self.has_spoken:
            self._speaking()
            self.has_spoken = True

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        last: Exception = HostRefused(host)
        for address in addresses(host, port):
            left = _left(self.ends, timeout)
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, timeout=left)
                return _Timed(stream, self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


class _ByProxy(_Pinned):
    """Connects to the operator's own proxy. What is said to it to have a tunnel is not yet said to
    anybody else."""

    def __init__(self, ends: float, speaking: Callable[[], None], *, is_tunnel: bool) -> None:
        super().__init__(ends, speaking)
        self.is_tunnel = is_tunnel

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        left = _left(self.ends, timeout)
        stream = httpcore.SyncBackend().connect_tcp(host, port, timeout=left)
        return _Timed(stream, self, is_heard=not self.is_tunnel)


class _Timed(httpcore.NetworkStream):
    """A stream that ends at a time: a server that drips is as little waited for as one that is
    silent."""

    def __init__(
        self, stream: httpcore.NetworkStream, made_by: _Pinned, *, is_heard: bool = True
    ) -> None:
        self._stream, self._made_by, self._ends = stream, made_by, made_by.ends
        self._is_heard = is_heard

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._is_heard:
            self._made_by.speaks()  # the handshake of TLS doesn't come by here
        for start in range(0, len(buffer), CHUNK):
            self._stream.write(buffer[start : start + CHUNK], _left(self._ends, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._ends, timeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._made_by)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float, timeout: float | None) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the answer takes too long")
    return min(left, timeout) if timeout else left


def _limited(chunks: Iterable[bytes], most: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise HTTPFailed("the answer is too long")
    return bytes(body)
