"""Checks of what this process reaches by itself: database, broker, signs of life, keys, files."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis import RedisError

from channels_inbox import guard, vault
from channels_inbox.models import Account
from channels_inbox.pages.health import notices, trouble
from channels_inbox.registry import adapter
from helpdesk import health, heartbeats
from helpdesk.accounts import sealed_factors
from helpdesk.doctor.findings import Finding, bad, warn, well
from helpdesk.metrics import readings

OLDEST_POSTGRES: Final = 150000
MOST_WAKE_UPS: Final = 2000
MOST_SKEW: Final = 2.0
LEAST_FREE: Final = 0.10
MOST_HOSTS: Final = 5
PROXY_SECONDS: Final = 5.0
OVERDUE_PULL: Final = timedelta(minutes=20)


def configured() -> Iterator[Finding]:
    """What Django's own checks say; those for deployment too, unless it is a private copy."""
    found = checks.run_checks(include_deployment_checks=not settings.LOCAL)
    serious = [one for one in found if one.level >= checks.WARNING and not one.is_silenced()]
    for one in serious:
        yield bad("settings", f"{one.id}: {one.msg}", one.hint or "")
    if not serious:
        yield well("settings", _("Nothing to complain about."))


def database() -> Iterator[Finding]:
    """Commits a row, then looks at what the server is and whether the tables are ours."""
    faults, _oldest = health.probe()
    if faults:
        yield bad(
            "database",
            _("It doesn't keep what it is given: %(fault)s.") % {"fault": faults["database"]},
            _("Start PostgreSQL, check DATABASE_URL, its disk and whether it is read-only."),
        )
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        version = int(cursor.fetchone()[0])
    if version < OLDEST_POSTGRES:
        yield bad(
            "database",
            _("PostgreSQL %(version)s is too old.") % {"version": version // 10000},
            _("Use PostgreSQL 15 or newer."),
        )
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield bad(
            "database",
            ngettext(
                "%(count)s migration has not been run.",
                "%(count)s migrations have not been run.",
                len(missing),
            )
            % {"count": len(missing)},
            _("Run manage.py prepare."),
        )
    else:
        said = _("PostgreSQL %(version)s keeps what it is given.") % {"version": version // 10000}
        yield well("database", said)


def broker() -> Iterator[Finding]:
    """Whether Redis answers, takes writes, and would rather refuse than forget."""
    key = f"{settings.REDIS_PREFIX}:doctor"
    try:
        with heartbeats.client() as server:
            server.set(key, 1, ex=10)
            policy = _policy(server)
    except RedisError as error:
        yield bad(
            "broker",
            _("Redis doesn't take what it is given: %(error)s.") % {"error": _short(error)},
            _("Start Redis or Valkey; check REDIS_URL and its memory. Nothing is lost meanwhile."),
        )
        return
    if policy not in ("", "noeviction"):
        yield warn(
            "broker",
            _("It throws things away when its memory is full (%(policy)s).") % {"policy": policy},
            _("Set maxmemory-policy to noeviction, or wake-ups get lost and cost seconds."),
        )
    else:
        yield well("broker", _("It answers and takes what it is given."))


def workers() -> Iterator[Finding]:
    """Signs of life of both sorts of workers, and whether their wake-ups pile up."""
    ill, missing = False, _missing()
    if missing is None:
        yield _untold("workers")
        return
    waiting = _wake_ups()
    for queue in heartbeats.QUEUES:
        if f"worker-{queue}" in missing:
            ill = True
            yield bad(
                "workers",
                _("No worker of the queue “%(queue)s” has given a sign of life for %(seconds)s s.")
                % {"queue": queue, "seconds": heartbeats.LASTS},
                _("Start manage.py worker --queue %(queue)s, and keep it started.")
                % {"queue": queue},
            )
        elif waiting.get(queue, 0) > MOST_WAKE_UPS:
            ill = True
            yield bad(
                "workers",
                _("%(count)s wake-ups wait in the queue “%(queue)s”.")
                % {"count": waiting[queue], "queue": queue},
                _("Its workers live but don't keep up: start more of them, or restart them."),
            )
    if not ill:
        yield well("workers", _("Fast and slow ones are alive."))


def beat() -> Iterator[Finding]:
    """The clock that wakes the workers."""
    missing = _missing()
    if missing is None:
        yield _untold("beat")
    elif "beat" in missing:
        yield bad(
            "beat",
            _("It has given no sign of life for %(seconds)s s.") % {"seconds": heartbeats.LASTS},
            _("Start manage.py beat, and keep it started: without it nothing is pulled or woken."),
        )
    else:
        yield well("beat", _("It is alive."))


def backlog() -> Iterator[Finding]:
    """Whether something waits for longer than it should, or was given up."""
    now, found = timezone.now(), False
    for queue in readings.queues():
        if queue.oldest_at and now - queue.oldest_at > health.OVERDUE:
            found = True
            yield bad(
                "backlog",
                _("%(queue)s: the oldest has been waiting for %(seconds)s s.")
                % {"queue": queue.label, "seconds": round((now - queue.oldest_at).total_seconds())},
                _("See above whether workers live; if they do, start more of them."),
            )
    if dead := readings.dead_items():
        found = True
        yield warn(
            "backlog",
            ngettext(
                "%(count)s item could not be read.", "%(count)s items could not be read.", dead
            )
            % {"count": dead},
            _("Look at Settings → Nothing lost: try them again or discard them."),
        )
    if not found:
        yield well("backlog", _("Nothing waits for long, nothing was given up."))


def keys() -> Iterator[Finding]:
    """Whether FIELD_ENCRYPTION_KEYS open every secret that is stored."""
    closed = sum(not vault.opens(one) for one in chain(vault.every_sealed(), sealed_factors()))
    if closed:
        yield bad(
            "keys",
            ngettext(
                "%(count)s stored secret can't be opened.",
                "%(count)s stored secrets can't be opened.",
                closed,
            )
            % {"count": closed},
            _("Add the key they were sealed with to FIELD_ENCRYPTION_KEYS, or write them anew."),
        )
    else:
        yield well("keys", _("They open every stored secret."))


def storage() -> Iterator[Finding]:
    """Writes a file, reads it, removes it; looks at the room that is left."""
    word = uuid4().hex
    try:
        name = default_storage.save(f"doctor/{word}", ContentFile(word.encode()))
        with default_storage.open(name) as file:
            same = file.read() == word.encode()
        default_storage.delete(name)
    except OSError as error:
        yield bad(
            "storage",
            _("Files can't be written: %(error)s.") % {"error": error.strerror or _short(error)},
            _("Check DATA_DIR: whether it is there, ours to write, and not full."),
        )
        return
    if not same:
        yield bad("storage", _("What is read is not what was written."), _("Check the disk."))
    elif (free := _free()) < LEAST_FREE:
        yield warn(
            "storage",
            _("Only %(percent)s %% of the disk is free.") % {"percent": round(100 * free)},
            _("Make room, before mail and files can't be taken in."),
        )
    else:
        yield well("storage", _("Files are written and read back."))


def mail(live: bool) -> Iterator[Finding]:
    """Every open mailbox: what was noted at the last try, and with `live` a try now."""
    accounts = list(
        Account.objects.filter(inbox__is_active=True, inbox__kind="email").select_related("inbox")
    )
    ill = False
    for account in accounts:
        if said := _account_trouble(account, live):
            ill = True
            yield bad(
                "mail",
                f"{account.inbox}: {said}",
                _("Open the inbox in Settings → Inboxes and use “Test connection”."),
            )
    if not accounts:
        yield warn("mail", _("No mailbox is connected."), _("Add one in Settings → Inboxes."))
    elif not ill:
        count = len(accounts)
        said = ngettext("%(n)s mailbox works.", "%(n)s mailboxes work.", count) % {"n": count}
        yield well("mail", said)


def channels(live: bool) -> Iterator[Finding]:
    """Every other inbox: what was noted at the last try, and with `live` what a try says now; and
    what stands still or soon will."""
    open_ones = Account.objects.filter(inbox__is_active=True).exclude(inbox__kind="chat")
    accounts = list(open_ones.select_related("inbox__gate"))
    ill = False
    for account in accounts:
        told = notices(account)
        said = _account_trouble(account, live) if account.inbox.kind != "email" else ""
        if said and said not in told:
            told.insert(0, said)
        for said in told:
            ill = True
            yield bad("channels", f"{account.inbox}: {said}", _("Open it in Settings → Inboxes."))
    if not ill:
        yield well("channels", _("Everything passes in and out."))


def egress() -> Iterator[Finding]:
    """The proxy all HTTP goes by, and whether it leads to the providers that are connected."""
    if not settings.EGRESS_PROXY:
        return
    accounts = Account.objects.filter(inbox__is_active=True, config__has_key="base_url")
    told = "EGRESS_PROXY: %s"
    try:
        guard.try_proxy()
        for url in sorted({one.config["base_url"] for one in accounts})[:MOST_HOSTS]:
            guard.request("GET", url, {}, seconds=PROXY_SECONDS)
    except (OSError, guard.HTTPFailed) as error:
        do = _("Start the proxy or let it lead there: meanwhile nothing goes out past it.")
        yield bad("egress", told % error, do)
    else:
        yield well("egress", _("The proxy leads where it should."))


def clock() -> Iterator[Finding]:
    """This machine's clock beside those of the database and of Redis."""
    ill = False
    for whose, skew in _skews():
        if abs(skew) > MOST_SKEW:
            ill = True
            yield bad(
                "clock",
                _("This machine and %(whose)s are %(seconds)s s apart.")
                % {"whose": whose, "seconds": round(abs(skew), 1)},
                _("Set all clocks by the network (NTP), such as with chrony."),
            )
    if not ill:
        yield well("clock", _("They agree."))


def _account_trouble(account: Account, live: bool) -> str:
    if live:
        failed = [one for one in adapter(account.inbox.kind).check(account) if not one.ok]
        return f"{failed[0].what}: {failed[0].detail}" if failed else ""
    if said := trouble(account):
        return said
    reads = getattr(adapter(account.inbox.kind), "has_history", True)
    due = account.next_pull_at if reads else None
    if due and timezone.now() - due > OVERDUE_PULL:
        return _("it has not been read for a long time.")
    return ""


def _skews() -> Iterator[tuple[str, float]]:
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float")
        yield _("the database"), cursor.fetchone()[0] - (before + time.time()) / 2
    # What is wrong with Redis is said by another check.
    with suppress(RedisError), heartbeats.client() as server:
        before = time.time()
        seconds, micro = server.time()
        yield _("Redis"), seconds + micro / 1e6 - (before + time.time()) / 2


def _missing() -> list[str] | None:
    try:
        return heartbeats.missing()
    except RedisError:
        return None


def _untold(part: str) -> Finding:
    return warn(
        part,
        _("Nobody can tell while Redis doesn't answer."),
        _("See to the broker first, then ask again."),
    )


def _wake_ups() -> dict[str, int]:
    try:
        return heartbeats.wake_ups()
    except RedisError:
        return {}


def _policy(server: object) -> str:
    # Hosted servers often keep their configuration to themselves.
    with suppress(RedisError):
        found = server.config_get("maxmemory-policy")  # type: ignore[attr-defined]
        return str(found.get("maxmemory-policy", ""))
    return ""


def _free() -> float:
    try:
        usage = shutil.disk_usage(os.path.dirname(default_storage.path("x")))
    except (NotImplementedError, OSError):
        return 1.0
    return usage.free / usage.total


def _short(error: Exception) -> str:
    return type(error).__name__
