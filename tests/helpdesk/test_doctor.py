"""The doctor: all is well when it is, and each part that is broken is named, with what to do."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from channels_inbox import accounts, vault
from channels_inbox.models import Account, Credential, Webhook
from conversations.models import LawCheck, Role, Team, Ticket
from helpdesk import crews, heartbeats
from helpdesk.doctor import inside, laws, outside, report
from helpdesk.doctor.findings import BAD, NAMES, OK, WARNING, Finding
from helpdesk.embedded import Place, Valkey, free_port
from helpdesk.sandbox.telegram import TelegramSandbox
from helpdesk.supervisor import Child
from tests.builders import make_agent, make_cast, make_inbox, make_team, make_ticket
from tests.channels_inbox.mailing import arrive
from tests.conversations.desk import sign_in
from tests.journeys.serving import Web, serving
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is read late, as the machine stood still meanwhile, is not wrong."""
    monkeypatch.setattr(inside, "MOST_SKEW", PATIENCE)
    for name in ("MOST_SKEW", "PATIENCE"):
        monkeypatch.setattr(outside, name, PATIENCE)


@pytest.fixture
def alive() -> Iterator[None]:
    """Signs of life of every process."""
    with heartbeats.client() as server:
        server.mset(dict.fromkeys(map(heartbeats.key, heartbeats.EXPECTED), 1))
    yield
    heartbeats.forget()


@pytest.fixture
def web(settings: Settings) -> Iterator[Web]:
    """A web process at BASE_URL."""
    with serving() as served:
        settings.BASE_URL = served.url
        settings.CSRF_TRUSTED_ORIGINS = [served.url]
        yield served


def only(findings: Iterator[Finding]) -> Finding:
    [found] = list(findings)
    return found


def states(findings: list[Finding]) -> dict[str, str]:
    return {finding.part: finding.state for finding in findings}


@pytest.mark.usefixtures("alive", "web")
def test_all_is_well_where_all_is_well(settings: Settings) -> None:
    settings.LOCAL = True
    make_mailbox()
    found = states(report.examine())
    assert found == dict.fromkeys(NAMES.keys() - {"egress"}, OK), "no proxy is set"


def make_mailbox() -> Account:
    inbox = make_inbox(make_team("Support"), "Mail", kind="email")
    return Account.objects.get_or_create(inbox=inbox)[0]


# Each part, broken.


def test_it_says_which_setting_is_unsafe(settings: Settings) -> None:
    settings.LOCAL = False
    settings.SECRET_KEY = "short"
    found = list(inside.configured())
    assert {finding.state for finding in found} == {BAD}
    assert any("security.W009" in finding.said for finding in found)


def test_it_says_when_the_database_is_away() -> None:
    """As a command of its own, as its services are read once; the rest is looked at all the same."""
    away = f"postgresql://desk:secret@127.0.0.1:{free_port()}/desk"
    command = [sys.executable, "manage.py", "doctor", "--json"]
    done = subprocess.run(
        command,
        env=os.environ | {"DATABASE_URL": away, "DJANGO_SETTINGS_MODULE": "helpdesk.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    found = {one["part"]: one for one in told["findings"]}
    assert (done.returncode, told["ok"]) == (1, False)
    assert found["database"]["state"] == BAD
    assert "Start PostgreSQL" in found["database"]["do"]
    assert found["broker"]["state"] == OK
    assert "backlog" not in found
    assert "secret" not in done.stdout


def test_it_says_when_migrations_have_not_run() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'helpdesk'")
    try:
        found = only(inside.database())
        assert (found.state, found.do) == (BAD, "Run manage.py prepare.")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied)"
                " VALUES ('helpdesk', '0001_initial', now())"
            )


