"""Secrets of accounts: encrypted at rest, written by forms, opened only to connect."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from channels_inbox.lately import Lately
from channels_inbox.models import Credential, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conversations.models import Inbox


_tried: ContextVar[Mapping[str, str]] = ContextVar("tried", default={})  # noqa: B039 - never changed


class MissingSecret(Exception):
    """The secret was never set, or none of the configured keys opens it."""


def put(inbox: Inbox, name: str, secret: str) -> None:
    Credential.objects.update_or_create(
        inbox=inbox, name=name, defaults={"sealed": _fernet().encrypt(secret.encode())}
    )
    _LATELY.forget((inbox, name))


@contextmanager
def trying(secrets: Mapping[str, str]) -> Iterator[None]:
    """Inside, `get` answers with these first: a connection is tested before anything is saved."""
    token = _tried.set({name: secret for name, secret in secrets.items() if secret})
    try:
        yield
    finally:
        _tried.reset(token)


def get(inbox: Inbox, name: str) -> str:
    """Raises MissingSecret."""
    if name in (tried := _tried.get()):
        return tried[name]
    if inbox.pk is None:
        raise MissingSecret(name)
    row = Credential.objects.filter(inbox=inbox, name=name).first()
    if row is None:
        raise MissingSecret(name)
    return unseal(row.sealed)


def lately(inbox: Inbox, name: str) -> str:
    """The same as it was a second ago at most, for what is asked for at each knock of a crowd.
    Raises MissingSecret."""
    return _LATELY((inbox, name)) or ""


def drop(inbox: Inbox, name: str) -> None:
    Credential.objects.filter(inbox=inbox, name=name).delete()
    _LATELY.forget((inbox, name))


def has(inbox: Inbox, name: str) -> bool:
    return Credential.objects.filter(inbox=inbox, name=name).exists()


def seal(secret: str) -> bytes:
    return _fernet().encrypt(secret.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """Raises MissingSecret when none of the configured keys opens it."""
    try:
        return _fernet().decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise MissingSecret("sealed") from None


def rotate() -> int:
    """Seal every secret again under the newest key. Returns how many."""
    rows: list[Credential | Webhook] = [*Credential.objects.all(), *Webhook.objects.all()]
    for row in rows:
        row.sealed = _fernet().rotate(bytes(row.sealed))
        if isinstance(row, Webhook) and row.sealed_before is not None:
            row.sealed_before = _fernet().rotate(bytes(row.sealed_before))
            row.save(update_fields=["sealed_before"])
        row.save(update_fields=["sealed"])
    return len(rows)


def _get(place: tuple[Inbox, str]) -> str:
    return get(*place)


_LATELY: Final = Lately(_get)


def _fernet() -> MultiFernet:
    return _fernet_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
