"""What comes to the API: JSON of a bounded size, from whoever holds a token."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed, ParseError
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from conversations import api_tokens
from conversations.api import limits
from conversations.errors import NotAllowed
from conversations.models import Agent, ApiToken, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conversations.api.doors import Address

MAX_BODY: Final = 1_000_000


class ApiRequest(Request):
    """A request with a token that was recognised."""

    user: Agent
    auth: ApiToken


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = _("This is larger than one megabyte. Send files apart, and less text.")


class LackingScope(NotAllowed):
    """The token's agent may, the token may not (403)."""

    code = "lacking_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(
            _("This token lacks the scope “%(scope)s”. Make one that has it.") % {"scope": scope}
        )


class LimitedJSON(BaseParser):
    """JSON up to a size: Django's own limit is for what it reads itself. A body may have been sent
    without its length. Half a character (a lone surrogate) can be neither kept nor answered."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge
        try:
            told = json.loads(body.decode(), parse_constant=_refuse)
            if b"\\ud" in body.lower():
                json.dumps(told, ensure_ascii=False).encode()
            return told
        except (ValueError, RecursionError) as error:
            raise ParseError(_("The body is no JSON that can be read.")) from error


def _refuse(name: str) -> None:
    """JSON knows no NaN and no Infinity, and neither does PostgreSQL's."""
    raise ValueError(name)


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer desk_…`, and nothing else: a cookie opens nothing here, so there is
    nothing another site could make a browser do."""

    def authenticate(self, request: Request) -> tuple[Agent, ApiToken] | None:
        given = request.META.get("HTTP_AUTHORIZATION", "")
        if not given:
            return None
        kind, _space, secret = given.partition(" ")
        token = api_tokens.recognised(secret.strip()) if kind.lower() == "bearer" else None
        if token is None:
            limits.count_refused(request)
            raise AuthenticationFailed(
                _("This token is unknown, too old, or was revoked. Make a new one in the settings.")
            )
        return token.agent, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """Whether the token reaches as far as what is asked for. What its agent may see and do is
    decided by loading, as everywhere."""

    def has_permission(self, request: Request, view: Address) -> bool:  # type: ignore[override]
        if not isinstance(request.auth, ApiToken):
            return False
        door = view.door_of(request)
        if door and door.scope not in request.auth.scopes:
            raise LackingScope(door.scope)
        return True


def may_see_addresses(request: ApiRequest) -> bool:
    """Mail addresses of colleagues are for admins, and only where their token says so."""
    return request.user.is_admin and Scope.PEOPLE in request.auth.scopes


FORM: Final = MultiPartParser
