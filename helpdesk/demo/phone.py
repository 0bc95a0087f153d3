"""The phone of a customer, to play one by SMS and messengers. It has a route only in the demo."""

from __future__ import annotations

import base64
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.views.files import LOCKED_DOWN
from helpdesk.demo import handset
from helpdesk.demo.stories import phones
from helpdesk.demo.strangers import refuse_strangers
from helpdesk.sandbox.provider import TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

P = ParamSpec("P")
WRITTEN: Final = ("write", "edit", "delete", "react")
DIALLED: Final = ("ring", "answer", "hang_up")
MOST_PICTURE: Final = 5_000_000


class NumberForm(forms.Form):
    """Somebody new with a phone."""

    number = forms.RegexField(
        r"^\s*(\+|00)?[1-9][0-9 .()-]{5,20}$",
        label=_("Number with the country code"),
        widget=forms.TextInput({"inputmode": "tel", "placeholder": "+84 90 000 00 00"}),
    )
    name = forms.CharField(label=_("Name"), max_length=60, required=False)

    def clean_number(self) -> str:
        digits = "".join(one for one in self.cleaned_data["number"] if one.isdigit())
        digits = digits.removeprefix("00")
        if not 7 <= len(digits) <= 15:
            raise forms.ValidationError(_("A number has 7 to 15 digits."))
        return digits


class WordsForm(forms.Form):
    """What is done in a thread: `act` is one of WRITTEN, or of DIALLED."""

    act = forms.ChoiceField(choices=[(one, one) for one in (*WRITTEN, *DIALLED)])
    text = forms.CharField(max_length=4000, required=False)
    name = forms.CharField(max_length=200, required=False)
    emoji = forms.ChoiceField(choices=[(one, one) for one in handset.EMOJI], required=False)
    picture = forms.FileField(required=False)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("act") == "write" and not (told.get("text") or told.get("picture")):
            self.add_error("text", _("Write something, or choose a picture."))
        return told

    def clean_picture(self) -> str:
        """Its bytes in base64."""
        file = self.cleaned_data["picture"]
        if not file:
            return ""
        content = file.read()
        if file.size > MOST_PICTURE or not content.startswith(tuple(TYPES)):
            raise forms.ValidationError(_("Only pictures of at most 5 MB can be sent here."))
        return base64.b64encode(content).decode()


class WeatherForm(forms.Form):
    latency = forms.TypedChoiceField(
        label=_("It answers"),
        coerce=float,
        choices=[("0", _("at once")), ("3", _("after 3 seconds")), ("20", _("after 20 seconds"))],
    )
    trouble = forms.ChoiceField(
        label=_("What we send, it"),
        required=False,
        choices=[
            ("", _("takes")),
            ("busy", _("refuses: too much at a time (429)")),
            ("error", _("answers with an error (500)")),
            ("away", _("doesn't take: out of order (503)")),
            ("dropped", _("takes, and hangs up before it says so")),
        ],
    )
    silent = forms.BooleanField(label=_("It calls nobody (an outage)"), required=False)
    doubles = forms.BooleanField(label=_("Each call comes twice"), required=False)
    reorders = forms.BooleanField(label=_("Newer calls overtake older ones"), required=False)

    def told(self) -> dict[str, Any]:
        told = dict(self.cleaned_data)
        return told | {"calls": not told.pop("silent")}


