"""Secrets of accounts: encrypted at rest, written by forms, opened only to connect."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from channels_inbox.lately import Lately
from channels_inbox.models import Credential, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db.models import QuerySet

    from conversations.models import Inbox


_tried: ContextVar[Mapping[str, str]] = ContextVar("tried", default={})  # noqa: B039 - never changed


class MissingSecret(Exception):
    """The secret was never set, or none of the configured keys opens it."""


@dataclass
class Rotation:
    """Sealing what is stored with the newest key: how many secrets that was done to, and how many
    none of the configured keys opens."""

    anew: int = 0
    closed: int = 0

    def of(self, sealed: bytes) -> bytes | None:
        """What to store instead; None where nothing is to be done, or can be."""
        if _opens(_newest(), sealed):
            return None
        if not opens(sealed):
            self.closed += 1
            return None
        return _fernet().rotate(sealed)


def put(inbox: Inbox, name: str, secret: str) -> None:
    """Raises ValueError for an empty secret: anybody could sign with it."""
    if not secret:
        raise ValueError(name)
    Credential.objects.update_or_create(
        inbox=inbox, name=name, defaults={"sealed": _fernet().encrypt(secret.encode())}
    )
    _LATELY.forget((inbox, name))


def replace(inbox: Inbox, name: str, secret: str) -> None:
    """Another one from now on. The one before goes on working until it is stopped, so that the
    other side can change over."""
    with transaction.atomic():
        try:
            put(inbox, name_before(name), get(inbox, name))
        except MissingSecret:
            drop(inbox, name_before(name))
        put(inbox, name, secret)


def name_before(name: str) -> str:
    """The name of the one before."""
    return f"{name}_before"


def before(inbox: Inbox, name: str) -> str | None:
    """The one before, while it goes on working."""
    try:
        return get(inbox, name_before(name))
    except MissingSecret:
        return None


def has_before(inbox: Inbox, name: str) -> bool:
    return has(inbox, name_before(name))


def stop_before(inbox: Inbox, name: str) -> None:
    drop(inbox, name_before(name))


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
    if row is None or not (secret := unseal(row.sealed)):
        raise MissingSecret(name)
    return secret


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


def opens(sealed: bytes) -> bool:
    """Whether any of the configured keys does."""
    return _opens(_fernet(), sealed)


def every_sealed() -> Iterator[bytes]:
    """The secrets of accounts and webhooks as they are stored."""
    for rows, name in _places():
        yield from map(bytes, rows.values_list(name, flat=True).iterator())


def rotate(rotation: Rotation) -> None:
    """The secrets of accounts and webhooks under the newest key."""
    for rows, name in _places():
        for pk, sealed in rows.values_list("pk", name):
            # Whoever sets another one at this moment must not lose it.
            still = rows.filter(pk=pk, **{name: sealed})
            if new := rotation.of(bytes(sealed)):
                rotation.anew += still.update(**{name: new})


def _places() -> Iterator[tuple[QuerySet[Any], str]]:
    yield Credential.objects.all(), "sealed"
    yield Webhook.objects.all(), "sealed"
    # The secret before, with which calls are signed too for a day.
    yield Webhook.objects.exclude(sealed_before=None), "sealed_before"


def _get(place: tuple[Inbox, str]) -> str:
    return get(*place)


_LATELY: Final = Lately(_get)


def _opens(fernet: MultiFernet, sealed: bytes) -> bool:
    try:
        fernet.decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _newest() -> MultiFernet:
    return _fernet_of(tuple(settings.FIELD_ENCRYPTION_KEYS[:1]))


def _fernet() -> MultiFernet:
    return _fernet_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _fernet_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
