"""One address of the API, and the doors behind its methods.

A door is a plain function: it loads with `permissions.py`, calls one verb or read, and answers with
rows or values. What it takes and gives is declared beside it; from the same words the checks are
made here and the schema in `schema.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.openapi import AutoSchema
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from conversations.api import idempotency, limits, paging, problems, requests
from conversations.models import Scope

if TYPE_CHECKING:
    from rest_framework.request import Request

    from conversations.api.requests import ApiRequest

Work = Callable[..., Any]
Shape = type[Serializer[Any]]


@dataclass(frozen=True)
class Given:
    """A value with a status of its own."""

    value: Any
    status: int


@dataclass(frozen=True)
class Door:
    """`takes` is the body or, of a read, the query; `gives` the answer (None: a file), `or_status`
    another status it may come with; `needs_key` whether it makes something, so that only a request
    with a key may be repeated."""

    work: Work
    scope: str
    takes: Shape | None
    gives: Shape | None
    status: int
    or_status: int
    paged: bool
    needs_key: bool
    parser: type[BaseParser]

    @property
    def is_read(self) -> bool:
        return self.scope == Scope.READ


def door(
    scope: str = Scope.READ,
    *,
    takes: Shape | None = None,
    gives: Shape | None = None,
    status: int = 200,
    or_status: int = 0,
    paged: bool = False,
    needs_key: bool = False,
    parser: type[BaseParser] = requests.LimitedJSON,
) -> Callable[[Work], Door]:
    def made(work: Work) -> Door:
        return Door(work, scope, takes, gives, status, or_status, paged, needs_key, parser)

    return made


class WholeFile(JSONRenderer):
    """For whoever asks for a file's bytes by their kind. Those are answered as they are; what comes
    through here is a refusal."""

    media_type = "application/octet-stream"
    format = "file"


class Address(APIView):
    """Who may come, how often, and in which words refusals are told."""

    authentication_classes = [requests.BearerToken]
    permission_classes = [requests.HasScope]
    throttle_classes = [limits.PerToken]
    schema = AutoSchema()
    doors: ClassVar[dict[str, Door]] = {}

    def door_of(self, request: Request) -> Door | None:
        method = str(request.method).lower()
        return self.doors.get("get" if method == "head" else method)

    def get_parsers(self) -> list[BaseParser]:
        here = self.door_of(self.request) if getattr(self, "request", None) else None
        return [here.parser() if here else requests.LimitedJSON()]

    def get_renderers(self) -> list[BaseRenderer]:
        here = self.door_of(self.request) if getattr(self, "request", None) else None
        return [JSONRenderer(), WholeFile()] if here and here.gives is None else [JSONRenderer()]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return problems.answer


class Nowhere(Address):
    """Whatever else is asked for."""

    authentication_classes = []
    permission_classes = []
    schema = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


def at(**doors: Door) -> Any:
    """The view of an address: `at(get=listing, post=create)`."""
    methods = {name: _method(one) for name, one in doors.items()}
    words = {"doors": doors, "http_method_names": [*doors, "head"], **methods}
    return type("At", (Address,), words).as_view()  # type: ignore[attr-defined]


def _method(one: Door) -> Callable[..., HttpResponseBase]:
    from conversations.api.schema import described

    def method(self: Address, request: ApiRequest, **path: Any) -> HttpResponseBase:
        return answered(one, request, path)

    method.__doc__ = one.work.__doc__
    return described(one, method)


def answered(one: Door, request: ApiRequest, path: dict[str, Any]) -> HttpResponseBase:
    """Check what was sent, work, and tell it."""
    told = [_checked(one.takes, request)] if one.takes else []
    act = partial(_act, one, request, path, told)
    if one.is_read:
        return act()
    return idempotency.once(request, act, needs_key=one.needs_key)  # type: ignore[arg-type]


def _act(
    one: Door, request: ApiRequest, path: dict[str, Any], told: list[dict[str, Any]]
) -> HttpResponseBase:
    made = one.work(request, *told, **path)
    if isinstance(made, HttpResponseBase):
        return made
    given = made if isinstance(made, Given) else Given(made, one.status)
    headers = {"Cache-Control": "no-store"}
    return Response(_shown(one, request, given.value), status=given.status, headers=headers)


def _shown(one: Door, request: ApiRequest, value: Any) -> Any:
    if one.gives is None:
        return None
    context = {"request": request}
    if not one.paged:
        return one.gives(value, context=context).data
    rows = one.gives(value.results, many=True, context=context).data
    return {"results": rows, "next": paging.address(request, value.next)}


def _checked(shape: Shape, request: ApiRequest) -> dict[str, Any]:
    """Raises ValidationError."""
    data = request.query_params if request.method in ("GET", "HEAD") else request.data
    taken = shape(data=data, context={"request": request}, partial=request.method == "PATCH")
    taken.is_valid(raise_exception=True)
    values: dict[str, Any] = taken.validated_data
    return values
