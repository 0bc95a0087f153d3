"""HTML of strangers: nothing runs, nothing is fetched, nothing hides."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations import attachments
from conversations.models import Attachment, EntryBody
from conversations.views import safe_html
from tests.builders import make_cast, write_in
from tests.conversations.desk import sign_in
from tests.pictures import picture

pytestmark = pytest.mark.django_db

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><animate onbegin=alert(1)></svg>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVa&#x0A;script:alert(1)'>x</a>",
    "<a href='/tickets/1/resolve/'>x</a><a href='//evil.example'>y</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<form action='https://evil.example'><input name=p><button>x</button></form>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<div style='background:url(https://evil.example/x)'>x</div>",
    "<div style='background-color:red;width:expression(alert(1))'>x</div>",
    "<div style='position:fixed;top:0;left:0;width:100%'>x</div>",
    "<div style='color:\\75 rl(https://evil.example)'>x</div>",
    "<img src='https://evil.example/pixel.gif'>",
    "<img srcset='https://evil.example/p 1x'>",
    "<img src='//evil.example/p'>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<video poster='https://evil.example/p'></video>",
    "<table background='https://evil.example/p'><tr><td>x</td></tr></table>",
    "<body background='https://evil.example/p' onload=alert(1)>x",
    "<object data='https://evil.example'></object><embed src='https://evil.example'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<div id=x name=y class=z contenteditable autofocus onfocus=alert(1)>x</div>",
]
FORBIDDEN = (
    "<script",
    "onerror=",
    "onload=",
    "onbegin",
    "onfocus=",
    "javascript:",
    "<iframe",
    "<form",
    "<input",
    "<base",
    "<meta http",
    "<link",
    "@import",
    "url(",
    "expression(",
    "position:",
    "<object",
    "<embed",
    "<svg",
    "<math",
    "srcset",
    "poster",
    'src="http',
    'src="//',
    "background=",
    "data:text",
    "data:image/svg",
)


def test_nothing_of_a_hostile_mail_is_left() -> None:
    entry = write_in(make_cast().inbox)
    for html in HOSTILE:
        clean = safe_html.cleaned(html, entry).lower()
        assert not [word for word in FORBIDDEN if word in _tags(clean)], html
        assert "evil.example" not in _tags(clean), html


def _tags(html: str) -> str:
    """What stands inside tags; text is escaped and can't be an element or attribute."""
    return " ".join("<" + part.split(">")[0] for part in html.split("<")[1:])


def test_harmless_looks_stay() -> None:
    entry = write_in(make_cast().inbox)
    html = (
        '<p style="color:rgb(1,2,3);font-size:14px">Hi <a href="https://ok.example/x">there</a></p>'
    )
    clean = safe_html.cleaned(html, entry)
    assert "color:rgb(1, 2, 3);font-size:14px" in clean
    assert 'href="https://ok.example/x"' in clean
    assert 'target="_blank"' in clean
    assert "noopener" in clean


def test_own_pictures_come_by_signed_address_without_a_session(client: Client) -> None:
    cast = make_cast()
    entry = write_in(cast.inbox, html="<img src='cid:logo@x'><img src='cid:other@x'>")
    png = picture()
    file = Attachment.objects.create(
        entry=entry,
        conversation_id=entry.conversation_id,
        filename="logo.png",
        content_type="text/html",
        content_id="<logo@x>",
        inline=True,
        state="stored",
        storage_key=attachments.store(png),
    )
    clean = safe_html.cleaned(EntryBody.objects.get(entry=entry).html, entry)
    assert clean.count("/files/inline/") == 1
    shown = client.get(safe_html.image_url(file.public_id))
    assert shown["Content-Type"] == "image/webp"
    assert shown["X-Content-Type-Options"] == "nosniff"
    Attachment.objects.filter(pk=file.pk).update(
        storage_key=attachments.store(b"<svg onload=alert(1)>")
    )
    assert client.get(safe_html.image_url(file.public_id)).status_code == 404


def test_the_page_of_a_mail_may_load_nothing_and_run_nothing() -> None:
    cast = make_cast()
    entry = write_in(cast.inbox, html="<b>Hi</b>")
    page = sign_in(cast.alice).get(f"/entries/{entry.pk}/whole/")
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert b"<b>Hi</b>" in page.content


@pytest.mark.parametrize("key", ["", "attachments", "attachments/no/such"])
def test_a_file_that_is_not_there_is_not_found(key: str) -> None:
    cast = make_cast()
    entry = write_in(cast.inbox)
    attachments.store(b"another")
    file = Attachment.objects.create(
        entry=entry,
        conversation_id=entry.conversation_id,
        filename="x.txt",
        state="stored",
        content_type="text/plain",
        storage_key=key,
    )
    for query in ("", "?show"):
        assert sign_in(cast.alice).get(f"/files/{file.public_id}/{query}").status_code == 404


def test_downloads_never_open_as_pages() -> None:
    cast = make_cast()
    entry = write_in(cast.inbox)
    file = Attachment.objects.create(
        entry=entry,
        conversation_id=entry.conversation_id,
        filename="x.html\r\nSet-Cookie: a",
        state="stored",
        content_type="text/html",
        storage_key=attachments.store(b"<script>alert(1)</script>"),
    )
    for query in ("", "?show"):
        answered = sign_in(cast.alice).get(f"/files/{file.public_id}/{query}")
        assert answered["Content-Type"] == "application/octet-stream"
        assert answered["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answered["Content-Security-Policy"]
        assert "Set-Cookie" not in answered.headers


@pytest.mark.parametrize("field", ["text", "subject", "label"])
def test_what_customers_write_is_text_on_every_page(field: str) -> None:
    cast = make_cast()
    bad = "<img src=x onerror=alert(1)>"
    thread = write_in(cast.inbox, **{field: bad}).conversation_id
    client = sign_in(cast.alice)
    for url in ("/desk/unassigned/open/", f"/conversations/{thread}/", "/search/?q=alert"):
        answered = client.get(url, follow=True)
        assert answered.status_code == 200
        assert bad not in answered.content.decode()