def test_it_says_when_the_broker_is_away(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    found = only(inside.broker())
    assert (found.state, "Start Redis" in found.do) == (BAD, True)
    assert [only(inside.workers()).state, only(inside.beat()).state] == [WARNING, WARNING]


def test_it_says_when_the_broker_forgets(settings: Settings) -> None:
    # One of this test: that of all tests is looked at by others at the same moment.
    folder = Path(os.environ["TEST_DATA_DIR"]) / f"forgets-{os.getpid()}"
    own = Valkey(Place.beside(folder), "secret", free_port(), durable=False)
    child = Child(own.prepare(), folder / "valkey.log")
    try:
        child.wait_ready(PATIENCE)
        settings.REDIS_URL = own.url
        with heartbeats.client() as server:
            server.config_set("maxmemory-policy", "allkeys-lru")
        found = only(inside.broker())
    finally:
        child.stop()
    assert (found.state, "noeviction" in found.do) == (WARNING, True)


@pytest.mark.usefixtures("alive")
def test_it_says_which_worker_is_dead() -> None:
    with heartbeats.client() as server:
        server.delete(heartbeats.key("worker-slow"))
    found = only(inside.workers())
    assert (found.state, found.do) == (
        BAD,
        "Start manage.py worker --queue slow, and keep it started.",
    )


@pytest.mark.usefixtures("alive")
def test_it_says_when_workers_do_not_keep_up(settings: Settings) -> None:
    key = f"{settings.REDIS_PREFIX}:fast"
    with heartbeats.client() as server:
        server.lpush(key, *["{}"] * (inside.MOST_WAKE_UPS + 1))
        try:
            found = only(inside.workers())
        finally:
            server.delete(key)
    assert (found.state, "start more of them" in found.do) == (BAD, True)


def test_it_says_when_beat_is_dead() -> None:
    found = only(inside.beat())
    assert (found.state, "manage.py beat" in found.do) == (BAD, True)


def test_it_says_what_waits_and_what_was_given_up() -> None:
    item = arrive(make_mailbox().inbox, b"From: kim@example.org\r\n\r\nHello")
    assert item.state == "threaded"
    old = timezone.now() - timedelta(minutes=5)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_inbox_item SET next_at = %s, state = 'waiting', ended_at = NULL",
            [old],
        )
    waiting = only(inside.backlog())
    assert (waiting.state, "Coming in" in waiting.said) == (BAD, True)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_inbox_item SET state = 'dead', reason = 'x', ended_at = now()"
        )
    dead = only(inside.backlog())
    assert (dead.state, dead.said) == (WARNING, "1 item could not be read.")


def test_it_says_when_keys_do_not_fit(settings: Settings) -> None:
    account = make_mailbox()
    vault.put(account.inbox, "password", "open sesame")
    ada = make_agent("Ada", role=Role.ADMIN)
    both = {"sealed": vault.seal("new"), "sealed_before": vault.seal("old")}
    Webhook.objects.create(agent=ada, name="Shop", url="https://x.example/", **both)
    Webhook.objects.create(agent=ada, name="Two", url="https://x.example/", sealed=vault.seal("s"))
    TOTP.activate(ada, "JBSWY3DPEHPK3PXP")
    assert only(inside.keys()).state == OK
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    found = only(inside.keys())
    assert (found.state, found.said) == (BAD, "5 stored secrets can't be opened.")


def break_storage(settings: Settings, folder: Path) -> None:
    """A file where the folder should be."""
    (folder / "file").write_text("in the way")
    storages = settings.STORAGES
    options = {"OPTIONS": {"location": folder / "file"}}
    settings.STORAGES = storages | {"default": storages["default"] | options}


def test_it_says_when_files_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    break_storage(settings, tmp_path)
    found = only(inside.storage())
    assert (found.state, "DATA_DIR" in found.do) == (BAD, True)


def test_it_says_which_mailbox_fails() -> None:
    account = make_mailbox()
    Account.objects.filter(pk=account.pk).update(error_code="sign_in", error="no")
    found = only(inside.mail(live=False))
    assert found.said == "Mail: The server refuses the sign-in. Write the password anew."
    assert (found.state, "Settings → Inboxes" in found.do) == (BAD, True)


