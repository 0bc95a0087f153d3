"""Scores on folders of real mails kept outside the project; skipped where they are absent."""

import json
from functools import partial

import pytest

from channels_inbox.email.parse import parse
from channels_inbox.email.tests.clock import spent
from channels_inbox.email.tests.scoring import CORPORA, results

MAX_CPU_SECONDS = 1.0
LEAST_PART_PASSED = {
    "parse/mime4j": 0.97,
    "parse/stalwart": 0.97,
    "mailbox/chatwoot_mail": 0.97,
    "bounce/flufl_bounce": 0.95,
    "bounce/sisimai": 0.95,
    "reply/crisp": 0.9,
    "reply/discourse_trimmer": 0.9,
    "reply/mail_parser_reply": 0.9,
    "reply/talon": 0.9,
}


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the mail corpora are not on this machine")
@pytest.mark.parametrize("folder", LEAST_PART_PASSED)
def test_score(folder: str) -> None:
    passed = []
    expectations = json.loads((CORPORA / folder / "expected.json").read_text(encoding="utf-8"))
    for name, expected in expectations.items():
        raw = (CORPORA / folder / name).read_bytes()
        mail, seconds = spent(partial(parse, raw))
        assert seconds < MAX_CPU_SECONDS, name
        assert not {"classify_failed", "visible_reply_failed"} & set(mail.problems), name
        passed += [(name, field, good) for field, good in results(mail, raw, expected)]
    failed = [(name, field) for name, field, good in passed if not good]
    assert len(failed) <= (1 - LEAST_PART_PASSED[folder]) * len(passed), failed
