"""Settings: whatever is missing or malformed is named, with what to put there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from helpdesk import env

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {
    "DATABASE_URL": "postgresql://desk@db.example/desk",
    "REDIS_URL": "redis://redis.example/0",
    "SECRET_KEY": "k" * 50,
    "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
    "REPLY_TOKEN_KEYS": "r" * 32,
    "ALLOWED_HOSTS": "desk.example",
    "BASE_URL": "https://desk.example",
    "DATA_DIR": "/srv/desk",
}


@pytest.fixture
def value(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("VALUE", raising=False)
    return monkeypatch


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these variables and no other of ours."""
    given = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    return subprocess.run(
        [sys.executable, "-c", code],
        env=given | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_it_names_every_missing_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRST", raising=False)
    monkeypatch.setenv("SECOND", "")
    with pytest.raises(ImproperlyConfigured, match="FIRST: a thing\n.*SECOND: another"):
        env.require({"FIRST": "a thing", "SECOND": "another"})


@pytest.mark.parametrize("command", [["web"], ["worker", "--queue=fast"]])
def test_nothing_that_serves_starts_without_its_services(command: list[str]) -> None:
    words = ["manage.py", *command]
    done = run(f"import sys, manage; sys.argv = {words!r}; manage.main()")
    assert done.returncode
    for name in REQUIRED:
        assert f"  {name}: " in done.stderr
    assert "manage.py up" in done.stderr


def test_tools_that_never_connect_need_nothing() -> None:
    done = run("import sys, manage; sys.argv = ['manage.py', 'check']; manage.main()")
    assert (done.returncode, done.stderr) == (0, "")


def test_given_services_are_run_securely() -> None:
    done = run(
        "from helpdesk import settings as s\n"
        "assert not (s.DEBUG or s.DEMO or s.LOCAL)\n"
        "assert s.SESSION_COOKIE_SECURE and s.CSRF_COOKIE_SECURE and s.SECURE_HSTS_SECONDS\n"
        "assert s.CSRF_TRUSTED_ORIGINS == ['https://desk.example']\n",
        **REQUIRED,
        DEMO="1",
    )
    assert done.stderr == ""


def test_deployment_checks_find_nothing(tmp_path: Path) -> None:
    words = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = run(
        f"import sys, manage; sys.argv = {words!r}; manage.main()",
        **REQUIRED | {"SECRET_KEY": "".join(map(chr, range(40, 95))), "DATA_DIR": str(tmp_path)},
        TRUSTED_PROXY_COUNT="1",
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("url", "expected", "options"),
    [
        (
            "postgresql://de%40sk:p%2Fw@db:6432/na%20me",
            {"NAME": "na me", "USER": "de@sk", "PASSWORD": "p/w", "HOST": "db", "PORT": "6432"},
            {},
        ),
        (
            "postgres://[::1]/desk",
            {"NAME": "desk", "USER": "", "PASSWORD": "", "HOST": "::1", "PORT": ""},
            {},
        ),
        (
            "postgresql://%2Frun%2Fpg/desk",
            {"NAME": "desk", "USER": "", "PASSWORD": "", "HOST": "/run/pg", "PORT": ""},
            {},
        ),
        (
            "postgresql://a,b:6432/desk?sslmode=verify-full&target_session_attrs=read-write",
            {"NAME": "desk", "USER": "", "PASSWORD": "", "HOST": "a,b", "PORT": ",6432"},
            {"sslmode": "verify-full", "target_session_attrs": "read-write"},
        ),
    ],
)
def test_it_reads_database_urls(
    value: pytest.MonkeyPatch, url: str, expected: dict[str, str], options: dict[str, str]
) -> None:
    value.setenv("VALUE", url)
    assert env.postgres("VALUE") == {**expected, "OPTIONS": options}


@pytest.mark.parametrize("rest", ["desk?ssl_mode=require", "desk?sslmode", "desk%zz"])
def test_a_database_url_that_libpq_refuses_keeps_its_password_to_itself(
    value: pytest.MonkeyPatch, rest: str
) -> None:
    value.setenv("VALUE", f"postgresql://desk:secret@db/{rest}")
    with pytest.raises(ImproperlyConfigured, match="sslmode=require") as caught:
        env.postgres("VALUE")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [("postgresql://d/d", "disable"), ("postgresql://d/d?gssencmode=prefer", "prefer")],
)
def test_kerberos_is_looked_for_where_the_url_says_so(url: str, expected: str) -> None:
    done = run(
        "from helpdesk import settings as s; print(s.DATABASES['default']['OPTIONS']['gssencmode'])",
        **REQUIRED | {"DATABASE_URL": url},
    )
    assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (env.postgres, "mysql://db/desk"),
        (env.postgres, "postgresql://db:port/desk"),
        (env.postgres, "postgresql://db"),
        (env.redis, "http://redis"),
        (env.origin, "desk.example"),
        (env.folder, "relative/folder"),
        (env.flag, "maybe"),
        (lambda name: env.integer(name, 1), "-1"),
        (lambda name: env.integer(name, 1, minimum=2), "1"),
        (lambda name: env.integer(name, 1), "²"),
    ],
)
def test_it_refuses_what_it_cannot_read(
    value: pytest.MonkeyPatch, reader: Callable[[str], object], text: str
) -> None:
    value.setenv("VALUE", text)
    with pytest.raises(ImproperlyConfigured, match="^VALUE "):
        reader("VALUE")


@pytest.mark.parametrize(("text", "expected"), [("1", True), ("TRUE", True), ("off", False)])
def test_it_reads_flags(value: pytest.MonkeyPatch, text: str, expected: bool) -> None:
    assert env.flag("VALUE", default=True)
    value.setenv("VALUE", text)
    assert env.flag("VALUE") is expected


def test_it_reads_lists_and_numbers(value: pytest.MonkeyPatch) -> None:
    value.setenv("VALUE", " a, b,,c ")
    assert env.listing("VALUE") == ["a", "b", "c"]
    value.setenv("VALUE", "12")
    assert env.integer("VALUE", 1) == 12
