"""Every refusal as problem details (RFC 9457): what happened, what to do, and a code for programs.

Beside `type`, `title`, `status` and `detail` there are `code`; `errors` where values don't fit; and
with `stale_context` the `head` to name next and the `newer` entries to read before, for a token
that may read.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.response import Response

from conversations.errors import DomainError, StaleContext
from conversations.middleware import status_of
from conversations.models import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

CONTENT_TYPE: Final = "application/problem+json"
TYPE: Final = "urn:helpdesk:problem:"


class InvalidField(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Its path: `cc.0` is the first of `cc`.")
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """Problem details (RFC 9457). `errors` only where values don't fit."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = InvalidField(many=True, required=False)  # type: ignore[assignment]


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """As DRF asks for it: never None, so that nothing ends in a page for people."""
    status, code, detail = _told(error)
    problem: dict[str, Any] = {
        "type": f"{TYPE}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **_more(error, context),
    }
    return Response(problem, status=status, headers=_headers(error), content_type=CONTENT_TYPE)


def _told(error: Exception) -> tuple[int, str, str]:
    """Status, code, and the sentence."""
    if isinstance(error, DomainError):
        return status_of(error), error.code, str(error.message)
    if isinstance(error, exceptions.ValidationError):
        return 422, "invalid", _("Some values don't fit. See “errors”.")
    if isinstance(error, exceptions.MethodNotAllowed):
        return 405, "method_not_allowed", str(error.detail)
    if isinstance(error, exceptions.APIException):
        return error.status_code, _code(error), str(error.detail)
    if isinstance(error, Http404):
        return 404, "not_found", _("There is nothing here that this token may see.")
    if isinstance(error, PermissionDenied):
        return 403, "not_allowed", _("You may not do this.")
    if isinstance(error, RequestDataTooBig):
        return 413, "too_large", _("This is too large.")
    if isinstance(error, SuspiciousOperation):
        return 400, "bad_request", _("This request can't be read.")
    log.exception("api_failed", exc_info=error)
    return 500, "failed", _("Something broke on our side. Nothing was changed. Try again later.")


def _code(error: exceptions.APIException) -> str:
    """DRF's own words, where they say what we would."""
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return "not_authenticated"
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _more(error: Exception, context: dict[str, Any]) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {"errors": list(_errors(error.detail, ""))}
    if isinstance(error, StaleContext):
        from conversations.api.entries import EntryOut, told

        reads = Scope.READ in context["request"].auth.scopes
        newer: Any = told(error.newer) if reads else []
        return {"head": error.head, "newer": EntryOut(newer, many=True).data}
    return {}


def _errors(detail: Any, path: str) -> Iterator[dict[str, str]]:
    """A tree of messages as a list of (path, message)."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from _errors(inner, ".".join(filter(None, (path, step))))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _errors(inner, path)
    else:
        yield {"field": path, "detail": str(detail)}


def _headers(error: Exception) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if bearer := getattr(error, "auth_header", ""):
        headers["WWW-Authenticate"] = bearer
    return headers
