from __future__ import annotations

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from conversations import attachments, intake
from conversations.errors import BadInput
from conversations.models import Attachment, Ticket
from conversations.thread import database_now
from tests import builders
from tests.builders import Cast
from tests.conversations.happened import watched


@pytest.fixture
def ticket(cast: Cast) -> Ticket:
    files = (intake.InboundFile("a.txt", "text/plain", 0, "there"),)
    return builders.make_ticket(cast.inbox, files=files)


def broken(attachment: Attachment) -> bytes:
    raise OSError("mailbox away")


def test_a_file_is_stored_apart_from_its_message(ticket: Ticket) -> None:
    with watched(ticket) as seen:
        assert attachments.store_waiting(lambda attachment: b"abc") == 1
        assert attachments.store_waiting(lambda attachment: b"abc") == 0
    file = Attachment.objects.get()
    assert (file.state, file.size, seen.kinds, seen.raised) == ("stored", 3, [], 1)
    assert default_storage.open(file.storage_key).read() == b"abc"
    assert file.filename not in file.storage_key


def test_a_file_that_can_not_be_read_is_tried_eight_times(ticket: Ticket) -> None:
    with watched(ticket) as seen:
        for _ in range(8):
            Attachment.objects.update(next_at=database_now())
            assert attachments.store_waiting(broken) == 0
    file = Attachment.objects.get()
    assert (file.state, file.attempts, seen.raised) == ("failed", 8, 8)
    assert file.reason == "OSError: mailbox away"
    with watched(ticket) as seen:
        attachments.retry(file)
        attachments.retry(file)
    assert seen.raised == 1
    assert attachments.store_waiting(lambda attachment: b"abc") == 1


def test_an_upload(cast: Cast, settings: object) -> None:
    file = attachments.upload(SimpleUploadedFile("..\\x/bad\u202ename.txt", b"abc"), by=cast.alice)
    assert (file.filename, file.state, file.size) == ("badname.txt", "stored", 3)
    settings.ATTACHMENT_MAX_BYTES = 2  # type: ignore[attr-defined]
    with pytest.raises(BadInput):
        attachments.upload(SimpleUploadedFile("a.txt", b"abc"), by=cast.alice)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.doc", "y.doc"),
        ("\u200b.htaccess", "htaccess"),
        ("a\r\nb\x00.txt", "ab.txt"),
        ("", "file"),
        ("...", "file"),
    ],
)
def test_a_name_is_only_a_name(given: str, kept: str) -> None:
    assert attachments.safe_name(given) == kept
