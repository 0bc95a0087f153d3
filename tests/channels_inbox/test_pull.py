"""Reading mailboxes: every mail once, whatever breaks in between."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from channels_inbox import pulling, receive
from channels_inbox.email import accounts, pull
from channels_inbox.email.config import MailConfig
from channels_inbox.email.mailbox import FolderOnServer
from channels_inbox.models import Account, Envelope, Folder, Item, MailPlace
from conversations.models import Entry
from tests.builders import Cast
from tests.channels_inbox.mailing import connect, make_mail, make_mail_with
from tests.channels_inbox.servers import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_django.fixtures import Settings

    from tests.channels_inbox.servers import IMAPServer

pytestmark = pytest.mark.django_db


def read(cast: Cast) -> int:
    """Pull once and thread what came; how many mails were new."""
    pulled = pulling.pull(cast.inbox.pk)
    assert pulled is not None
    receive.process_waiting("slow", seconds=600)
    return pulled.new


def texts() -> list[str]:
    return list(Entry.objects.filter(kind="message").order_by("at").values_list("text", flat=True))


def hook_up(cast: Cast, config: MailConfig) -> Account:
    """Connect the mailbox and read it for the first time."""
    account = connect(cast.inbox, config, imap_password=PASSWORD)
    read(cast)
    return account


def imap_date(moment: datetime) -> str:
    return moment.strftime('"%d-%b-%Y %H:%M:%S +0000"')


def test_from_now_on_older_mail_is_never_threaded(cast: Cast, imap: IMAPServer) -> None:
    imap.append(make_mail(text="old"))
    hook_up(cast, imap.config())
    assert read(cast) == 0
    imap.append(make_mail(text="new"), flags=r"(\Seen)")
    assert (read(cast), read(cast), texts()) == (1, 0, ["new"])
    assert imap.flags() == ["", r"\Seen"]


def test_the_last_days_are_read_when_asked_for(cast: Cast, imap: IMAPServer) -> None:
    now = datetime.now(UTC)
    for days, text in ((30, "old"), (2, "two days"), (8, "eight days"), (0, "today")):
        imap.append(make_mail(text=text), at=imap_date(now - timedelta(days=days)))
    hook_up(cast, imap.config(since_days=7))
    assert sorted(texts()) == ["today", "two days"]
    skipped = MailPlace.objects.filter(skipped="older").count()
    assert skipped == 1  # the one between those wanted; what lies before them is not looked at
    pulling.ask_to_reconcile()
    assert read(cast) == 0


def test_seen_mail_is_read_like_any_other_and_stays_as_it_was(cast: Cast, imap: IMAPServer) -> None:
    hook_up(cast, imap.config())
    for number in range(6):
        imap.append(make_mail(text=str(number)), flags=r"(\Seen)" if number % 2 else "")
    assert read(cast) == 6
    assert imap.flags() == ["", r"\Seen"] * 3


@pytest.mark.parametrize(
    ("after", "inbox", "done", "flags"),
    [
        ("leave", 2, 0, ["", ""]),
        ("read", 2, 0, [r"\Seen", r"\Seen"]),
        ("move", 0, 2, []),
        ("delete", 0, 0, []),
    ],
)
def test_what_happens_afterwards_is_the_admins_choice(
    cast: Cast, imap: IMAPServer, after: str, inbox: int, done: int, flags: list[str]
) -> None:
    imap.create("Done")
    hook_up(cast, imap.config(after=after, after_folder="Done" if after == "move" else ""))
    for text in ("one", "two"):
        imap.append(make_mail(text=text))
    assert read(cast) == 2
    assert (imap.count(), imap.count("Done")) == (inbox, done)
    assert imap.flags() == flags if inbox else True
    assert MailPlace.objects.filter(filed_at=None).count() == 0


def test_killed_between_keeping_and_moving_nothing_is_lost_or_doubled(
    cast: Cast, imap: IMAPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.create("Done")
    hook_up(cast, imap.config(after="move", after_folder="Done"))
    imap.append(make_mail(text="one"))

    def die(*arguments: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(FolderOnServer, "file", die)
        with pytest.raises(SystemExit):
            pulling.pull(cast.inbox.pk)
    assert (imap.count(), Envelope.objects.count()) == (1, 1)
    Account.objects.update(lease_until=None)
    assert (read(cast), imap.count(), imap.count("Done"), texts()) == (0, 0, 1, ["one"])


def test_new_uids_for_old_mail_are_found_by_their_content(cast: Cast, imap: IMAPServer) -> None:
    imap.create("Support")
    old = datetime.now(UTC) - timedelta(days=3)
    imap.append(make_mail(text="before us"), folder="Support", at=imap_date(old))
    hook_up(cast, imap.config(folders=("Support",)))
    for text in ("one", "two", "three"):
        imap.append(make_mail(text=text), folder="Support")
    assert read(cast) == 3
    imap.deal_anew("Support")
    imap.append(make_mail(text="four"), folder="Support")
    assert read(cast) == 4
    assert texts() == ["one", "two", "three", "four"]
    states = Item.objects.values_list("state", flat=True)
    assert sorted(states) == ["duplicate"] * 3 + ["threaded"] * 4


def test_several_folders_are_read_and_a_missing_one_is_told(cast: Cast, imap: IMAPServer) -> None:
    imap.create("Shop")
    hook_up(cast, imap.config(folders=("Nowhere", "INBOX", "Shop")))
    for folder in ("INBOX", "Shop"):
        imap.append(make_mail(text=folder), folder=folder)
    read(cast)
    assert texts() == ["INBOX", "Shop"]
    account = Account.objects.get()
    assert (account.error_code, account.error) == (
        "incomplete",
        "The folder Nowhere can't be opened.",
    )


@pytest.mark.parametrize("count", [8, pytest.param(500, marks=pytest.mark.full)])
def test_a_mail_that_stops_the_parser_stops_no_other(
    cast: Cast, imap: IMAPServer, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    hook_up(cast, imap.config())
    for number in range(count):
        imap.append(make_mail(text="POISON" if number == 2 else str(number)))
    monkeypatch.setattr(receive, "MAX_ATTEMPTS", 1)
    _poison(monkeypatch)
    assert read(cast) == count
    assert texts() == [str(number) for number in range(count) if number != 2]
    [dead] = Item.objects.dead()
    assert dead.reason == "ParserKilled: mail parser stopped: cpu_time"
    monkeypatch.undo()
    receive.replay(dead, by=cast.alice)
    dead.refresh_from_db()
    assert (dead.state, texts()[-1]) == ("threaded", "POISON")
    assert dead.entry is not None
    assert dead.entry.late


def test_a_mail_over_the_limit_is_left_and_named(
    cast: Cast, imap: IMAPServer, settings: Settings
) -> None:
    hook_up(cast, imap.config(after="delete"))
    settings.MAIL_MAX_BYTES = 20_000
    imap.append(make_mail(text="x\n" * 20_000))
    imap.append(make_mail(text="small"))
    assert (read(cast), texts(), imap.count()) == (1, ["small"], 1)
    assert [place.folder.name for place in accounts.too_large(cast.inbox)] == ["INBOX"]


def test_a_large_mail_is_fetched_in_parts(cast: Cast, imap: IMAPServer) -> None:
    hook_up(cast, imap.config())
    mail = make_mail_with({"scan.bin": bytes(range(256)) * 10_000})
    imap.append(mail)
    assert read(cast) == 1
    kept = receive.body_of(Envelope.objects.get())
    assert kept.replace(b"\r\n", b"\n") == mail.replace(b"\r\n", b"\n")


def test_what_the_ledger_misses_is_found_by_the_hourly_comparison(
    cast: Cast, imap: IMAPServer
) -> None:
    hook_up(cast, imap.config())
    imap.append(make_mail(text="one"))
    imap.append(make_mail(text="two"))
    Folder.objects.update(last_uid=1000)
    assert read(cast) == 0
    pulling.ask_to_reconcile()
    assert (read(cast), Folder.objects.get().server_count) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_two_pullers_at_once_read_each_mail_once(cast: Cast, imap: IMAPServer) -> None:
    hook_up(cast, imap.config())
    for number in range(10):
        imap.append(make_mail(text=str(number)))

    def go() -> None:
        try:
            pulling.pull(cast.inbox.pk)
        finally:
            connection.close()

    _together([go, go, go])
    assert (Envelope.objects.count(), MailPlace.objects.count()) == (10, 10)


def test_a_stopped_puller_that_comes_back_gives_up(
    cast: Cast, imap: IMAPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_up(cast, imap.config())
    imap.append(make_mail())
    monkeypatch.setattr(pulling, "RENEW_EVERY", -1.0)

    def stolen(turn: pull.Turn, *arguments: object) -> bool:
        Account.objects.update(lease_epoch=99)
        return original(turn, *arguments)  # type: ignore[arg-type]

    original = pull.Turn._take
    monkeypatch.setattr(pull.Turn, "_take", stolen)
    assert pulling.pull(cast.inbox.pk) is None
    assert Envelope.objects.count() == 0


def test_a_turn_ends_in_time_and_the_next_goes_on(
    cast: Cast, imap: IMAPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_up(cast, imap.config())
    imap.append(make_mail(text="one"))
    with monkeypatch.context() as patch:
        patch.setattr(pull, "SECONDS", -1.0)
        pulled = pulling.pull(cast.inbox.pk)
    assert pulled is not None
    assert (pulled.new, pulled.more) == (0, True)
    assert (pulling.due(), read(cast)) == ([cast.inbox.pk], 1)


def test_a_wrong_password_is_said_in_plain_words_and_tried_later(
    cast: Cast, imap: IMAPServer
) -> None:
    connect(cast.inbox, imap.config(), imap_password="wrong")
    assert read(cast) == 0
    account = Account.objects.get()
    assert (account.error_code, account.error) == (
        "sign_in",
        "127.0.0.1 refuses the sign-in. Check the name and the password.",
    )
    assert pulling.due() == []
    accounts.save_account(cast.inbox, imap.config(), {"imap_password": PASSWORD})
    assert pulling.due() == [cast.inbox.pk]
    read(cast)
    assert Account.objects.get().error_code == ""


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_a_thousand_mails_through_crashes_and_new_uids_are_each_there_once(
    cast: Cast, imap: IMAPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 without a Message-ID, 20 that repeat one with other words, 50 seen by somebody else.

    Killed at every hundredth mail between keeping and filing, and once all UIDs change.
    """
    imap.create("Shop")
    hook_up(cast, imap.config(folders=("Shop",), after="read"))
    written = set()
    with imap.client() as client:
        for number in range(1000):
            name = number - 960 if number >= 980 else number
            mail = make_mail(
                text=f"mail {number}", message_id=f"<{name}@mua.example>" if number >= 20 else ""
            )
            flags = r"(\Seen)" if 100 <= number < 150 else ""
            client.append("Shop", flags, "", mail)
            written.add(f"mail {number}")
    for number in range(12):
        _pull_and_die(cast, monkeypatch, after=100)
        if number == 5:
            imap.deal_anew("Shop")
    read(cast)
    assert sorted(texts()) == sorted(written)
    assert Item.objects.filter(state="duplicate").exists()
    assert imap.flags("Shop") == [r"\Seen"] * 1000


def _pull_and_die(cast: Cast, monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """A puller that is killed once it has kept so many mails."""
    keep = pull.Turn._keep

    def counted(turn: pull.Turn, folder: Folder, uid: int, body: bytes, size: int) -> None:
        keep(turn, folder, uid, body, size)
        if turn.pulled.new >= after:
            raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(pull.Turn, "_keep", counted)
        with contextlib.suppress(SystemExit):
            pulling.pull(cast.inbox.pk)
    Account.objects.update(lease_until=None)
    receive.process_waiting("slow")


def _poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the parser's child die on one mail, as a mail nobody thought of would."""
    from channels_inbox.email.isolated import IsolatedParser, ParserKilled
    from channels_inbox.email.mail import ParsedMail

    whole = IsolatedParser.parse

    def parse(self: IsolatedParser, raw: bytes) -> ParsedMail:
        if b"POISON" in raw:
            raise ParserKilled("cpu_time")
        return whole(self, raw)

    monkeypatch.setattr(IsolatedParser, "parse", parse)


def _together(jobs: Sequence[object]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
