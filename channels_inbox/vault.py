"""Secrets of accounts: encrypted at rest, written by forms, opened only to connect."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from channels_inbox.models import Credential

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
    try:
        return _fernet().decrypt(bytes(row.sealed)).decode()
    except InvalidToken:
        raise MissingSecret(name) from None


def drop(inbox: Inbox, name: str) -> None:
    Credential.objects.filter(inbox=inbox, name=name).delete()


def has(inbox: Inbox, name: str) -> bool:
    return Credential.objects.filter(inbox=inbox, name=name).exists()


def rotate() -> int:
    """Seal every secret again under the newest key. Returns how many."""
    rows = list(Credential.objects.all())
    for row in rows:
        row.sealed = _fernet().rotate(bytes(row.sealed))
        row.save(update_fields=["sealed"])
    return len(rows)


def _fernet() -> MultiFernet:
    return _fernet_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
