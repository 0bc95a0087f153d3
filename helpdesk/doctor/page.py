"""Settings → Health: what the doctor says, what waits, and how much comes and goes."""

from dataclasses import dataclass
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from channels_inbox.models import ItemState
from conversations.models import DeliveryState
from conversations.views.access import AgentRequest, for_admins
from helpdesk.doctor import report
from helpdesk.doctor.findings import BAD, WARNING
from helpdesk.metrics import readings

KINDS: Final = {"items": gettext_noop("Came in"), "deliveries": gettext_noop("Went out")}
STATES: Final = {"items": ItemState, "deliveries": DeliveryState}
ORDER: Final = (BAD, WARNING)


@dataclass(frozen=True)
class Rate:
    """How much came or went in five minutes and in an hour, and what became of the hour's."""

    label: str
    lately: readings.Recent
    hour: readings.Recent
    became: list[tuple[str, int]]


@never_cache
@require_GET
@for_admins
def health(request: AgentRequest) -> HttpResponse:
    """Everything is looked at while the page is made; it may take seconds where things are slow."""
    findings = sorted(report.examine(), key=lambda one: _rank(one.state))
    context = {
        "findings": findings,
        "ill": [one for one in findings if one.state == BAD],
        "warned": [one for one in findings if one.state == WARNING],
        "queues": readings.queues(),
        "rates": [rate(what) for what in KINDS],
        "dead": readings.dead_items(),
    }
    return render(request, "settings/health.html", context)


def rate(what: str) -> Rate:
    """The figures of `items` or `deliveries`."""
    hour = readings.recent(what, readings.HOUR)
    became = [
        (str(STATES[what](state).label), count) for state, count in sorted(hour.by_state.items())
    ]
    return Rate(_(KINDS[what]), readings.recent(what), hour, became)


def _rank(state: str) -> int:
    return ORDER.index(state) if state in ORDER else len(ORDER)
