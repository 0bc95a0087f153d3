"""What our own mail server found out about a sender (RFC 8601), read from its header only.

Anybody can write an Authentication-Results header. Only those under the inbox's configured
authserv-id count, and all of them must agree: the server in front of us is bound to remove foreign
ones that use its name, and should it ever fail to, a forged verdict beside its own proves nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from conversations.models import Proof

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NESTING: Final = 5

_COMMENT_OR_QUOTE: Final = re.compile(r'"(?:[^"\\]|\\.){0,500}"|\((?:[^()\\]|\\.){0,500}\)')
_DMARC: Final = re.compile(r"\s*dmarc\s*=\s*(\w+)", re.IGNORECASE)
_HEADER_FROM: Final = re.compile(r"\bheader\.from\s*=\s*([^\s;]+)", re.IGNORECASE)


def proof_of(sender: str, results: Sequence[str], authserv_id: str) -> str:
    """ALIGNED when our server's DMARC check passed for exactly the sender's domain, else CLAIMED.

    `results` are the unfolded Authentication-Results headers, outermost first.
    """
    if not authserv_id:
        return Proof.CLAIMED
    ours = [parts for parts in map(_parts, results) if _authserv_id(parts) == authserv_id.lower()]
    verdicts = [part for parts in ours for part in parts[1:] if _DMARC.match(part)]
    domain = sender.rpartition("@")[2].lower()
    if verdicts and all(_passes(verdict, domain) for verdict in verdicts):
        return Proof.ALIGNED
    return Proof.CLAIMED


def _parts(header: str) -> list[str]:
    """The header's results, without comments and quoted strings: both may hold what others wrote.

    One that can't be taken apart cleanly counts as a DMARC verdict that didn't pass.
    """
    for _ in range(MAX_NESTING):
        header = _COMMENT_OR_QUOTE.sub(" ", header)
    parts = header.split(";")
    return [parts[0], "dmarc=unreadable"] if any(char in header for char in '()"') else parts


def _authserv_id(parts: list[str]) -> str:
    words = parts[0].split()
    return words[0].lower() if words else ""


def _passes(verdict: str, domain: str) -> bool:
    found = _DMARC.match(verdict)
    named = _HEADER_FROM.findall(verdict)
    return bool(
        found
        and found[1].lower() == "pass"
        and len(named) == 1
        and named[0].lower().rpartition("@")[2] == domain
    )
