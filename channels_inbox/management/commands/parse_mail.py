"""`manage.py parse_mail FILE...`: what the mail parser makes of raw mails, one JSON line each."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_inbox.email.parse import parse
from channels_inbox.email.report import as_json


class Command(BaseCommand):
    help = "Print one JSON object per line for each raw mail FILE (- reads standard input)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for file in options["files"]:
            try:
                raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            except OSError as error:
                unreadable += 1
                self.stderr.write(f"{file}: {error.strerror or error}")
                continue
            self.stdout.write(json.dumps(as_json(parse(raw), file), ensure_ascii=False))
        if unreadable:
            raise CommandError(f"{unreadable} file(s) could not be read", returncode=1)
