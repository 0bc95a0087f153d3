"""Whose verdict about a sender counts."""

from __future__ import annotations

import pytest

from channels_inbox.email.proof import proof_of

OURS = "mx.desk.example; spf=pass smtp.mailfrom=example.org; dmarc=pass header.from=example.org"


@pytest.mark.parametrize(
    ("headers", "proof"),
    [
        ([OURS], "aligned"),
        ([OURS.replace("mx.desk.example;", "MX.desk.example 1;")], "aligned"),
        ([OURS.replace("dmarc=pass", "dmarc=pass (p=REJECT sp=NONE; dis=NONE)")], "aligned"),
        (["mx.desk.example; dkim=pass header.d=example.org", OURS], "aligned"),
        (["mx.other.example; dmarc=fail header.from=example.org", OURS], "aligned"),
        ([], "claimed"),
        ([OURS.replace("mx.desk.example", "mx.evil.example")], "claimed"),
        ([OURS.replace("mx.desk.example", "mx.desk.example.evil.example")], "claimed"),
        ([OURS.replace("dmarc=pass", "dmarc=fail")], "claimed"),
        ([OURS.replace("header.from=example.org", "header.from=evil.example")], "claimed"),
        ([OURS.replace("header.from=example.org", "")], "claimed"),
        ([OURS + "; dmarc=fail header.from=example.org"], "claimed"),
        (["mx.desk.example; dmarc=none header.from=example.org", OURS], "claimed"),
        ([OURS, "mx.desk.example; dmarc=fail header.from=example.org"], "claimed"),
        (
            ['mx.desk.example; spf=pass smtp.mailfrom="; dmarc=pass header.from=example.org"'],
            "claimed",
        ),
        (["mx.desk.example; spf=pass (x (y) ; dmarc=pass header.from=example.org)"], "claimed"),
        (["mx.desk.example; spf=pass (x ; dmarc=pass header.from=example.org"], "claimed"),
        (["mx.desk.example (; dmarc=pass header.from=example.org", OURS], "claimed"),
        ([""], "claimed"),
    ],
)
def test_only_our_own_servers_verdict_counts(headers: list[str], proof: str) -> None:
    assert proof_of("kim@example.org", headers, "mx.desk.example") == proof


def test_without_a_server_of_ours_everything_is_a_claim() -> None:
    assert proof_of("kim@example.org", [OURS], "") == "claimed"
