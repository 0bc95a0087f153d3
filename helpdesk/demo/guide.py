"""The first minute in the demo: a card in the desk whose steps tick themselves by what happened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from conversations.models import Agent, Entry, HeldSend, HeldState, Identity, Inbox, ReadMark
from helpdesk.demo import lively
from helpdesk.demo.cast import CAST, MAIL_DOMAIN
from helpdesk.demo.data import HERE_FOR
from helpdesk.demo.stories import people, phones
from helpdesk.demo.strangers import refuse_strangers
from helpdesk.sandbox.lines import LINES

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest
    from django.utils.functional import _StrPromise

    from conversations.models.entries import EntryQuerySet

COOKIE: Final = "guide"
SEARCHED: Final = "guide-searched"
YEAR: Final = 365 * 24 * 3600
SHE: Final = f"maya@{MAIL_DOMAIN}"
APPS: Final = ("twilio_sms", "telegram", "whatsapp")
LONG: Final = f"margaret@{MAIL_DOMAIN}"


@dataclass(frozen=True)
class Step:
    """`link` is where it is done; in another window where `apart`."""

    text: _StrPromise
    link: str
    done: bool
    apart: bool = False


@dataclass(frozen=True)
class Guide:
    steps: tuple[Step, ...]

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)


def context(request: HttpRequest) -> dict[str, Any]:
    """For all pages: the guide, read only where it is shown."""
    _note_search(request)
    return {"demo_guide": cache(partial(_wanted, request))}


@never_cache
@require_http_methods(["GET", "POST"])
def door(request: HttpRequest) -> HttpResponse:
    """The card as it stands; by POST it is put away, or (`show`) brought back."""
    refuse_strangers(request)
    if request.method == "GET":
        return render(request, "helpdesk/guide.html", {"guide": _of(request)})
    following = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(following, allowed_hosts=None):
        following = settings.LOGIN_REDIRECT_URL
    answer = redirect(following)
    if "show" in request.POST:
        answer.delete_cookie(COOKIE)
    else:
        answer.set_cookie(COOKIE, _mark(), max_age=YEAR, samesite="Lax", httponly=True)
    return answer


def is_away(request: HttpRequest) -> bool:
    """Whether it was put away in this browser, in this demo."""
    return request.COOKIES.get(COOKIE) == _mark()


def _wanted(request: HttpRequest) -> Guide | None:
    if not isinstance(request.user, Agent) or is_away(request):
        return None
    return _of(request)


def _of(request: HttpRequest) -> Guide:
    agent = request.user
    if not isinstance(agent, Agent):
        raise Http404
    answered = _answered(agent)
    chat = _heard("chat", agent).filter(conversation=_of_customer(SHE)).order_by("at").last()
    old = _of_customer(LONG)
    return Guide(
        (
            Step(
                _("Open a conversation of yours and answer it: R, then Ctrl or ⌘ and Enter."),
                reverse("conversations:home"),
                bool(answered),
            ),
            Step(
                _("Be Maya in the shop and write in the chat."),
                f"{reverse('demo-shop')}?as=maya",
                chat is not None,
                apart=True,
            ),
            Step(
                _("See it arrive here, under the mail she wrote before."),
                reverse("conversations:conversation", args=[chat.conversation_id]) if chat else "",
                bool(chat and ReadMark.objects.filter(agent=agent, at__gte=chat.at).exists()),
            ),
            Step(
                _("Read your answer in the customer's mailbox, and answer back."),
                _mailbox(answered),
                _heard("email", agent).exists(),
                apart=True,
            ),
            Step(
                _("Hold a customer's phone and write a message on it."),
                _phone(),
                any(_heard(app, agent).exists() for app in APPS),
                apart=True,
            ),
            Step(
                _("Search for a word from years ago: Whitby."),
                f"{reverse('conversations:search')}?q=Whitby",
                bool(request.session.get(SEARCHED)),
            ),
            Step(
                _("Open Mrs Whitfield and go to her first message, 5,000 entries back."),
                reverse("conversations:conversation", args=[old]) if old else "",
                ReadMark.objects.filter(agent=agent, ticket__conversation=old).exists(),
            ),
            *(_of_admins() if agent.is_admin else ()),
        )
    )


def _of_admins() -> tuple[Step, ...]:
    """What only they can do; the values for the form stand beside the phone."""
    [line] = [one for one in LINES if one.slug == "spare-telegram"]
    return (
        Step(
            _("Connect a Telegram bot: what to write stands beside the phone."),
            reverse("demo-phone-thread", args=[next(iter(phones())), line.slug]),
            Inbox.objects.filter(address=line.make(0).address).exists(),
            apart=True,
        ),
    )


def _phone() -> str:
    return reverse("demo-phone", args=[next(iter(phones()))])


def _of_customer(address: str) -> int:
    """The customer's conversation; 0 where there is no such customer."""
    identity = Identity.objects.at("email", address).first()
    return identity.conversation_id if identity else 0


def _answered(agent: Agent) -> Identity | None:
    """Whom the agent wrote to since the demo began, last."""
    rows = Entry.objects.filter(agent=agent, direction="out", at__gt=_began(agent))
    if entry := rows.select_related("identity").order_by("at").last():
        return entry.identity
    held = HeldSend.objects.filter(agent=agent, state=HeldState.HELD).order_by("held_at").last()
    return Identity.objects.filter(pk=held.payload["identity"]).first() if held else None


def _heard(kind: str, agent: Agent) -> EntryQuerySet:
    """What customers wrote since the demo began, but for those who act by script."""
    rows = Entry.objects.filter(direction="in", inbox__kind=kind, at__gt=_began(agent))
    return rows.exclude(text__in=list(lively.stages()))


def _began(agent: Agent) -> datetime:
    """When the demo was made: what is told of the time before is older."""
    return agent.created_at + HERE_FOR


def _mailbox(answered: Identity | None) -> str:
    who = answered.value.partition("@")[0] if answered and answered.kind == "email" else ""
    return reverse("demo-mailbox", args=[who]) if who in people() else reverse("demo-mailboxes")


def _note_search(request: HttpRequest) -> None:
    """A search leaves no trace elsewhere."""
    if request.path == reverse("conversations:search") and request.GET.get("q"):
        request.session.setdefault(SEARCHED, True)


def _mark() -> str:
    """Tells this demo from another one in the same browser: when its first agent was made."""
    first = Agent.objects.filter(email=CAST[0].email).values_list("created_at", flat=True).first()
    return first.strftime("%Y%m%d%H%M%S") if first else ""
