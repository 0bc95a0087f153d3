"""What the API is, as OpenAPI, and a page that shows it: made from the words of the doors."""

from __future__ import annotations

import inspect
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers

from conversations.api import idempotency
from conversations.api.problems import Problem
from conversations.models import (
    DeliveryState,
    FileState,
    HeldState,
    IdentityKind,
    Kind,
    OfferState,
    PromiseState,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from conversations.api.doors import Door

PROBLEM = (Problem, "application/problem+json")
INTRODUCTION = """
Everything the desk does with conversations, for programs. Make a token in the desk under
Settings → API tokens and send it as `Authorization: Bearer desk_…`. It stands for an agent: it sees
and may do what they may, within its scopes `read`, `write`, `send` (messages to customers) and
`people` (mail addresses of colleagues, for admins).

**Ids** are those of the desk's own addresses. A customer has the id of their conversation. Ids of
customers that were joined answer with the live one for ever.

**Lists** come in pages of up to 50 with `next`, the address of the following one or null.

**Catching up**: read `entries/` once and keep `head`; then ask `entries/?since=<head>` as often as
you like. Every change is there once, in order; keep the new `head`.

**Nobody answers on stale context**: a reply names the head its author has read. If somebody wrote
or took over since, it is refused (409) with what is newer. (A token without `read` is told the
head only.) The `head` in the answer to a reply is for your next reply: catch up from the one you
had.

**Handing over** is an offer: whoever makes it answers for the ticket until somebody accepts, with
what they have read (`seen_head`) and what they take to come next.

**Nothing twice**: what makes something wants an `Idempotency-Key`; an upload may come without. The
same request with the same key is answered as the first time, for 24 hours; after a refusal the key
is free again.

**Refusals** are problem details (RFC 9457) with a `code`: `not_authenticated` 401, `not_allowed`
and `lacking_scope` 403, `not_found` 404, `stale_context`, `stale_owner`, `offer_over`,
`promise_over`, `promises_open`, `reset`, `claimed_address`, `window_closed` and `in_progress` 409,
`invalid`, `bad_input`, `not_reachable` and `key_reused` 422, `key_missing` 400, `too_large` 413,
`throttled` 429 with `Retry-After`, `failed` 500.
"""
SETTINGS = {
    "TITLE": "Helpdesk API",
    "VERSION": "1",
    "DESCRIPTION": INTRODUCTION.strip(),
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "OAS_VERSION": "3.1.0",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "EntryKindEnum": Kind.choices,
        "AddressKindEnum": [str(IdentityKind.EMAIL), str(IdentityKind.PHONE)],
        "AuthorKindEnum": ["customer", "agent", "bot", "system"],
        "DeliveryStateEnum": DeliveryState.choices,
        "FileStateEnum": FileState.choices,
        "HeldStateEnum": HeldState.choices,
        "OfferStateEnum": OfferState.choices,
        "PromiseStateEnum": PromiseState.choices,
        "StatusEnum": Status.choices,
    },
}
KEY = "An own word for this request, so that sending it again never does it twice."


class Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "conversations.api.requests.BearerToken"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def described(one: Door, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method with what the schema says about it."""
    noun = one.work.__module__.rpartition(".")[2]
    words = inspect.cleandoc(one.work.__doc__ or "")
    summary, _gap, _rest = words.partition("\n")
    return extend_schema(
        operation_id=f"{noun}_{one.work.__name__}",
        summary=summary.rstrip("."),
        description=f"{words}\n\nScope: `{one.scope}`.",
        responses=_answers(one),
        **_wanted(one),
    )(method)


def _wanted(one: Door) -> dict[str, Any]:
    """The query of a read; the body and the key of a change."""
    if one.is_read:
        return {"parameters": [one.takes] if one.takes else [], "request": None}
    parameter = OpenApiParameter(
        idempotency.HEADER,
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
        OpenApiParameter.HEADER,
        required=one.needs_key,
        description=KEY,
    )
    return {"parameters": [parameter], "request": one.takes}


def _answers(one: Door) -> dict[Any, Any]:
    good = (one.status, "application/json")
    answers: dict[Any, Any] = {good: one.gives}
    if one.gives is None:
        answers = {(one.status, "application/octet-stream"): OpenApiTypes.BINARY}
    elif one.paged:
        answers[good] = _page_of(one.gives)
    if one.or_status:
        answers[(one.or_status, "application/json")] = one.gives
    return answers | {("default", PROBLEM[1]): PROBLEM[0]}


@cache
def _page_of(shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    return inline_serializer(
        f"{shape.__name__.removesuffix('Out')}Page",
        {"results": shape(many=True), "next": serializers.URLField(allow_null=True)},
    )


@cache
def document() -> bytes:
    """The schema, made once in a process: it costs a second, and anybody may ask for it."""
    with patched_settings(SETTINGS), translation.override("en"):
        found = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return json.dumps(found, default=str).encode()


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/vnd.oai.openapi+json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The schema as a page on which doors can be tried; all of it served from here."""
    return render(request, "api_tokens/docs.html")
