"""Typed readers of environment variables; every error names the variable and what to put there.

All readers raise `ImproperlyConfigured`. An empty variable counts as not set.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def require(hints: Mapping[str, str]) -> None:
    """Insist on every variable in `hints` (name to what it should hold); name all that miss."""
    missing = [f"  {name}: {hint}" for name, hint in hints.items() if not os.environ.get(name)]
    if missing:
        raise ImproperlyConfigured(
            "These environment variables are not set:\n"
            + "\n".join(missing)
            + "\nSet them, or run `uv run manage.py up`, which brings its own services."
        )


def text(name: str, default: str = "") -> str:
    """Return the variable, or `default` where it is unset or empty."""
    return os.environ.get(name) or default


def flag(name: str, default: bool = False) -> bool:
    """Read a yes-or-no variable."""
    value = text(name).lower()
    if value and value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; write 1 for yes or 0 for no.")
    return value in TRUE if value else default


def integer(name: str, default: int, minimum: int = 0) -> int:
    """Read a whole number of at least `minimum`."""
    value = text(name)
    if not value:
        return default
    if not value.isascii() or not value.isdigit() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number, {minimum} or more.")
    return int(value)


def listing(name: str) -> list[str]:
    """Read a comma-separated list; blanks around and between items are dropped."""
    return [item for part in text(name).split(",") if (item := part.strip())]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Read a comma-separated list of networks such as 10.0.0.0/8 or fd00::/8."""
    try:
        return [ip_network(item) for item in listing(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}; write networks such as 10.0.0.0/8.") from None


def folder(name: str) -> Path:
    """Read an absolute folder path; it need not exist yet."""
    path = Path(text(name))
    if not path.is_absolute():
        raise ImproperlyConfigured(f"{name} is {str(path)!r}; write an absolute folder path.")
    return path


def origin(name: str) -> str:
    """Read a web address such as https://desk.example.org, without a slash at its end."""
    value = text(name).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ImproperlyConfigured(
            f"{name} is {value!r}; write the address people open, such as https://desk.example.org."
        )
    return value


def proxy(name: str) -> str:
    """Read the address of an HTTP proxy such as http://user:password@proxy.example:3128, or ''."""
    value = text(name)
    try:
        parts = urlsplit(value)
        is_sound = parts.scheme == "http" and parts.hostname and parts.port != 0
    except ValueError:
        is_sound = False
    if value and not (is_sound and parts.path in ("", "/")):
        # It may hold a password.
        raise ImproperlyConfigured(
            f"{name} must look like http://user:password@proxy.example:3128, or be left out."
        )
    return value


def redis(name: str) -> str:
    """Read a redis:// or rediss:// URL."""
    value = text(name)
    if urlsplit(value).scheme not in {"redis", "rediss"}:
        raise ImproperlyConfigured(
            f"{name} must look like redis://:password@host:6379/0; its scheme is not redis."
        )
    return value


def postgres(name: str) -> dict[str, Any]:
    """Read postgresql://user:password@host:5432/name?sslmode=require as Django's database keys.

    libpq reads it; its own parameters, which follow the question mark, come back as OPTIONS.
    """
    value = text(name)
    refusal = ImproperlyConfigured(
        f"{name} must look like postgresql://user:password@host:5432/name; after a question mark"
        " it takes libpq's parameters, such as sslmode=require."
    )
    if not value.startswith(("postgres://", "postgresql://")):
        raise refusal
    try:
        options: dict[str, Any] = conninfo_to_dict(value)
    except ProgrammingError:
        # What libpq says quotes the password.
        raise refusal from None
    keys = ("dbname", "user", "password", "host", "port")
    database, user, password, host, port = (str(options.pop(key, "")) for key in keys)
    if not database or not all(item.isdecimal() for item in port.split(",") if item):
        raise refusal
    return {
        "NAME": database,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": port,
        "OPTIONS": options,
    }
