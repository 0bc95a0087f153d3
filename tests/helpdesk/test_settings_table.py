"""Every variable the settings read: what the README says of it, and that it does something."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpdesk.test_settings import REQUIRED

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r'env\.(?:text|flag|integer|listing|networks|folder|origin|proxy|redis|postgres)\(\s*"([A-Z_]+)"'
)
# Set by `demo` and `up` for the processes they start, and by nobody else.
OF_THE_LAUNCHER = {"LOCAL", "DEMO", "DEMO_SMTP_PORT", "DEMO_IMAP_PORT", "DEMO_SANDBOX_PORTS"}

# variable → (a value, what to look at in the settings, what it is then). It is something else
# without the variable, or with the value in REQUIRED.
EFFECTS: dict[str, tuple[str, str, Any]] = {
    "DATABASE_URL": ("postgresql://a:b@c/d", "s.DATABASES['default']['NAME']", "d"),
    "REDIS_URL": (
        "redis://other/3",
        "[s.CACHES['default']['LOCATION'], s.CELERY_BROKER_URL,"
        " s.CHANNEL_LAYERS['default']['CONFIG']['hosts'][0]['address']]",
        ["redis://other/3"] * 3,
    ),
    "REDIS_PREFIX": ("mine", "s.CACHES['default']['KEY_PREFIX']", "mine"),
    "SECRET_KEY": ("z" * 50, "s.SECRET_KEY", "z" * 50),
    "SECRET_KEY_FALLBACKS": ("one,two", "s.SECRET_KEY_FALLBACKS", ["one", "two"]),
    "FIELD_ENCRYPTION_KEYS": ("k1,k2", "s.FIELD_ENCRYPTION_KEYS", ["k1", "k2"]),
    "REPLY_TOKEN_KEYS": ("k1,k2", "s.REPLY_TOKEN_KEYS", ["k1", "k2"]),
    "ALLOWED_HOSTS": ("a.example,b.example", "s.ALLOWED_HOSTS", ["a.example", "b.example"]),
    "BASE_URL": (
        "http://plain.example/",
        "[s.BASE_URL, s.SESSION_COOKIE_SECURE, s.SECURE_HSTS_SECONDS, s.CSRF_TRUSTED_ORIGINS]",
        ["http://plain.example", False, 0, ["http://plain.example"]],
    ),
    "CSRF_TRUSTED_ORIGINS": ("https://x.example", "s.CSRF_TRUSTED_ORIGINS", ["https://x.example"]),
    "DATA_DIR": (
        "/srv/other",
        "[str(s.STATIC_ROOT), str(s.STORAGES['default']['OPTIONS']['location'])]",
        ["/srv/other/static", "/srv/other/files"],
    ),
    "TRUSTED_PROXY_COUNT": (
        "2",
        "[s.ALLAUTH_TRUSTED_PROXY_COUNT, getattr(s, 'SECURE_SSL_REDIRECT', False),"
        " list(getattr(s, 'SECURE_PROXY_SSL_HEADER', []))]",
        [2, True, ["HTTP_X_FORWARDED_PROTO", "https"]],
    ),
    "SETUP_TOKEN": ("open sesame", "s.SETUP_TOKEN", "open sesame"),
    "METRICS_TOKEN": ("count me in", "s.METRICS_TOKEN", "count me in"),
    "METRICS_NETWORKS": ("10.0.0.0/8, fd00::/8", "[str(n) for n in s.METRICS_NETWORKS]", ["10.0.0.0/8", "fd00::/8"]),
    "DB_POOL_SIZE": ("5", "s.DATABASES['default']['OPTIONS']['pool']['max_size']", 5),
    "DB_PREPARES": ("0", "s.DATABASES['default']['OPTIONS']['prepare_threshold']", None),
    "LOG_LEVEL": ("ERROR", "s.LOGGING['root']['level']", "ERROR"),
    "DEBUG": ("1", "[s.DEBUG, 'Manifest' in s.STORAGES['staticfiles']['BACKEND']]", [True, False]),
    "ENVELOPE_INLINE_BYTES": ("7", "s.ENVELOPE_INLINE_BYTES", 7),
    "ATTACHMENT_MAX_BYTES": ("90000000", "[s.ATTACHMENT_MAX_BYTES, s.REQUEST_MAX_BYTES]", [90_000_000, 361_000_000]),
    "MAIL_MAX_BYTES": ("500000000", "[s.MAIL_MAX_BYTES, s.REQUEST_MAX_BYTES]", [500_000_000, 501_000_000]),
    "ALLOW_PRIVATE_HOSTS": ("yes", "s.ALLOW_PRIVATE_HOSTS", True),
    "EGRESS_PROXY": ("http://p.example:3128", "s.EGRESS_PROXY", "http://p.example:3128"),
    "API_READS_PER_MINUTE": ("7", "s.API_READS_PER_MINUTE", 7),
    "API_CHANGES_PER_MINUTE": ("7", "s.API_CHANGES_PER_MINUTE", 7),
    "CHAT_LIMITS_TIMES": ("9", "s.CHAT_LIMITS_TIMES", 9),
    "EMAIL_HOST": ("mx.example", "s.EMAIL_HOST", "mx.example"),
    "EMAIL_PORT": ("587", "s.EMAIL_PORT", 587),
    "EMAIL_HOST_USER": ("me", "s.EMAIL_HOST_USER", "me"),
    "EMAIL_HOST_PASSWORD": ("pw", "s.EMAIL_HOST_PASSWORD", "pw"),
    "EMAIL_USE_TLS": ("1", "s.EMAIL_USE_TLS", True),
    "DEFAULT_FROM_EMAIL": ("d@x.example", "[s.DEFAULT_FROM_EMAIL, s.SERVER_EMAIL]", ["d@x.example"] * 2),
}  # fmt: skip

LOOKS = """
import importlib, json, os, sys
from helpdesk import settings as s
told = {}
for name, (value, look, _wanted) in json.load(sys.stdin).items():
    before = os.environ.get(name)
    importlib.reload(s)
    vars(s).pop("SECURE_SSL_REDIRECT", None), vars(s).pop("SECURE_PROXY_SSL_HEADER", None)
    without = eval(look) if name != "DB_POOL_SIZE" else s.POOL_SIZE
    os.environ[name] = value
    importlib.reload(s)
    told[name] = [without, eval(look)]
    os.environ.pop(name)
    if before is not None:
        os.environ[name] = before
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def looked() -> dict[str, list[Any]]:
    """What each variable's look shows without it, and with it."""
    plain = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOKS],
        input=json.dumps(EFFECTS),
        env=plain | REQUIRED,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("name", EFFECTS)
def test_a_variable_has_an_effect(name: str, looked: dict[str, list[Any]]) -> None:
    without, found = looked[name]
    assert found == EFFECTS[name][2]
    assert without != found


def test_every_variable_that_is_read_is_walked_here() -> None:
    read = set(READ.findall((ROOT / "helpdesk" / "settings.py").read_text()))
    assert len(read) > 20
    assert read - OF_THE_LAUNCHER == set(EFFECTS)


def test_the_readme_names_every_variable_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme.partition("| variable | what |")[2].partition("\n\n")[0]
    named = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`([A-Z_]+)`", row.partition("|")[2].partition("|")[0])
    }
    assert named == set(EFFECTS)
