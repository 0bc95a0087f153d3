from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from conversations.models.identities import Identity
from conversations.models.inboxes import Inbox

PLACE: Final = re.compile(r"{{\s*(\w+)\s*}}")


class Window(models.Model):
    """Until when a customer may be written freely by an inbox of a medium with a `window`: the
    provider counts from when they last wrote there."""

    inbox = models.ForeignKey(Inbox, on_delete=models.CASCADE, related_name="+", db_index=False)
    identity = models.ForeignKey(
        Identity, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    closes_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint("identity", "inbox", name="window_once")]

    def __str__(self) -> str:
        return f"window of {self.identity_id} at {self.inbox_id}"


class Piece(NamedTuple):
    """Words of a template; with a `key` they stand at a place, which is `open` as long as nobody
    fills it."""

    text: str
    key: str = ""
    open: str = ""


class TemplateState(models.TextChoices):
    READY = "ready", _("approved")
    WAITING = "waiting", _("not approved yet")
    REFUSED = "refused", _("refused or paused by the provider")
    UNFIT = "unfit", _("asks for what can't be filled in here")


class TemplateQuerySet(models.QuerySet["Template"]):
    def ready(self) -> Self:
        return self.filter(state=TemplateState.READY)


class Template(models.Model):
    """A message the provider approved beforehand, as it holds it: it may go out at any time. Texts
    hold places such as {{1}} or {{order}}; `places` are these in their order:
    `{"key": "body:1", "name": "1", "example": "Hoa"}`. `buttons` are what stands on them."""

    inbox = models.ForeignKey(
        Inbox, on_delete=models.CASCADE, related_name="templates", db_index=False
    )
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=20)
    category = models.CharField(max_length=30, blank=True, default="", db_default="")
    state = models.CharField(max_length=10, choices=TemplateState.choices)
    header = models.TextField(blank=True, default="", db_default="")
    body = models.TextField(blank=True, default="", db_default="")
    footer = models.TextField(blank=True, default="", db_default="")
    buttons = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    places = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    seen_at = models.DateTimeField()

    objects = TemplateQuerySet.as_manager()

    class Meta:
        ordering = ["name", "language"]
        constraints = [
            models.UniqueConstraint("inbox", "name", "language", name="template_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=TemplateState.values), name="template_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"

    def filled(self, values: Mapping[str, str]) -> str:
        """The message as the customer reads it; a place nobody filled stays as it is written."""
        texts = (("header", self.header), ("body", self.body), ("footer", self.footer))
        return "\n\n".join(self.part(part, values) for part, text in texts if text)

    def part(self, part: str, values: Mapping[str, str]) -> str:
        def put(found: re.Match[str]) -> str:
            return values.get(f"{part}:{found[1]}", "").strip() or found[0]

        return PLACE.sub(put, str(getattr(self, part)))

    def pieces(self, values: Mapping[str, str]) -> list[Piece]:
        """The same cut at its places, for a page on which they change as they are filled in."""
        found: list[Piece] = []
        for part in ("header", "body", "footer"):
            text, at = str(getattr(self, part)), 0
            if not text:
                continue
            if found:
                found.append(Piece("\n\n"))
            for place in PLACE.finditer(text):
                key = f"{part}:{place[1]}"
                filled = values.get(key, "").strip() or place[0]
                found += [Piece(text[at : place.start()]), Piece(filled, key, place[0])]
                at = place.end()
            found.append(Piece(text[at:]))
        return [piece for piece in found if piece.text]
