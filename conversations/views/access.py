"""Who may come through a door at all. What they may see behind it is decided by loading."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest

from conversations.models import Agent
from conversations.permissions import require_admin, require_supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

P = ParamSpec("P")


class AgentRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: Agent


if TYPE_CHECKING:
    View = Callable[Concatenate[AgentRequest, P], HttpResponseBase]
    Door = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def for_agents(view: View[P]) -> Door[P]:
    return _guarded(view, lambda agent: None)


def for_supervisors(view: View[P]) -> Door[P]:
    return _guarded(view, require_supervisor)


def for_admins(view: View[P]) -> Door[P]:
    return _guarded(view, require_admin)


def _guarded(view: View[P], require: Callable[[Agent], None]) -> Door[P]:
    @wraps(view)
    def guarded(request: AgentRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        require(request.user)
        return view(request, *args, **kwargs)

    return login_required(guarded)  # type: ignore[return-value]
