"""`manage.py parse_webhook PROVIDER --headers FILE --body FILE`: what a hook makes of a call."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from channels_inbox.events import Event, Kind, Media, Unreadable
from channels_inbox.management import files

if TYPE_CHECKING:
    from channels_inbox.calls import Call
    from channels_inbox.reader import Reader


class Command(BaseCommand):
    help = (
        "Print the events of a provider's call as JSON; with --cases, a line {id, events} for each,"
        " with `error` where a body can't be read."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        files.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cases"]:
            for name, case in files.cases(options["cases"], options["provider"]):
                answer = _answer(case)
                self.stdout.write(json.dumps({"id": name} | answer, ensure_ascii=False))
            return
        reader = files.reader_of(options["provider"])
        try:
            events = _events(reader, files.call_of(options))
        except Unreadable as error:
            raise CommandError(f"Refused: {error}.") from None
        self.stdout.write(json.dumps(events, ensure_ascii=False, indent=2))


def _answer(case: files.Case | files.BadCase) -> dict[str, Any]:
    if isinstance(case, files.BadCase):
        return {"events": [], "error": str(case)}
    try:
        return {"events": _events(files.reader_of(case.provider), case.call)}
    except (Unreadable, CommandError) as error:
        return {"events": [], "error": str(error)}


def _events(reader: Reader, call: Call) -> list[dict[str, Any]]:
    """Raises CommandError for a provider of whom only signatures are known."""
    if reader.events is None:
        raise CommandError("Of this provider only signatures are known.")
    return [as_json(event) for event in reader.parse(call)]


def as_json(event: Event) -> dict[str, Any]:
    """An event without what is empty. `attachments` are their kinds, `files` all there is to them;
    a message has both even if there are none."""
    told = {one.name: getattr(event, one.name) for one in fields(Event)}
    told |= {"kind": event.kind.value, "attachments": [one.kind for one in event.attachments]}
    if event.occurred_at:
        told["occurred_at"] = event.occurred_at.isoformat()
    told["files"] = [_media(one) for one in event.attachments]
    kept = {"attachments", "files"} if event.kind is Kind.MESSAGE else set()
    return {name: value for name, value in told.items() if value or name in kept}


def _media(media: Media) -> dict[str, str]:
    told = {one.name: getattr(media, one.name) for one in fields(Media)}
    return {name: value for name, value in told.items() if value}