def in_the_demo(
    door: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """For a browser on this machine only; says so where the stand-ins are away."""

    @wraps(door)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        refuse_strangers(request)
        try:
            return door(request, *args, **kwargs)
        except handset.NotThere:
            return render(request, "helpdesk/phone/away.html", status=503)
        except handset.NotFound:
            raise Http404 from None

    return guarded


@never_cache
@require_safe
@in_the_demo
def choose(request: HttpRequest) -> HttpResponse:
    """Whose phone."""
    form = NumberForm(request.GET if "number" in request.GET else None)
    if form.is_valid():
        number = form.cleaned_data["number"]
        if number not in phones():
            handset.ask("owner", number=f"+{number}", who=form.cleaned_data["name"])
        return redirect("demo-phone", number)
    others = {one.lstrip("+"): who for one, who in handset.ask("strangers").items()}
    shown = {"people": phones(), "others": others, "form": form}
    return render(request, "helpdesk/phone/choose.html", shown)


@never_cache
@require_safe
@in_the_demo
def home(request: HttpRequest, number: str) -> HttpResponse:
    """The apps on it."""
    return render(request, "helpdesk/phone/phone.html", _shown(number))


@never_cache
@require_http_methods(["GET", "POST"])
@in_the_demo
def thread(request: HttpRequest, number: str, line: str) -> HttpResponse:
    """The thread with the shop in one app; by POST its owner does something there."""
    form = WordsForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        _act(number, line, form.cleaned_data)
        return redirect("demo-phone-thread", number, line)
    shown = _shown(number, line) | {"form": form}
    return render(request, "helpdesk/phone/phone.html", shown, status=422 if form.errors else 200)


@never_cache
@require_safe
@in_the_demo
def news(request: HttpRequest, number: str, line: str) -> HttpResponse:
    """What is shown, again, if it changed since `stamp`, else 204."""
    shown = _shown(number, line)
    if request.GET.get("stamp") == shown["stamp"]:
        return HttpResponse(status=204)
    return render(request, "helpdesk/phone/_news.html", shown)


@never_cache
@require_POST
@in_the_demo
def weather(request: HttpRequest, number: str, line: str) -> HttpResponse:
    """How the provider does from now on."""
    form = WeatherForm(request.POST)
    if not form.is_valid():
        return render(request, "helpdesk/phone/phone.html", _shown(number, line, form), status=422)
    handset.ask("weather", line=line, **form.told())
    return redirect("demo-phone-thread", number, line)


@never_cache
@require_safe
@in_the_demo
def file(request: HttpRequest, line: str, key: str) -> HttpResponse:
    """A picture of a thread."""
    found = handset.ask("file", line=line, key=key)
    content = base64.b64decode(found["content"])
    return HttpResponse(content, content_type=found["type"], headers=LOCKED_DOWN)


def _act(number: str, line: str, told: dict[str, Any]) -> None:
    at = {"line": line, "number": f"+{number}"}
    if told["act"] in DIALLED:
        handset.ask("dial", **at, act=told["act"])
    elif told["act"] == "write":
        who = handset.owner(number)
        handset.ask("write", **at, who=who, text=told["text"], picture=told["picture"])
    elif told["act"] == "edit":
        handset.ask("edit", **at, name=told["name"], text=told["text"])
    elif told["act"] == "delete":
        handset.ask("delete", **at, name=told["name"])
    else:
        handset.ask("react", **at, name=told["name"], emoji=told["emoji"])


def _shown(number: str, line: str = "", weather: WeatherForm | None = None) -> dict[str, Any]:
    """What every page of a phone shows."""
    apps = handset.apps(number)
    shown: dict[str, Any] = {"number": number, "apps": apps, "line": line}
    shown["name"] = handset.owner(number)
    if line:
        app = next((one for one in apps if one["slug"] == line), None)
        if app is None:
            raise Http404
        now = app["weather"]
        initial = now | {"latency": f"{now['latency']:g}", "silent": not now["calls"]}
        bubbles, ledger = handset.thread(number, line), handset.ledger(app)
        shown |= {
            "app": app,
            "bubbles": bubbles,
            "calling": _call_that_goes_on(bubbles),
            "ledger": ledger,
            "weather": weather or WeatherForm(initial=initial),
            "values": [] if app["connected"] else handset.values(app),
            "emoji": handset.EMOJI,
            "stamp": handset.stamp((bubbles, ledger, app["connected"])),
        }
    return shown


def _call_that_goes_on(bubbles: list[dict[str, Any]]) -> str:
    """Its state, or "" where there is none."""
    state = bubbles[-1]["state"] if bubbles else ""
    return state if state in ("ringing", "answered") else ""
