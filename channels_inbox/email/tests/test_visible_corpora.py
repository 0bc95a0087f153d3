"""Scores on folders of real replies kept outside the project; skipped where they are absent."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

REPLIES = Path(__file__).resolve().parents[4] / "shared" / "corpora" / "email" / "reply"
LEAST_PART_PASSED = 0.85


def _is_expected(visible: str, expected: dict[str, Any]) -> bool:
    equal, compact = expected.get("visible_reply"), expected.get("visible_compact")
    return (
        (equal is None or visible.strip() == equal.strip())
        and (compact is None or _compact(visible) == _compact(compact))
        and visible.startswith(expected.get("visible_startswith", ""))
        and all(words in visible for words in expected.get("visible_contains", []))
        and not any(words in visible for words in expected.get("visible_not_contains", []))
    )


def _compact(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.skipif(not REPLIES.is_dir(), reason="the reply corpora are not on this machine")
def test_score() -> None:
    parse = pytest.importorskip("channels_inbox.email.parse").parse
    outcomes: dict[str, bool] = {}
    for listing in sorted(REPLIES.glob("*/expected.json")):
        for name, expected in json.loads(listing.read_text(encoding="utf-8")).items():
            visible = parse((listing.parent / name).read_bytes()).visible_reply
            outcomes[f"{listing.parent.name}/{name}"] = _is_expected(visible, expected)
    failed = [name for name, passed in outcomes.items() if not passed]
    print("\n".join(failed))
    assert len(failed) <= (1 - LEAST_PART_PASSED) * len(outcomes), failed
