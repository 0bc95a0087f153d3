import base64

from channels_inbox.email.parse import extract, parse
from channels_inbox.email.tests.mails import multipart, part, tnef

ANN = b"From: ann@example.com\n"


def test_alternative_gives_text_and_html() -> None:
    mail = parse(
        multipart(
            part(b"text/plain", b"plain"), part(b"text/html", b"<p>rich"), kind=b"alternative"
        )
    )
    assert (mail.text, mail.html) == ("plain", "<p>rich")
    assert mail.attachments == ()


def test_html_alone_becomes_text() -> None:
    mail = parse(ANN + b"Content-Type: text/html\n\n<style>x{}</style><p>Hello</p><p>World</p>")
    assert mail.text.split() == ["Hello", "World"]


def test_image_shown_by_the_html_is_inline() -> None:
    image = part(
        b"image/png; name=logo.png", b"AAAA", b"Content-ID: <logo@x>",
        b"Content-Disposition: attachment",
    )  # fmt: skip
    mail = parse(multipart(part(b"text/html", b'<img src="cid:logo@x">'), image, kind=b"related"))
    assert [(one.filename, one.inline, one.content_id) for one in mail.attachments] == [
        ("logo.png", True, "logo@x")
    ]


def test_attached_message_stays_whole() -> None:
    inner = b"Subject: inner\n\ninner text"
    raw = multipart(part(b"text/plain", b"see below"), part(b"message/rfc822", inner))
    mail = parse(raw)
    assert mail.text == "see below"
    assert extract(raw, 0) == inner


def test_text_file_is_an_attachment() -> None:
    raw = multipart(
        part(b"text/plain", b"body"),
        part(b"text/plain; name=log.txt", b"bG9n", b"Content-Transfer-Encoding: base64"),
    )
    mail = parse(raw)
    assert mail.text == "body"
    assert mail.attachments[0].filename == "log.txt"
    assert extract(raw, 0) == b"log"


def test_missing_closing_line_and_wrong_boundary_are_survived() -> None:
    assert (
        parse(multipart(part(b"text/plain", b"kept")).replace(b"--edge--", b"")).text.strip()
        == "kept"
    )
    raw = ANN + b"Content-Type: multipart/mixed; boundary=no\n\n--yes\n" + part(b"text/plain", b"a")
    assert parse(raw).text == "a"


def test_multipart_without_any_boundary_shows_its_body() -> None:
    mail = parse(ANN + b"Content-Type: multipart/mixed; boundary=x\n\nall there is")
    assert mail.text == "all there is"
    assert "boundary_missing" in mail.problems


def test_line_among_the_headers_is_kept_as_text() -> None:
    mail = parse(b"Subject: s\nThis is no header\nTo: bob@example.com\n\nbody")
    assert mail.text.split("\n") == ["This is no header", "", "body"]
    assert mail.to[0].address == "bob@example.com"


def test_base64_with_rubbish_and_two_runs() -> None:
    head = ANN + b"Content-Transfer-Encoding: base64\n\n"
    assert parse(head + b"aGVs!bG8=\nIHdvcmxk\n").text == "hello world"


def test_uuencoded_file_leaves_the_text() -> None:
    raw = ANN + b"\nbefore\nbegin 644 cat.txt\n#0V%T\n`\nend\nafter"
    mail = parse(raw)
    assert mail.text == "before\n\nafter"
    assert mail.attachments[0].filename == "cat.txt"
    assert extract(raw, 0) == b"Cat"


def test_tnef_is_opened() -> None:
    container = tnef((0x9002, b"\0" * 14), (0x8010, b"report.txt\0"), (0x800F, b"content"))
    raw = multipart(
        part(b"text/plain", b"body"),
        part(b"application/ms-tnef; name=winmail.dat", base64.b64encode(container),
             b"Content-Transfer-Encoding: base64"),
    )  # fmt: skip
    assert [one.filename for one in parse(raw).attachments] == ["report.txt"]
    assert extract(raw, 0) == b"content"


def test_tnef_body_is_used_where_there_is_no_other() -> None:
    raw = ANN + b"Content-Type: application/ms-tnef\n\n" + tnef((0x800C, b"Hello from Outlook\0"))
    assert parse(raw).text == "Hello from Outlook"


def test_broken_tnef_stays_an_attachment() -> None:
    raw = ANN + b"Content-Type: application/ms-tnef\n\nno container"
    assert [one.content_type for one in parse(raw).attachments] == ["application/ms-tnef"]
