"""Messages that a provider approved beforehand: keeping its list, and filling one in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from conversations.errors import BadInput
from conversations.models import Template
from conversations.thread import database_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from conversations.models import Inbox

KEY = ("name", "language")
MOST_VALUE = 1000


@dataclass(frozen=True)
class Approved:
    """A template as its provider tells of it; see `Template` for what the parts are."""

    name: str
    language: str
    state: str
    category: str = ""
    header: str = ""
    body: str = ""
    footer: str = ""
    buttons: list[dict[str, Any]] = field(default_factory=list)
    places: list[dict[str, str]] = field(default_factory=list)


def keep(inbox: Inbox, found: Iterable[Approved]) -> int:
    """Make our rows those of the provider: new ones come, changed ones change, gone ones go.
    Returns how many there are."""
    now = database_now()
    with transaction.atomic():
        for one in found:
            told = {name: value for name, value in vars(one).items() if name not in KEY}
            Template.objects.update_or_create(
                inbox=inbox,
                name=one.name[:512],
                language=one.language[:20],
                defaults={**told, "category": one.category[:30], "seen_at": now},
            )
        Template.objects.filter(inbox=inbox, seen_at__lt=now).delete()
    return Template.objects.filter(inbox=inbox).count()


def ready(inboxes: Iterable[int]) -> list[Template]:
    """Those that can be sent, of these inboxes."""
    return list(Template.objects.ready().filter(inbox__in=list(inboxes)))


def words(inbox: Inbox, pk: int, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What the customer will read, and the values as they go out. Raises BadInput for a template
    that can't be sent by this inbox, and for a place that is left open."""
    template = Template.objects.ready().filter(inbox=inbox, pk=pk).first()
    if template is None:
        raise BadInput(_("This template can't be sent any more. Choose another one."))
    keys = [str(place["key"]) for place in template.places]
    kept = {key: " ".join(str(values.get(key, "")).split())[:MOST_VALUE] for key in keys}
    if not all(kept.values()):
        raise BadInput(_("Fill in every place of the template."))
    return template.filled(kept), kept