def test_it_says_which_mailbox_is_not_read() -> None:
    account = make_mailbox()
    Account.objects.filter(pk=account.pk).update(next_pull_at=timezone.now() - timedelta(hours=1))
    assert only(inside.mail(live=False)).state == BAD


def test_it_tries_every_mailbox_when_asked_to(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True
    account = make_mailbox()
    dead = {"host": "127.0.0.1", "port": free_port(), "security": "plain"}
    Account.objects.filter(pk=account.pk).update(config=account.config | {"imap": dead})
    assert only(inside.mail(live=True)).state == BAD


def test_it_says_when_clocks_differ() -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        found = list(inside.clock())
    assert [finding.state for finding in found] == [BAD, BAD]
    assert "NTP" in found[0].do


def test_it_says_when_nobody_answers(settings: Settings) -> None:
    settings.BASE_URL = f"http://127.0.0.1:{free_port()}"
    found = only(outside.address())
    assert (found.part, found.state, "manage.py web" in found.do) == ("web", BAD, True)


def test_it_says_when_its_name_is_not_known(web: Web, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["elsewhere.example"]
    found = only(outside.address())
    assert (found.part, found.state, "ALLOWED_HOSTS" in found.do) == ("web", BAD, True)


@pytest.mark.usefixtures("web")
def test_it_says_when_web_sees_other_files(settings: Settings, tmp_path: Path) -> None:
    """A folder this process can't write to is none the web process finds the file in."""
    break_storage(settings, tmp_path)
    found = states(list(outside.address()))
    assert found == {"web": OK, "storage": BAD, "proxies": OK}


@pytest.mark.usefixtures("web")
def test_it_says_when_proxies_are_fewer_than_trusted(settings: Settings) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    found = states(list(outside.address()))
    assert found == {"web": OK, "proxies": BAD}


def test_it_says_what_proxies_keep_to_themselves(settings: Settings) -> None:
    settings.BASE_URL = "https://desk.example"
    settings.TRUSTED_PROXY_COUNT = 1
    seen = outside.Seen("inner:8000", secure=False, forwarded=2, sees_file=True, skew=0)
    said = " ".join(finding.do for finding in outside.proxies(seen))
    for word in ("TRUSTED_PROXY_COUNT", "X-Forwarded-Proto", "Host"):
        assert word in said


@contextmanager
def answering(status: int, **headers: str) -> Iterator[str]:
    """Somebody else's server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(
                    name, value.format(path=self.path, base=f"http://{self.headers['Host']}")
                )
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "part", "word"), [(502, "web", "The proxy reaches"), (200, "web", "Something else")]
)
def test_it_knows_strangers(settings: Settings, status: int, part: str, word: str) -> None:
    with answering(status) as url:
        settings.BASE_URL = url
        found = only(outside.address())
    assert (found.part, found.state, word in found.said) == (part, BAD, True)


def test_it_knows_a_page_that_leads_to_itself(settings: Settings) -> None:
    """As Django's redirect to https does, where it isn't told that it was asked by https."""
    with answering(301, Location="{base}{path}") as url:
        settings.BASE_URL = url
        found = only(outside.address())
    assert (found.part, "X-Forwarded-Proto" in found.do) == ("proxies", True)


def test_it_says_when_sockets_do_not_come_through(web: Web) -> None:
    web.blocks_sockets = True
    found = only(outside.websocket())
    assert (found.state, "Upgrade" in found.do) == (BAD, True)


def test_a_check_that_breaks_is_a_finding(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["no key at all"]
    Credential.objects.create(inbox=make_mailbox().inbox, name="password", sealed=b"x")
    [found] = report._run("keys", inside.keys)
    assert (found.part, found.state) == ("keys", BAD)


# The knock, the command, the page.


def test_only_the_doctor_is_told_what_arrives(web: Web) -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{web.url}/doctor/made-up/", timeout=30)


@pytest.mark.usefixtures("web")
def test_the_knock_is_answered_while_every_page_thread_is_at_work() -> None:
    """As with the page of health itself, which knocks, where there is one thread for pages."""
    done = threading.Event()

    async def occupy() -> None:
        await asyncio.gather(*(crews.PAGES.do(done.wait) for _ in range(crews.PAGES.size)))

    crowd = threading.Thread(target=asyncio.run, args=(occupy(),))
    crowd.start()
    try:
        assert outside.knock().host
    finally:
        done.set()
        crowd.join()


@pytest.mark.usefixtures("web")
def test_the_command_tells_people_and_ends_with_its_verdict() -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    assert ended.value.code == 1
    assert "BAD   Beat         It has given no sign of life for 20 s." in out.getvalue()
    assert "→ Start manage.py beat" in out.getvalue()


def astray() -> Ticket:
    """A ticket that waits for something else than its status says, as only a statement by hand can
    make it."""
    ticket = make_ticket(make_cast().inbox)
    Ticket.objects.filter(pk=ticket.pk).update(deadline_kind="wake")
    return ticket


def test_a_broken_law_is_told_with_its_conversation() -> None:
    assert states(list(laws.laws())) == {"laws": OK}
    ticket = astray()
    found = only(laws.laws())
    assert (found.state, found.said.partition(" ")[0]) == (BAD, "H10")
    path = f"/conversations/{ticket.conversation_id}/?ticket={ticket.pk}"
    assert [place.path for place in found.places] == [path]
    admin = make_agent("Ada", role=Role.ADMIN)
    assert f'href="{path}"' in sign_in(admin).get("/settings/health/").content.decode()
    told = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", stdout=told)
    assert path in told.getvalue()
    Ticket.objects.filter(pk=ticket.pk).update(deadline_kind="respond")
    assert states(list(laws.laws())) == {"laws": OK}


def test_what_was_found_by_night_is_told_and_an_old_look_too() -> None:
    ticket = make_ticket(make_cast().inbox)
    kept = LawCheck.objects.create(
        sort="whole", checked_at=timezone.now(), broken={"history_whole": [ticket.pk], "gone": [1]}
    )
    assert only(laws.laws()).state == BAD
    kept.broken, kept.checked_at = {}, timezone.now() - timedelta(days=3)
    kept.save()
    assert only(laws.laws()).state == WARNING


def test_whose_a_restricted_conversation_is_is_not_told() -> None:
    ticket = astray()
    Ticket.objects.filter(pk=ticket.pk).update(restriction="legal")
    [place] = only(laws.laws()).places
    assert place.label == "Restricted"


@pytest.mark.usefixtures("web")
def test_the_page_tells_the_same_to_admins() -> None:
    admin = make_agent("Ada", Team.objects.create(name="Admins"), role=Role.ADMIN)
    page = sign_in(admin).get("/settings/health/").content.decode()
    assert "It has given no sign of life for 20 s." in page
    assert "Start manage.py beat, and keep it started" in page
    assert "Going out" in page
    agent = make_agent("Ben", Team.objects.get())
    assert sign_in(agent).get("/settings/health/").status_code == 403


def test_every_account_at_a_provider_is_tried(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_HOSTS = True
    inbox = make_inbox(make_team("Support"), "Bot", kind="telegram")
    with TelegramSandbox() as sandbox:
        accounts.connect(inbox, {"way": "poll", "base_url": sandbox.url}, {"token": "wrong"})
        assert [one.state for one in inside.channels(live=False)] == ["ok"]
        [found] = inside.channels(live=True)
        assert found.state == "bad"
        assert "Bot: Sign in to Telegram: Telegram refuses the bot's token." in found.said
        accounts.connect(inbox, {"way": "poll", "base_url": sandbox.url}, {"token": sandbox.token})
        assert [one.state for one in inside.channels(live=True)] == ["ok"]
