"""`parse_webhook` and `verify_webhook`: what the hooks make of a call, from the command line."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.channels_inbox.reading.asian_samples import LINE_READ, line, line_message
from tests.channels_inbox.reading.samples import as_body
from tests.channels_inbox.reading.signing import JSON, NOW, SECRET, messagebird, meta

ROOT = Path(__file__).resolve().parents[3]
# As on a bare machine: the commands need no database, and no settings.
NO_SERVICES = {"PATH": os.environ["PATH"]}
TEXT = as_body(line(line_message("text", text="สวัสดี")))


def run(*arguments: object) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def written(folder: Path, name: str, content: bytes | str) -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def cases(folder: Path, *told: Any) -> Path:
    lines = (one if isinstance(one, str) else json.dumps(one) for one in told)
    return written(folder, "cases.jsonl", "\n".join(lines))


def answers(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(*arguments).splitlines()]


def b64(body: bytes) -> str:
    return base64.b64encode(body).decode()


def test_events_are_printed(tmp_path: Path) -> None:
    body, headers = written(tmp_path, "body", TEXT), written(tmp_path, "headers", "{}")
    told = json.loads(run("parse_webhook", "line", "--headers", headers, "--body", body))
    assert told == [
        LINE_READ | {"text": "สวัสดี", "files": [], "occurred_at": "2026-09-21T14:13:20+00:00"}
    ]


def test_what_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Refused: the body is not JSON\."):
        run("parse_webhook", "line", "--body", written(tmp_path, "body", "{"))


def test_unknown_providers_and_absent_files_are_told(tmp_path: Path) -> None:
    body = written(tmp_path, "body", TEXT)
    with pytest.raises(CommandError, match="PROVIDER is one of"):
        run("parse_webhook", "fax", "--body", body)
    with pytest.raises(CommandError, match="only signatures"):
        run("parse_webhook", "twilio", "--body", body)
    with pytest.raises(CommandError, match="No such file"):
        run("parse_webhook", "line", "--body", tmp_path / "absent")
    with pytest.raises(CommandError, match="--body"):
        run("parse_webhook", "line")


def test_many_are_parsed_at_once(tmp_path: Path) -> None:
    file = cases(
        tmp_path,
        {"id": "a", "provider": "line", "headers": {}, "body_base64": b64(TEXT)},
        {"id": 2, "body_base64": b64(TEXT)},
        "",
        {"id": "c", "provider": "line", "body_base64": b64(b"{")},
        {"id": "d", "provider": "fax", "body_base64": ""},
        {"id": "e", "provider": "line", "body_base64": "?"},
        {"id": "f", "provider": "twilio", "body_base64": ""},
        "no JSON",
        "[]",
    )
    told = answers("parse_webhook", "line", "--cases", file)
    assert [(one["id"], len(one["events"]), one.get("error")) for one in told[:6]] == [
        ("a", 1, None),
        (2, 1, None),
        ("c", 0, "the body is not JSON"),
        ("d", 0, "unknown provider"),
        ("e", 0, "body_base64 is not base64"),
        ("f", 0, "Of this provider only signatures are known."),
    ]
    assert [one["id"] for one in told[6:]] == [None, None]


@pytest.mark.parametrize("as_lines", [False, True])
def test_a_valid_call_is_told(tmp_path: Path, as_lines: bool) -> None:
    named = meta().headers
    text = "\n".join(f"{name}: {value}" for name, value in named.items())
    headers = written(tmp_path, "headers", text if as_lines else json.dumps(dict(named)))
    body = written(tmp_path, "body", JSON)
    given = ("verify_webhook", "whatsapp", "--headers", headers, "--body", body)
    assert run(*given, "--secret", SECRET, "--method", "POST", "--url", "https://a/") == "valid\n"


def test_a_forged_call_is_told(tmp_path: Path) -> None:
    headers = written(tmp_path, "headers", json.dumps(dict(meta().headers)))
    given = ("whatsapp", "--headers", headers, "--body", written(tmp_path, "body", JSON))
    for secret in (("--secret", f"{SECRET}x"), ()):
        command = [sys.executable, "manage.py", "verify_webhook", *map(str, given), *secret]
        told = subprocess.run(command, cwd=ROOT, env=NO_SERVICES, capture_output=True, text=True)
        assert (told.returncode, told.stdout, told.stderr) == (1, "not valid\n", "")


def test_space_around_a_header_goes_as_on_servers(tmp_path: Path) -> None:
    headers = {name.upper(): f" {value} " for name, value in meta().headers.items()}
    told = {"provider": "meta", "secret": SECRET, "headers": headers, "body_base64": b64(JSON)}
    assert answers("verify_webhook", "--cases", cases(tmp_path, told | {"id": 1})) == [
        {"id": 1, "valid": True}
    ]


def test_many_are_verified_at_once(tmp_path: Path) -> None:
    call = messagebird()
    good = {
        "id": "a", "provider": "messagebird_jwt", "secret": SECRET, "method": "POST",
        "url": call.url, "headers": dict(call.headers), "body_base64": b64(call.body), "now": NOW,
    }  # fmt: skip
    told = answers(
        "verify_webhook",
        "--cases",
        cases(
            tmp_path,
            good,
            good | {"id": "late", "now": NOW + 3600},
            good | {"id": "forged", "body_base64": b64(b"{}")},
            good | {"id": "no secret", "secret": ""},
            good
            | {"id": "pairs", "headers": [[name, value] for name, value in call.headers.items()]},
            good | {"id": "twice", "headers": [*map(list, call.headers.items())] * 2},
            good | {"id": "odd", "now": "soon"},
            good | {"id": "no text", "secret": [SECRET]},
            good | {"id": "no address", "url": None},
            good | {"id": "nobody", "provider": "fax"},
        ),
    )
    assert [(one["id"], one["valid"]) for one in told] == [
        ("a", True),
        ("late", False),
        ("forged", False),
        ("no secret", False),
        ("pairs", True),
        ("twice", False),
        ("odd", False),
        ("no text", False),
        ("no address", False),
        ("nobody", False),
    ]
