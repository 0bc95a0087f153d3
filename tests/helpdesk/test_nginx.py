"""The README's nginx in front of several processes on given services."""

from __future__ import annotations

import datetime
import json
import os
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from helpdesk.embedded import free_port, listening
from tests.helpdesk.running import OURS, ROOT, token_in
from tests.helpdesk.test_given_services import services as services  # the fixture
from tests.patience import until

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed (apt-get install nginx)")

FRAME = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format where '$upstream_addr $status $request_uri';
    access_log {folder}/access.log where;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


def site() -> str:
    """What the README says."""
    return (ROOT / "README.md").read_text().partition("```nginx\n")[2].partition("```")[0]


def configured(folder: Path, port: int, webs: tuple[int, int]) -> Path:
    """The README's configuration with our ports, name and certificate."""
    certificate(folder)
    text = site()
    for told, ours in {
        "127.0.0.1:8001": f"127.0.0.1:{webs[0]}",
        "127.0.0.1:8002": f"127.0.0.1:{webs[1]}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "server_name desk.example.org": "server_name localhost",
        "/etc/ssl/desk.pem": f"{folder}/desk.pem",
        "/etc/ssl/desk.key": f"{folder}/desk.key",
    }.items():
        assert told in text
        text = text.replace(told, ours)
    path = folder / "nginx.conf"
    path.write_text(FRAME.format(folder=folder, site=text))
    return path


def certificate(folder: Path) -> None:
    """One for localhost that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "desk.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "desk.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_nginx_understands_the_readme(tmp_path: Path) -> None:
    assert NGINX
    path = configured(tmp_path, free_port(), (free_port(), free_port()))
    done = subprocess.run(
        [NGINX, "-t", "-c", path, "-e", tmp_path / "e"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


class Installation:
    """nginx, two web processes, four workers and beat."""

    def __init__(self, folder: Path, services: dict[str, str]) -> None:
        self.folder, self.port, self.webs = folder, free_port(), (free_port(), free_port())
        self.setup = secrets.token_urlsafe(12)
        self.url = f"https://localhost:{self.port}"
        self.variables = services | {
            "BASE_URL": self.url,
            "ALLOWED_HOSTS": "localhost",
            "TRUSTED_PROXY_COUNT": "1",
            "SETUP_TOKEN": self.setup,
            "METRICS_NETWORKS": "127.0.0.0/8",
            "SECRET_KEY": "".join(map(chr, range(40, 95))),
            # For the doctor, which knocks at BASE_URL.
            "SSL_CERT_FILE": str(folder / "desk.pem"),
        }
        self.trust = ssl.create_default_context(cafile=None)
        self.opener = urllib.request.build_opener()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        others = {name: value for name, value in os.environ.items() if name not in OURS}
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            env=others | self.variables,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "desk.log").open("ab"),
        )

    def started(self, stack: ExitStack, *words: str) -> subprocess.Popen[bytes]:
        process = self.start(*words)
        stack.callback(stop, process)
        return process

    def run(self, stack: ExitStack) -> None:
        assert NGINX
        path = configured(self.folder, self.port, self.webs)
        self.trust = ssl.create_default_context(cafile=str(self.folder / "desk.pem"))
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=self.trust),
            urllib.request.HTTPCookieProcessor(CookieJar()),
        )
        self.opener.addheaders = [("Referer", f"{self.url}/")]
        assert self.start("prepare").wait(200) == 0
        proxy = subprocess.Popen([NGINX, "-c", path, "-e", self.folder / "error.log"])
        stack.callback(stop, proxy)
        self.first, _second = [self.started(stack, "web", f"--port={port}") for port in self.webs]
        for queue in ("fast", "fast", "slow", "slow"):
            self.started(stack, "worker", f"--queue={queue}")
        self.started(stack, "beat")
        until(lambda: all(map(listening, (self.port, *self.webs))), 200)
        until(lambda: self.status("/readyz?strict=1") == 200, 200)

    def get(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        data = urlencode(form).encode() if form else None
        try:
            with self.opener.open(self.url + path, data, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self, path: str) -> int:
        return self.get(path)[0]

    def reached(self, path: str) -> set[str]:
        """The web processes nginx asked for what begins with `path`."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return {line.split()[0] for line in lines if line.split()[-1].startswith(path)}


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def installation(tmp_path: Path, services: dict[str, str]) -> Iterator[Installation]:
    with ExitStack() as stack:
        made = Installation(tmp_path, services)
        made.run(stack)
        yield made


@pytest.mark.full
def test_a_desk_behind_nginx(installation: Installation) -> None:
    desk = installation
    # The first-run page, over TLS and with its cookies, through whichever web process.
    page = desk.get(f"/welcome/{desk.setup}/")[1]
    form = {
        "name": "Ada",
        "email": "ada@desk.example",
        "password": "long enough 4 us",
        "team": "All",
    }
    status, page = desk.get(
        f"/welcome/{desk.setup}/", form | {"csrfmiddlewaretoken": token_in(page)}
    )
    assert status == 200
    assert "Mail address" in page
    # Nothing is wrong but that there is no mailbox yet.
    doctor = desk.start("doctor", "--json")
    told = json.loads(doctor.communicate(timeout=120)[0])
    assert {one["part"]: one["state"] for one in told["findings"] if one["state"] != "ok"} == {
        "mail": "warning"
    }
    assert told["ok"] and doctor.returncode == 0
    # Both web processes serve pages and sockets.
    for number in range(8):
        # nginx goes round; a page more or less makes the next one meet the other process.
        for _ in range(1 + number % 2):
            assert desk.status("/settings/health/") == 200
        with (
            connect(
                f"wss://localhost:{desk.port}/ws/desk/",
                origin=desk.url,
                ssl=desk.trust,
                proxy=None,  # type: ignore[arg-type]
            ) as socket,
            pytest.raises(ConnectionClosed) as closed,
        ):
            socket.recv(timeout=20)
        assert closed.value.rcvd and closed.value.rcvd.code == 4401
    both = {f"127.0.0.1:{port}" for port in desk.webs}
    assert desk.reached("/ws/desk/") == both
    assert desk.reached("/settings/health/") == both
    # Figures are for those inside, of all processes, and not through the proxy.
    assert desk.status("/metrics") == 404
    until(lambda: counted(desk.webs[1]) >= 8)
    # One is stopped: nobody notices.
    stop(desk.first)
    assert {desk.status("/settings/account/") for _ in range(10)} == {200}


def counted(port: int) -> float:
    """Pages of settings that were answered, as one web process tells."""
    # By a name the desk has: a monitor that asks by address alone is answered 400.
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Host": "localhost"}
    )
    text = urllib.request.urlopen(asked, timeout=10).read().decode()
    found = re.findall(
        r'helpdesk_requests_total{door="settings",method="GET",status="2xx"} (\S+)', text
    )
    return float(found[0]) if found else 0
