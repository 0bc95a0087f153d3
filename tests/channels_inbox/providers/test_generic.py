"""Any other system: README's client against a running desk, and what only this channel has."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from channels_inbox.gates.models import Gate
from conversations import deliveries
from conversations.models import Attachment, Delivery, Entry, Identity
from helpdesk.embedded import server_port
from helpdesk.sandbox import standard
from helpdesk.sandbox.generic import GenericSandbox
from helpdesk.sandbox.provider import PICTURE, Reply, Request
from tests.channels_inbox.providers.conftest import Place, connected, hand_over, knock
from tests.patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conversations.models import Agent
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
README = Path(__file__).resolve().parents[3] / "README.md"


@pytest.fixture
def sandbox() -> Iterator[GenericSandbox]:
    with GenericSandbox(knock=knock) as server:
        yield server


@pytest.fixture
def place(sandbox: GenericSandbox, cast: Cast, admin: Agent) -> Place:
    return connected(sandbox, cast, admin)


def post(sandbox: GenericSandbox, kind: str, **more: object) -> int:
    return sandbox.call(sandbox._post(sandbox.event(kind, **more)))  # type: ignore[arg-type]


def test_ids_of_two_systems_are_two_people(
    place: Place, sandbox: GenericSandbox, cast: Cast, admin: Agent
) -> None:
    with GenericSandbox(knock=knock) as second:
        connected(second, cast, admin)
        sandbox.says("Hi")
        second.says("Hi")
        place.work()
    assert Identity.objects.filter(value=sandbox.customer).count() == 2
    assert set(Identity.objects.values_list("proof", flat=True)) == {"verified"}


def test_an_answer_goes_where_they_wrote_last_under_a_key(
    place: Place, sandbox: GenericSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    seen: list[Request] = []
    serve = sandbox.serve

    def noting(request: Request) -> Reply:
        seen.append(request)
        return serve(request)

    sandbox.serve = noting  # type: ignore[method-assign]
    answer = place.answer("Hello")
    sandbox.faults = ["dropped"]
    assert place.send(answer).state == "queued"
    assert b'"conversation_id": "order-4471"' in seen[0].body
    assert seen[0].headers["webhook-id"] == str(answer.client_token)


def test_hung_up_on_again_and_again_it_is_for_an_agent_to_decide(
    place: Place, sandbox: GenericSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    answer = place.answer("Hello")
    sandbox.faults = ["dropped"] * 8
    gates = []
    for _try in range(8):
        Gate.objects.update(shut_at=None, failures=0)
        gates.append(place.send(answer).state)
    assert gates == [*["queued"] * 7, "ambiguous"]
    assert len(sandbox.took) == 1


def test_what_failed_later_goes_out_again_under_another_key(
    place: Place, sandbox: GenericSandbox
) -> None:
    """The other side takes each key once."""
    sandbox.says("Hi")
    place.work()
    answer = place.answer("Hello")
    sandbox.tells(place.send(answer).provider_id, "failed")
    place.work()
    deliveries.send_again(answer.delivery, by=place.cast.alice)
    delivery = place.send(answer)
    assert (delivery.state, [got.text for got in sandbox.took]) == ("sent", ["Hello"] * 2)
    sandbox.tells(sandbox.took[1].name, "delivered")
    place.work()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"


def test_a_system_that_gives_all_messages_one_name_gets_all(
    place: Place, sandbox: GenericSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    serve = sandbox.serve

    def naming(request: Request) -> Reply:
        reply = serve(request)
        return Reply(reply.status, b'{"message_id": "order-4471"}')

    sandbox.serve = naming  # type: ignore[method-assign]
    sent = [place.send(place.answer(text)) for text in ("one", "two")]
    assert [one.state for one in sent] == ["sent", "sent"]
    assert [one.provider_id for one in sent] == ["order-4471", ""]
    assert [got.text for got in sandbox.took] == ["one", "two"]


def test_a_worker_that_died_while_sending_leaves_it_to_the_next(
    place: Place, sandbox: GenericSandbox
) -> None:
    sandbox.says("Hi")
    place.work()
    answer = place.answer("Hello")
    [lease] = deliveries.claim([place.inbox.pk], 1)
    assert deliveries.handing_over(lease)
    Delivery.objects.update(lease_until=answer.at)
    assert deliveries.expire_leases() == 1
    assert place.send(answer).state == "sent"
    assert len(sandbox.took) == 1


def test_a_message_taken_back_is_marked(place: Place, sandbox: GenericSandbox) -> None:
    name = sandbox.says("Hi")
    assert sandbox.call(sandbox.takes_back(name)) // 100 == 2
    place.work()
    assert Entry.objects.get(kind="message").withdrawn_at is not None


def test_files_come_enclosed_or_by_address(place: Place, sandbox: GenericSandbox) -> None:
    serve = sandbox.serve
    sandbox.serve = lambda request: (  # type: ignore[method-assign]
        Reply(200, b"by address") if request.path == "/b.txt" else serve(request)
    )
    files = [
        {
            "base64": base64.b64encode(PICTURE).decode(),
            "name": "a.png",
            "content_type": "image/png",
        },
        {"url": f"{sandbox.url}/b.txt", "name": "b.txt", "content_type": "text/plain"},
        {"base64": "%%%", "name": "c.txt", "content_type": "text/plain"},
    ]
    assert post(sandbox, "message", text="Here", attachments=files) // 100 == 2
    place.work()
    found = []
    for row in Attachment.objects.filter(state="stored").order_by("position"):
        with default_storage.open(row.storage_key) as file:
            found.append(file.read())
    assert found == [PICTURE, b"by address"]
    assert Attachment.objects.get(filename="c.txt").state != "stored"


def test_what_your_own_people_wrote_is_shown_as_ours(place: Place, sandbox: GenericSandbox) -> None:
    sandbox.says("Hi")
    post(sandbox, "echo", text="We are on it.")
    place.work()
    entry = Entry.objects.get(text="We are on it.")
    assert (entry.direction, entry.data["echo"]) == ("out", True)


def test_an_old_call_is_refused(place: Place, sandbox: GenericSandbox) -> None:
    call = sandbox.call_of("Hi")
    old = standard.headers(sandbox.secret, call.body, at=time.time() - 301)
    assert knock(call.url, old, call.body) == 401
    assert knock(call.url, call.headers, call.body) == 202


def test_a_secret_is_changed_over_without_a_gap(
    place: Place, sandbox: GenericSandbox, admin: Agent
) -> None:
    old, third = sandbox.secret, "whsec_" + "QQ" * 20
    hand_over(sandbox, place.inbox, admin)
    new = sandbox.secret
    said = []
    for sandbox.secret in (old, new, third):
        said.append(knock(**vars(sandbox.call_of("Hi"))))
    assert said == [202, 202, 401]
    place.work()
    answer = place.answer("Hello")
    sandbox.secret = old  # its side has not changed over yet
    assert place.send(answer).state == "sent"
    client = Client()
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    client.post(reverse("inboxes:stop-old-secret", args=[place.inbox.pk]))
    assert knock(**vars(sandbox.call_of("Hi"))) == 401
    sandbox.secret = new
    assert knock(**vars(sandbox.call_of("Hi"))) == 202


def test_the_client_of_the_readme(cast: Cast, admin: Agent, tmp_path: Path) -> None:
    """As it stands there, in a process of its own."""
    code = README.read_text().partition("This is a whole client:")[2]
    file = tmp_path / "client.py"
    file.write_text(code.partition("```python\n")[2].partition("```")[0])
    assert len([line for line in file.read_text().splitlines() if line.strip()]) <= 40
    port = server_port()
    told = GenericSandbox(knock=knock)
    told.port = port
    place = connected(told, cast, admin)
    hand_over(told, place.inbox, admin)
    got: list[tuple[str, dict[str, str], bytes]] = []
    with _Hook(got) as hook:
        run = subprocess.Popen(
            [sys.executable, str(file)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DESK_HOOK": hook, "DESK_SECRET": told.secret, "PORT": str(port)},
        )
        try:
            until(lambda: bool(got))
            _path, headers, body = got[0]
            assert knock(told.hook, headers, body) == 202
            place.work()
            assert Entry.objects.get(kind="message").text == "Where is my lamp?"
            until(lambda: _is_open(port))
            told_customer = "customer-17"
            assert told_customer == told.customer
            assert place.send(place.answer("It comes tomorrow.")).state == "sent"
            assert run.stdout is not None
            line = run.stdout.readline()
            assert re.match(r"customer-17 It comes tomorrow\. [0-9a-f-]{36}\n", line)
        finally:
            run.terminate()
            run.wait(PATIENCE)


class _Hook:
    """Notes what is posted, and takes it."""

    def __init__(self, got: list[tuple[str, dict[str, str], bytes]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((self.path, dict(self.headers.items()), body))
                self.send_response(202)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _is_open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
