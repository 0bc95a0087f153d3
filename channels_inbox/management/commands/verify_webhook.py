"""`manage.py verify_webhook PROVIDER --secret S --method M --url U --headers FILE --body FILE`:
does a call's signature hold, as a hook checks it?"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from channels_inbox.base import Refused
from channels_inbox.management import files

if TYPE_CHECKING:
    from channels_inbox.calls import Call
    from channels_inbox.reader import Reader


class Command(BaseCommand):
    help = (
        "Say whether a provider's call is signed with this secret: `valid`, or `not valid` and an"
        " exit code of 1. With --cases, a line {id, valid} for each."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        files.add_arguments(parser)
        parser.add_argument("--secret", default="", help="without one nothing is valid")
        parser.add_argument("--method", default="POST")
        parser.add_argument("--url", default="", help="the whole address, as the provider knows it")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["cases"]:
            for name, case in files.cases(options["cases"], options["provider"]):
                answer = _answer(case)
                self.stdout.write(json.dumps({"id": name} | answer, ensure_ascii=False))
            return
        reader = files.reader_of(options["provider"])
        valid = is_valid(reader, files.call_of(options), options["secret"])
        self.stdout.write("valid" if valid else "not valid")
        if not valid:
            sys.exit(1)


def _answer(case: files.Case | files.BadCase) -> dict[str, Any]:
    if isinstance(case, files.BadCase):
        return {"valid": False, "error": str(case)}
    return {"valid": is_valid(files.reader_of(case.provider), case.call, case.secret)}


def is_valid(reader: Reader, call: Call, secret: str) -> bool:
    try:
        reader.verify(call, secret)
    except Refused:
        return False
    return True
