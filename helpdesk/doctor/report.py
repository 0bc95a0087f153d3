"""All checks in order, and what becomes of one that breaks."""

from collections.abc import Callable, Iterator
from functools import partial

import structlog
from django.utils.translation import gettext as _

from helpdesk.doctor import inside, laws, outside
from helpdesk.doctor.findings import Finding, bad, is_ill

log = structlog.get_logger(__name__)

Check = Callable[[], Iterator[Finding]]


def examine(*, live: bool = False) -> list[Finding]:
    """Run every check; with `live`, sign in to every mailbox and provider too, which may take long.

    Where the database is down, what needs it is not looked at.
    """
    found = [*_run("settings", inside.configured), *_run("database", inside.database)]
    if not is_ill([one for one in found if one.part == "database"]):
        for part, check in needing_database(live):
            found += _run(part, check)
    for part, check in NEEDING_NOTHING:
        found += _run(part, check)
    return found


def needing_database(live: bool) -> list[tuple[str, Check]]:
    """Checks that ask the database."""
    return [
        ("backlog", inside.backlog),
        ("laws", laws.laws),
        ("keys", inside.keys),
        ("mail", partial(inside.mail, live)),
        ("channels", partial(inside.channels, live)),
        ("egress", inside.egress),
        ("clock", inside.clock),
    ]


NEEDING_NOTHING: list[tuple[str, Check]] = [
    ("broker", inside.broker),
    ("workers", inside.workers),
    ("beat", inside.beat),
    ("storage", inside.storage),
    ("web", outside.address),
    ("websocket", outside.websocket),
]


def _run(part: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding of its own
        log.warning("check_broke", part=part, error=type(error).__name__)
        return [
            bad(
                part,
                _("It could not be looked at: %(error)s.") % {"error": type(error).__name__},
                _("See the other lines first; then the logs."),
            )
        ]
