"""Mails put together again out of what a provider took apart, and forms with files in them."""

from __future__ import annotations

from channels_inbox.calls import Call
from channels_inbox.email.parse import extract, parse
from channels_inbox.email.posted.mail import File, compose
from channels_inbox.readers import READERS


def test_headers_are_kept_and_none_can_be_slipped_in() -> None:
    headers = [
        ("Subject", "Chào\r\nBcc: evil@example.com"),
        ("X-One", "1"),
        ("X-One", "2"),
        ("Bad name", "x"),
        ("Content-Type", "text/html"),
        ("Evil\r\nBcc", "x"),
    ]
    raw = compose(headers, "thân", "")
    head = raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert head[:3] == ["Subject: Chào Bcc: evil@example.com", "X-One: 1", "X-One: 2"]
    assert not [line for line in head if line.lower().startswith(("bcc", "bad", "evil"))]
    mail = parse(raw)
    assert (mail.subject, mail.text.strip()) == ("Chào Bcc: evil@example.com", "thân")


def test_files_keep_their_bytes_and_lie_about_nothing() -> None:
    files = [
        File(b"\x00\xff\r\n", "a\r\nb.bin", "multipart/mixed"),
        File(b"img", "", "image/png", "<c1>"),
    ]
    raw = compose([("From", "a@example.com")], "", "<img src='cid:c1'>", files)
    mail = parse(raw)
    assert [(one.filename, one.content_type, one.inline) for one in mail.attachments] == [
        ("a b.bin", "application/octet-stream", False),
        (mail.attachments[1].filename, "image/png", True),
    ]
    assert [extract(raw, index) for index in (0, 1)] == [b"\x00\xff\r\n", b"img"]


def test_a_form_with_files() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="headers"\r\n\r\n'
        b"From: hoa@example.com\r\nMessage-ID: <m1@example.com>\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nch\xe0o\r\n'
        b'--x\r\nContent-Disposition: form-data; name="charsets"\r\n\r\n{"text": "latin-1"}\r\n'
        b'--x\r\nContent-Disposition: form-data; name="attachment-info"\r\n\r\n'
        b'{"attachment1": {"filename": "\xe1\xba\xa3nh.png", "type": "image/png"}}\r\n'
        b'--x\r\nContent-Disposition: form-data; name="attachment1"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x00\r\n--x--\r\n"
    )
    call = Call(body, {"content-type": "multipart/form-data; boundary=x"})
    (event,) = READERS["sendgrid"].parse(call)
    assert (event.text.strip(), event.message_id) == ("chào", "m1@example.com")
    assert [(one.name, one.content_type) for one in event.attachments] == [("ảnh.png", "image/png")]
