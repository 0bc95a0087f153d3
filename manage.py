#!/usr/bin/env python
"""The one entrance: `uv run manage.py demo`, `up`, or any Django command."""

import os
import sys

USAGE = """Start here:
  uv run manage.py demo    try it out: everything runs, with a little shop in it
  uv run manage.py up      the same with an empty desk of your own
"""
LAUNCHED = ("demo", "up")
SELF_SERVED = ("seed", "bench")
ATTACHED = ("doctor", "backup", "restore")
TOOLS = ("makemigrations", "check", "help", "parse_mail", "parse_webhook", "verify_webhook")


def main() -> None:
    """Run the launcher, which needs no Django, or hand over to Django's own commands."""
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command == "help":
        print(USAGE)
    if command in LAUNCHED:
        from helpdesk.launcher import main as launch

        sys.exit(launch(sys.argv[1:]))
    if command in SELF_SERVED and not os.environ.get("DATABASE_URL"):
        from helpdesk.bench.private import main as run_privately

        sys.exit(run_privately(sys.argv[1:]))
    if command in ATTACHED and not os.environ.get("DATABASE_URL"):
        from helpdesk.attached import main as attach

        sys.exit(attach(sys.argv[1:]))
    given = os.environ.get("DATABASE_URL")
    module = "helpdesk.offline" if command in TOOLS and not given else "helpdesk.settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", module)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
