"""Who a visitor is: what a signature proves, what it doesn't, and every way to pretend (T9)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from channels_inbox import receive, vault
from channels_inbox.chat import signatures, visitors
from channels_inbox.models import Visitor as Row
from conversations import merges
from conversations.models import Conversation, Entry, Identity, Merge, Ticket
from tests.builders import answer, make_inbox, write_in
from tests.channels_inbox.chatting import Visitor, make_chat, new_secret, sign

if TYPE_CHECKING:
    from conversations.models import Inbox
    from tests.builders import Cast

pytestmark = pytest.mark.django_db
MAIL = {"email": "kim@example.org", "email_verified": True}


@pytest.fixture
def chat(cast: Cast) -> Inbox:
    return make_chat(cast.support)


def unsigned(claims: dict[str, Any]) -> str:
    """A token that says itself that nobody signed it."""
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*coded, b""]).decode()


def claims_of(chat: Inbox, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "u1", "aud": chat.public_id, "iat": now, "exp": now + 300, **changes}


def forgeries(chat: Inbox, secret: str, other: Inbox) -> dict[str, str]:
    now = int(time.time())
    good = sign(chat, secret)
    header, body, mac = good.split(".")
    return {
        "nothing": "x",
        "no algorithm": unsigned(claims_of(chat)),
        "the signature cut off": f"{header}.{body}.",
        "another signature": f"{header}.{body}.{mac[::-1]}",
        "another algorithm": jwt.encode(claims_of(chat), secret * 2, algorithm="HS512"),
        "another secret": jwt.encode(claims_of(chat), "x" * 64, algorithm="HS256"),
        "an empty secret": jwt.encode(claims_of(chat), "\0", algorithm="HS256"),
        "the public id as secret": jwt.encode(claims_of(chat), chat.public_id * 2, "HS256"),
        "another chat's": sign(other, secret),
        "many chats": sign(chat, secret, aud=[chat.public_id, other.public_id]),
        "no chat": sign(chat, secret, aud=None),
        "expired": sign(chat, secret, iat=now - 400, exp=now - 100),
        "endless": sign(chat, secret, exp=None),
        "too long": sign(chat, secret, exp=now + 3600),
        "not begun": sign(chat, secret, iat=now + 200),
        "begun long ago": sign(chat, secret, iat=now - 86_400),
        "no beginning": sign(chat, secret, iat=None),
        "nobody": sign(chat, secret, sub=None),
        "an empty name": sign(chat, secret, subject=""),
        "a number": sign(chat, secret, sub=7),
        "a name with a space behind": sign(chat, secret, subject="u1 "),
        "a name written another way": sign(chat, secret, subject="cafe\u0301"),
        "a hidden character": sign(chat, secret, subject="u1\u200b"),
        "a control character": sign(chat, secret, subject="u1\x00"),
        "far too long": sign(chat, secret, subject="u" * 201),
    }


def test_every_forgery_is_refused_alike_and_the_visitor_stays_a_stranger(
    cast: Cast, chat: Inbox
) -> None:
    other = make_chat(cast.billing, "Other chat")
    secret = new_secret(chat)
    new_secret(other)
    answers = {}
    for name, token in forgeries(chat, secret, other).items():
        answered = Visitor(chat).post("session", signed=token)
        answers[name] = (answered.status_code, answered.json().get("error"))
    assert answers == dict.fromkeys(answers, (401, "signature"))
    assert not Row.objects.filter(subject__gt="").exists()
    for odd in (7, ["x"], {"alg": "none"}, True):
        assert Visitor(chat).post("session", signed=odd).status_code == 401


def test_without_a_secret_nobody_can_sign(chat: Inbox) -> None:
    for key in ("", "x" * 64):
        token = jwt.encode(claims_of(chat), key or "\0", algorithm="HS256")
        assert Visitor(chat).post("session", signed=token).status_code == 401


def test_a_replaced_secret_works_until_it_is_stopped(chat: Inbox) -> None:
    old = new_secret(chat)
    new_secret(chat)
    assert Visitor(chat, signed=sign(chat, old)).begin()["signed"]
    vault.stop_before(chat, signatures.SECRET)
    assert Visitor(chat).post("session", signed=sign(chat, old)).status_code == 401


def test_a_verified_address_joins_that_customers_history_in_the_desk_only(
    cast: Cast, chat: Inbox
) -> None:
    mail = write_in(cast.inbox, "kim@example.org", text="My order, by mail")
    kim = Visitor(chat, signed=sign(chat, new_secret(chat), **MAIL))
    kim.begin()
    kim.say("My order, by chat")
    assert Conversation.objects.live().count() == 1
    entry = Entry.objects.get(text="My order, by chat")
    mail.refresh_from_db()
    assert (entry.proof, entry.conversation_id) == ("signed", mail.conversation_id)
    assert Identity.objects.get(kind="email").proof == "signed"
    assert kim.texts() == ["My order, by chat"]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "kim@example.org"},
        {"email": "kim@example.org", "email_verified": False},
        {"email": "kim@example.org", "email_verified": "true"},
        {"email": "kim@example.org", "email_verified": 1},
        {"email": ["kim@example.org"], "email_verified": True},
    ],
)
def test_an_address_the_site_has_not_verified_joins_nothing(
    cast: Cast, chat: Inbox, claims: dict[str, Any]
) -> None:
    write_in(cast.inbox, "kim@example.org")
    eve = Visitor(chat, signed=sign(chat, new_secret(chat), **claims))
    eve.begin()
    eve.say()
    assert Conversation.objects.live().count() == 2
    assert not Merge.objects.exists()


def test_who_signs_in_keeps_what_they_wrote_before(cast: Cast, chat: Inbox) -> None:
    secret = new_secret(chat)
    elsewhere = Visitor(chat, signed=sign(chat, secret))
    elsewhere.begin()
    elsewhere.say("From my phone")
    kim = Visitor(chat)
    kim.begin()
    kim.say("Before signing in")
    stale = kim.since()["rev"]
    kim.signed = sign(chat, secret)
    token = kim.token
    assert kim.begin()["token"] == token
    kim.say("After it")
    assert kim.since(stale + 1)["reset"] or stale == 0
    assert sorted(kim.texts()) == ["After it", "Before signing in", "From my phone"]
    assert sorted(elsewhere.texts()) == sorted(kim.texts())
    assert Conversation.objects.live().count() == 1
    row = Row.objects.get(token_hash=visitors.digest(token))
    assert row.identity is not None
    assert row.identity.value == "user:u1"


def test_another_user_or_signing_out_gets_a_new_token_that_sees_nothing(
    cast: Cast, chat: Inbox
) -> None:
    secret = new_secret(chat)
    kim = Visitor(chat, signed=sign(chat, secret, "kim"))
    kim.begin()
    kim.say("Kim's secret")
    first = kim.token

    lee = Visitor(chat, token=first, signed=sign(chat, secret, "lee"))
    assert lee.begin()["token"] != first
    lee.say("Lee's own")
    assert lee.texts() == ["Lee's own"]

    nobody = Visitor(chat, token=lee.token)
    assert nobody.begin()["token"] != lee.token
    assert nobody.texts() == []
    for old in (first, lee.token):
        answered = Visitor(chat, token=old).send("Still me?")
        assert (answered.status_code, answered.json()["error"]) == (401, "token")
    assert Conversation.objects.live().count() == 2


def test_a_message_sent_just_before_signing_in_is_the_users(cast: Cast, chat: Inbox) -> None:
    kim = Visitor(chat)
    kim.begin()
    assert kim.send("Waiting to be read").status_code == 202
    kim.signed = sign(chat, new_secret(chat))
    kim.begin()
    receive.process_waiting("fast")
    assert Identity.objects.get().value == "user:u1"
    assert kim.texts() == ["Waiting to be read"]


def test_signing_in_that_broke_off_is_ended_by_the_next_message(cast: Cast, chat: Inbox) -> None:
    kim = Visitor(chat)
    kim.begin()
    kim.say("Before")
    # As if the process had died between the two steps.
    Row.objects.update(subject="u1", signed_at="2099-01-01T00:00Z")
    assert kim.texts() == []
    kim.say("After")
    assert kim.texts() == ["Before", "After"]
    assert Conversation.objects.live().count() == 1


def test_what_a_stranger_types_is_a_claim(cast: Cast, chat: Inbox) -> None:
    write_in(cast.inbox, "kim@example.org", label="Kim")
    eve = Visitor(chat)
    eve.begin()
    eve.say(name="Kim\u202e <admin>", email="KIM@example.org")
    entry = Entry.objects.get(direction="in", inbox=chat)
    assert entry.data["claimed"] == {"name": "Kim <admin>", "email": "kim@example.org"}
    assert entry.proof == "claimed"
    assert Identity.objects.filter(kind="email").count() == 1
    assert Conversation.objects.live().count() == 2
    eve.say(email="kim@example.org")
    assert Entry.objects.filter(event="address_claimed").count() == 1


def test_tokens_of_other_chats_and_made_up_ones_open_nothing(cast: Cast, chat: Inbox) -> None:
    other = make_chat(cast.billing, "Other chat")
    kim = Visitor(chat)
    kim.begin()
    for token in ("", "x", kim.token[:-1], kim.token + "x", Row.objects.get().token_hash):
        assert Visitor(chat, token=token).post("seen", rev=1).status_code == 401
    assert Visitor(other, token=kim.token).post("seen", rev=1).status_code == 401
    assert kim.token not in json.dumps(list(Row.objects.values_list("token_hash", "public_id")))


def test_a_join_taken_back_parts_the_windows_too(cast: Cast, chat: Inbox) -> None:
    secret = new_secret(chat)
    main = Visitor(chat, signed=sign(chat, secret))
    main.begin()
    main.say("Mine")
    shared = Visitor(chat)
    shared.begin()
    shared.say("Somebody else at this computer")
    shared.signed = sign(chat, secret)
    shared.begin()
    assert len(main.texts()) == 2
    cursor = main.since()["rev"]
    merges.undo(Merge.objects.get(), by=cast.alice)
    assert main.since(cursor)["reset"]
    assert main.texts() == ["Mine"]
    # The proof doesn't undo what an agent decided.
    main.say("Still me")
    assert Merge.objects.count() == 1
    stranger = Identity.objects.exclude(value="user:u1").get()
    assert stranger.stream is None
    sent = answer(
        Ticket.objects.get(conversation=stranger.conversation),
        by=cast.alice,
        inbox=chat,
        to=stranger,
        text="To the other one",
    )
    assert isinstance(sent, Entry)
    assert main.texts() == ["Mine", "Still me"]
    assert sent.public_rev is not None


def test_a_chat_writes_to_its_own_visitors_only(cast: Cast, chat: Inbox) -> None:
    other = make_chat(cast.support, "Other chat")
    kim = Visitor(chat)
    kim.begin()
    kim.say()
    identity = Identity.objects.get()
    assert chat.writes_to(identity)
    assert not other.writes_to(identity)
    assert not make_inbox(cast.support).writes_to(identity)
