"""Asking the owner of an address that was typed in a chat whether it is theirs.

Until they say so it is a claim: nothing goes there but this question, in fixed words, and seldom.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.core import signing
from django.db import connection, transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from channels_inbox.base import Letter, SendError, SendUnknown
from channels_inbox.chat import payload
from channels_inbox.chat.models import AddressCheck, Visitor
from channels_inbox.registry import adapter
from conversations.thread import database_now
from conversations.wake import wake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from conversations.models import Identity

log = structlog.get_logger(__name__)

SALT: Final = "chat-address"
VALID_FOR: Final = timedelta(days=3)
LIMITS: Final = ((timedelta(hours=1), 3), (timedelta(days=1), 5))
MAX_ATTEMPTS: Final = 4
TASK: Final = "channels_inbox.chat_letters"

# The claim is committed before the letter is handed over, with the time of the next try.
CLAIM: Final = """
UPDATE channels_inbox_addresscheck
SET attempts = attempts + 1, due_at = clock_timestamp() + interval '2 minutes'
WHERE id = (
  SELECT id FROM channels_inbox_addresscheck WHERE due_at <= clock_timestamp()
  ORDER BY due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
) RETURNING id
"""


def ask(visitor: Visitor, email: str) -> None:
    """Have a question sent to the address, unless it has had enough of them. Who asks is not told
    which; the claim itself is kept. Nobody is asked for a visitor who has not written yet."""
    email = email.lower()
    Visitor.objects.filter(pk=visitor.pk).update(email=email)
    if visitor.identity_id is None:
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"check:{email}"])
        now = database_now()
        if not _asked_too_often(email, now):
            AddressCheck.objects.create(visitor=visitor, email=email, made_at=now, due_at=now)
            wake(TASK)


def ask_who_named_one(family: Sequence[Identity]) -> None:
    """An answer waits for an address: ask at the last one the visitor named, once."""
    named = Visitor.objects.filter(identity__in=family).exclude(email="").order_by("-here_at")
    visitor = named.first()
    if visitor and not visitor.checks.filter(email=visitor.email.lower()).exists():
        ask(visitor, visitor.email)


def send_due() -> int:
    """Send the questions that wait. Returns how many were tried."""
    tried = 0
    while (check := _claim()) is not None:
        _send(check)
        tried += 1
    return tried


def link_of(check: AddressCheck) -> str:
    """Where its owner says that the address is theirs: our signature over a random name."""
    told = signing.TimestampSigner(salt=SALT).sign(check.public_id)
    return settings.BASE_URL + reverse("chat:confirm", args=[told])


def of_link(told: str) -> AddressCheck | None:
    """The question a link was made for, while it holds."""
    try:
        public_id = signing.TimestampSigner(salt=SALT).unsign(told, max_age=VALID_FOR)
    except signing.BadSignature:
        return None
    return (
        AddressCheck.objects.select_related("visitor__inbox", "visitor__identity")
        .filter(public_id=public_id)
        .first()
    )


def _claim() -> AddressCheck | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM)
        row = cursor.fetchone()
    rows = AddressCheck.objects.select_related("visitor__inbox__goes_on_by")
    return rows.get(pk=row[0]) if row else None


def _send(check: AddressCheck) -> None:
    """One that can't be sent is given up after some tries: the visitor can ask again."""
    inbox = check.visitor.inbox.goes_on_by
    try:
        if inbox is not None and inbox.is_active:
            adapter(inbox.kind).write(inbox, _letter(check))
    except SendUnknown as error:
        log.info("check_perhaps_sent", check=check.pk, error=str(error))
    except SendError as error:
        log.info("check_not_sent", check=check.pk, error=error.code)
        if not error.permanent and check.attempts < MAX_ATTEMPTS:
            return
    AddressCheck.objects.filter(pk=check.pk).update(due_at=None)


def _letter(check: AddressCheck) -> Letter:
    language = check.visitor.language[:2]
    known = language and translation.check_for_language(language)
    shop = payload.shop(check.visitor.inbox)
    with translation.override(language if known else translation.get_language()):
        subject = _("Is this your address?")
        text = _(
            "Somebody gave this address in the chat of %(shop)s, to get the answer by mail.\n\n"
            "If that was you, open this page and say so:\n%(link)s\n\n"
            "If it was not you, do nothing: no answer will come here."
        ) % {"shop": shop, "link": link_of(check)}
    return Letter(check.email, subject, text)


def _asked_too_often(email: str, now: datetime) -> bool:
    return any(
        AddressCheck.objects.filter(email=email, made_at__gt=now - span).count() >= most
        for span, most in LIMITS
    )
