"""The doors that machines and visitors' windows knock at, and their short way in.

They know nobody by a cookie, so there is no session, no form's token, no signed-in agent and no
page's language on their way: a view among them that asks for one fails. Whoever comes proves
themselves in the view, by a signature or a token in a header.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import JsonResponse
from django.urls import Resolver404, include, path
from django.urls.resolvers import RegexPattern, URLResolver
from django.utils.module_loading import import_string

from channels_inbox.chat.urls import doors as chat_doors
from conversations.errors import DomainError
from conversations.middleware import status_of
from helpdesk.doctor import outside

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.urls import ResolverMatch, URLPattern

    Answer = Callable[[HttpRequest], HttpResponseBase]

PREFIXES: Final = ("/hooks/", "/w/", "/doctor/")
PATTERNS: Final[list[URLPattern | URLResolver]] = [
    path("hooks/", include("channels_inbox.urls")),
    *chat_doors,
    # The page of the desk's health knocks here, and may have the only thread of pages.
    path("doctor/<str:token>/", outside.knocked),
]
# Nothing here is a page: a browser that was made to open one runs and loads nothing.
POLICY: Final = "default-src 'none'; frame-ancestors 'none'"

_RESOLVER: Final = URLResolver(RegexPattern(r"^/"), PATTERNS)


def find(path_info: str) -> ResolverMatch | None:
    """The door at this path; None for everything else, which is a page."""
    return _found(path_info) if path_info.startswith(PREFIXES) else None


@lru_cache(maxsize=1024)
def _found(path_info: str) -> ResolverMatch | None:
    try:
        return _RESOLVER.resolve(path_info)
    except Resolver404:
        return None


class Doors:
    """Goes before all that only pages need; `DOOR_MIDDLEWARE` is what doors go through."""

    def __init__(self, pages: Answer) -> None:
        self.pages = pages
        answer: Any = convert_exception_to_response(enter)
        for name in reversed(settings.DOOR_MIDDLEWARE):
            answer = convert_exception_to_response(import_string(name)(answer))
        self.answer: Answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        door = find(request.path_info)
        if door is None:
            return self.pages(request)
        request.resolver_match = door
        response = self.answer(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


def enter(request: HttpRequest) -> HttpResponseBase:
    """Call the view that `find` found."""
    door = request.resolver_match
    assert door is not None
    try:
        response: HttpResponseBase = door.func(request, *door.args, **door.kwargs)
    except DomainError as error:
        told = {"code": error.code, "message": str(error.message)}
        return JsonResponse(told, status=status_of(error))
    return response
