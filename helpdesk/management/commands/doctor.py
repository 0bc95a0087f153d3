"""`manage.py doctor`: what doesn't work, and what to do about it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

SIGNS = {"ok": "ok  ", "warning": "warn", "bad": "BAD "}


class Command(BaseCommand):
    """Ends with 1 when anything doesn't work, with 0 otherwise."""

    help = "Check every part of this installation, and say what to do where one doesn't work."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For people, or for machines."""
        parser.add_argument("--json", action="store_true", help="print one JSON object only")
        parser.add_argument("--data", metavar="DIR", help="the private copy in this folder")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at everything, mailboxes included, and tell."""
        from helpdesk.doctor.findings import is_ill
        from helpdesk.doctor.report import examine

        findings = examine(live=True)
        if options["json"]:
            told = {"ok": not is_ill(findings), "findings": [one.as_dict() for one in findings]}
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            for one in findings:
                self.stdout.write(f"{SIGNS[one.state]}  {one.name:<12} {one.said}")
                if one.do:
                    self.stdout.write(f"{'':18} → {one.do}")
                for place in one.places:
                    self.stdout.write(f"{'':20} {place.label}: {settings.BASE_URL}{place.path}")
        if is_ill(findings):
            raise SystemExit(1)
