"""A change that may be asked for again: `Idempotency-Key` names it, and it happens once.

Key and answer are written in the transaction of the change, so after a crash there are both or
neither. Of two at once the second waits for the first. A refusal keeps nothing: after it the same
key may come with something else.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext_lazy as _
from psycopg.errors import LockNotAvailable
from rest_framework.response import Response

from conversations.api_tokens import KEYS_KEPT
from conversations.errors import BadInput, DomainError, StaleOwner
from conversations.models import ApiToken, IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.api.requests import ApiRequest

HEADER: Final = "Idempotency-Key"
KEY: Final = re.compile(r"[ -~]{1,255}")
WAITS: Final = "3s"

# The index makes the second of two wait until the first has committed or is gone. A key that is too
# old is taken over as if it had been swept. In no other case there is a row.
BEGIN = """
INSERT INTO conversations_idempotencykey AS kept (token_id, key, digest, status, body)
VALUES (%s, %s, %s, 0, '')
ON CONFLICT (token_id, key) DO UPDATE
SET digest = excluded.digest, status = 0, body = '', made_at = statement_timestamp()
WHERE kept.made_at < statement_timestamp() - make_interval(secs => %s)
RETURNING id
"""


class KeyMissing(DomainError):
    """What makes something is only done for a request that can be told from its repetition."""

    code = "key_missing"
    message = _(
        "Send an Idempotency-Key header of 1 to 255 plain characters, a new one for each new "
        "message: then sending the request again never makes a second one."
    )


class KeyReused(BadInput):
    """(422)"""

    code = "key_reused"
    message = _("This Idempotency-Key was used for another request. Take a new one.")


class InProgress(StaleOwner):
    """(409)"""

    code = "in_progress"
    message = _("The same request is being worked on. Ask again in a few seconds.")


def once(request: ApiRequest, act: Callable[[], Response], *, needs_key: bool) -> Response:
    """`act` in a transaction, or what it answered the first time."""
    key = request.headers.get(HEADER, "").strip()
    if (key or needs_key) and not KEY.fullmatch(key):
        raise KeyMissing
    with transaction.atomic():
        if not key:
            return act()
        kept = _begin(request.auth, key, digest := _digest(request))
        if kept is None:
            return _replayed(request.auth, key, digest)
        response = act()
        body = json.dumps(response.data, default=str)
        IdempotencyKey.objects.filter(pk=kept).update(status=response.status_code, body=body)
        return response


def _begin(token: ApiToken, key: str, digest: str) -> int | None:
    """The row's id; None when the request was answered before."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{WAITS}'")
            cursor.execute(BEGIN, [token.pk, key, digest, KEYS_KEPT.total_seconds()])
            row = cursor.fetchone()
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise InProgress from error
        raise
    return row[0] if row else None


def _replayed(token: ApiToken, key: str, digest: str) -> Response:
    kept = IdempotencyKey.objects.get(token=token, key=key)
    if kept.digest != digest:
        raise KeyReused
    headers = {"Idempotency-Replayed": "true"}
    return Response(json.loads(kept.body), status=kept.status, headers=headers)


def _digest(request: ApiRequest) -> str:
    told: Any = [request.method, request.get_full_path(), request.data]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=_told).encode()).hexdigest()


def _told(value: object) -> str:
    """Of a file its bytes too: another one may be called the same."""
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return f"{value.name} {digest.hexdigest()}"
