"""What the doors of a chat refuse, and how they say so; files; floods."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from channels_inbox import receive
from channels_inbox.chat import limits, signatures, uploads, visitors
from channels_inbox.chat.urls import urlpatterns
from channels_inbox.models import Envelope, Upload
from channels_inbox.models import Visitor as Row
from conversations import attachments
from conversations.models import Attachment, Entry, Identity, Inbox
from tests.channels_inbox.chatting import Visitor, make_chat
from tests.pictures import picture

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from tests.builders import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(cast: Cast) -> Inbox:
    return make_chat(cast.support)


@pytest.fixture
def kim(chat: Inbox) -> Visitor:
    visitor = Visitor(chat)
    visitor.begin()
    return visitor


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def send_up(visitor: Visitor, content: bytes, name: str, kind: str = "text/plain") -> Any:
    file = io.BytesIO(content)
    file.name = name
    return visitor.client.post(visitor.path("files"), {"file": file}, headers=visitor.headers)


def store_all() -> None:
    attachments.store_waiting(receive.read_file)


def test_every_door_of_a_closed_or_unknown_chat_is_not_there(cast: Cast, chat: Inbox) -> None:
    Inbox.objects.filter(pk=chat.pk).update(is_active=False)
    for key in (chat.public_id, "nowhere", cast.inbox.public_id):
        for name in ("session", "since", "messages", "files", "seen", "email", "leave", "resume"):
            method = "get" if name == "since" else "post"
            assert getattr(Client(), method)(f"/w/{key}/{name}/").status_code == 404, name
        assert Client().get(f"/w/{key}.js").status_code == 404
        assert Client().get(f"/w/{key}/panel/").status_code == 404
        assert Client().get(f"/chat/{key}/").status_code == 404
        assert Client().get(f"/w/resume/{key}/22222222/").status_code == 404


def test_every_route_is_accounted_for() -> None:
    assert {str(route.name) for route in urlpatterns} == {
        *("loader", "panel", "session", "since", "messages", "upload", "file", "seen", "email"),
        *("leave", "form", "confirm", "resume", "resume-by-code"),
    }


def test_without_a_token_only_the_session_opens(kim: Visitor) -> None:
    stranger = Visitor(kim.inbox, token="made-up")
    for name in ("messages", "files", "seen", "email", "resume"):
        assert told(stranger.post(name, text="x")) == (401, "token"), name
    for path in (kim.path("since"), kim.path(f"files/{uuid.uuid4()}")):
        assert told(Client().get(path, headers=stranger.headers)) == (401, "token")
    assert stranger.begin()["token"] != "made-up"
    assert Client().get(kim.path("messages")).status_code == 405


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"text": ""}, (400, "empty")),
        ({"text": "   \n"}, (400, "empty")),
        ({"text": "\x00\x01"}, (400, "empty")),
        ({"text": ["x"]}, (400, "empty")),
        ({"text": "x" * 10_001}, (400, "too_long")),
        ({"text": "x", "client_token": "7"}, (400, "client_token")),
        ({"text": "x", "client_token": None}, (400, "client_token")),
        ({"text": "x", "client_token": {"a": 1}}, (400, "client_token")),
        ({"text": "x", "email": "no address"}, (400, "email")),
        ({"text": "x", "files": ["7"]}, (404, "file")),
        ({"text": "x", "files": "all"}, (404, "file")),
        ({"text": "x", "files": [str(uuid.uuid4())]}, (404, "file")),
        ({"text": "x", "files": [str(uuid.uuid4())] * 11}, (400, "too_many_files")),
    ],
)
def test_what_is_no_message_is_refused_and_not_kept(
    kim: Visitor, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert told(kim.send(**sent)) == expected
    assert not Envelope.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"7", b"\xff", b"[" * 50_000])
def test_what_is_no_json_is_refused(kim: Visitor, body: bytes) -> None:
    answer = kim.client.post(
        kim.path("messages"), body, content_type="application/json", headers=kim.headers
    )
    assert answer.status_code == 400


def test_a_body_over_64_kb_is_refused(kim: Visitor) -> None:
    assert told(kim.send("x", page="x" * 70_000)) == (413, "too_large")
    assert told(kim.post("session", language="x" * 70_000)) == (413, "too_large")


def test_names_answers_and_pages_are_bounded_and_made_harmless(kim: Visitor) -> None:
    kim.say(
        "Hi\u202e there",
        name="Kim\x00\n\u200b Lee" + "x" * 200,
        answers={"Order": "1" * 500, "a": 7, "b": "x", "c": "y"},
        page="https://user:pw@shop.example/cart?x=1#token",
    )
    entry = Entry.objects.get(kind="message")
    assert len(entry.data["claimed"]["name"]) == 100
    assert entry.data["claimed"]["name"].startswith("Kim Leexx")
    assert entry.data["answers"] == {"Order": "1" * 300, "b": "x"}
    assert entry.data["page"] == "https://shop.example/cart?x=1"
    for page in ("javascript:alert(1)", "data:text/html,x", "https://[", "/relative"):
        kim.say("Again", page=page)
    assert not Entry.objects.filter(data__page__startswith="j").exists()


def test_the_same_message_again_is_the_same_answer_and_one_entry(kim: Visitor) -> None:
    token = str(uuid.uuid4())
    first = kim.send("Once", client_token=token)
    second = kim.send("Twice?", client_token=token.upper())
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    receive.process_waiting("fast")
    assert kim.texts() == ["Once"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example", 204),
        ("https://www.shop.example", 403),
        ("https://shop.example.evil.example", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://testserver", 204),
        (None, 204),
    ],
)
def test_only_pages_of_its_sites_may_use_a_chat(
    cast: Cast, origin: str | None, status: int
) -> None:
    chat = make_chat(cast.support, domains=("shop.example",))
    visitor = Visitor(chat)
    visitor.begin()
    answer = visitor.client.post(
        visitor.path("leave"),
        json.dumps({"token": visitor.token}),
        content_type="text/plain",
        headers={"origin": origin} if origin else {},
    )
    assert answer.status_code == status


def test_leaving_is_noted_and_coming_back_too(kim: Visitor) -> None:
    kim.say()
    kim.client.post(kim.path("leave"), json.dumps({"token": kim.token}), content_type="text/plain")
    assert Identity.objects.get().left_at is not None
    kim.since()
    assert Identity.objects.get().left_at is None
    assert kim.client.post(kim.path("leave"), b"{}", content_type="text/plain").status_code == 204


# Files


def test_a_picture_goes_up_is_shown_and_its_address_ends(kim: Visitor) -> None:
    up = send_up(kim, picture(), "cat.png")
    assert up.status_code == 201
    assert up.json() | {"id": ""} == {
        "id": "",
        "name": "cat.png",
        "size": len(picture()),
        "type": "image/png",
        "image": True,
    }
    kim.say("", files=[up.json()["id"]])
    (waiting,) = kim.since()["entries"]
    assert [one["url"] for one in waiting["files"]] == [""]
    rev = waiting["rev"]
    store_all()
    (stored,) = kim.since(rev)["entries"]
    (file,) = stored["files"]
    assert (stored["id"], file["width"], file["height"]) == (waiting["id"], 3, 2)
    answer = Client().get(file["url"])
    assert Image.open(io.BytesIO(answer.content)).size == (3, 2)
    assert answer["Content-Type"] == "image/webp"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    whole = Client().get(file["url"] + "&keep")
    assert b"".join(whole.streaming_content) == picture()
    assert whole["Content-Disposition"].startswith("attachment")

    bare = file["url"].partition("?")[0]
    fresh = kim.client.get(bare, headers=kim.headers).json()
    assert Client().get(fresh["url"]).status_code == 200
    assert told(Client().get(bare)) == (401, "token")
    assert told(Client().get(f"{bare}?sig=x:y")) == (404, "file")
    other = Visitor(kim.inbox)
    other.begin()
    assert told(other.client.get(bare, headers=other.headers)) == (404, "file")
    Entry.objects.filter(kind="message").update(withdrawn_at=timezone.now())
    assert told(Client().get(fresh["url"])) == (404, "file")


def test_a_signed_address_ends_after_minutes(kim: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    kim.say("", files=[send_up(kim, picture(), "cat.png").json()["id"]])
    store_all()
    address = kim.since()["entries"][0]["files"][0]["url"]
    import time_machine

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert told(Client().get(address)) == (404, "file")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "x.png"),
        (b"<html><script>alert(1)</script>", "x.html"),
        (b"GIF89a<script>", "x.gif"),
        (b"%PDF-1.4", "x.pdf"),
    ],
)
def test_all_else_is_a_download_that_runs_nothing(kim: Visitor, content: bytes, name: str) -> None:
    up = send_up(kim, content, name, "image/png")
    assert up.json()["image"] is False
    kim.say("", files=[up.json()["id"]])
    store_all()
    answer = Client().get(kim.since()["entries"][0]["files"][0]["url"])
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")


def test_programs_and_too_large_files_are_refused(kim: Visitor, settings: Settings) -> None:
    settings.ATTACHMENT_MAX_BYTES = 1000
    assert told(send_up(kim, b"x", "run\u200b.exe")) == (400, "program")
    assert told(send_up(kim, b"x" * 1001, "x.txt")) == (413, "too_large")
    assert told(send_up(kim, b"x" * 70_000, "x.txt")) == (413, "too_large")
    assert told(kim.post("files")) == (400, "no_file")
    for _ in range(9):
        send_up(kim, b"x" * 1000, "x.txt")
    assert told(send_up(kim, b"x", "x.txt")) == (413, "too_large")


def test_a_file_of_another_visitor_cannot_be_sent(kim: Visitor) -> None:
    other = Visitor(kim.inbox)
    other.begin()
    theirs = send_up(other, b"secret", "x.txt").json()["id"]
    assert told(kim.send("Mine now", files=[theirs])) == (404, "file")


def test_old_uploads_and_windows_nobody_wrote_in_go_away(kim: Visitor) -> None:
    kim.say("", files=[send_up(kim, b"kept", "x.txt").json()["id"]])
    store_all()
    Visitor(kim.inbox).begin()
    past = timezone.now() - timedelta(days=40)
    Upload.objects.update(created_at=past)
    Row.objects.update(here_at=past)
    assert (uploads.forget_old(), visitors.forget_strangers()) == (1, 1)
    assert Row.objects.count() == 1
    assert Attachment.objects.get().state == "stored"


# Floods


def test_who_knocks_too_often_is_told_when_to_come_again(kim: Visitor, settings: Settings) -> None:
    limits.COUNTS.forget()
    settings.CHAT_LIMITS_TIMES = 1
    answers = [kim.send("x") for _ in range(31)]
    assert [one.status_code for one in answers[:30]] == [202] * 30
    assert told(answers[30]) == (429, "too_many")
    assert answers[30]["Retry-After"] == "60"
    limits.COUNTS.forget()


def test_a_picture_that_breaks_each_time_is_not_drawn_for_ever(
    kim: Visitor, settings: Settings
) -> None:
    out = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(out, "PNG")
    kim.say("", files=[send_up(kim, out.getvalue()[:-900], "cat.png").json()["id"]])
    kim.say("", files=[send_up(kim, picture(), "dog.png").json()["id"]])
    store_all()
    cat, dog = (one["files"][0]["url"] for one in kim.since()["entries"])
    Client().get(dog)
    limits.COUNTS.forget()
    settings.CHAT_LIMITS_TIMES = 1
    codes = [Client().get(cat).status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]
    # One that was drawn before, and the file as it is, cost next to nothing.
    assert Client().get(dog).status_code == 200
    assert Client().get(cat + "&keep").status_code == 200
    limits.COUNTS.forget()


def test_signing_in_is_limited_too(chat: Inbox, settings: Settings) -> None:
    limits.COUNTS.forget()
    settings.CHAT_LIMITS_TIMES = 1
    signatures.new_secret(chat)
    codes = [Visitor(chat).post("session", signed="x").status_code for _ in range(121)]
    assert (codes[0], codes[-1]) == (401, 429)
    limits.COUNTS.forget()
