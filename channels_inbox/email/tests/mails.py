"""Small mails for the tests."""

import struct


def multipart(
    *parts: bytes, kind: bytes = b"mixed", head: bytes = b"From: ann@example.com\n"
) -> bytes:
    """A mail whose parts are given with their own headers."""
    body = b"".join(b"--edge\n" + part + b"\n" for part in parts)
    return head + b"Content-Type: multipart/" + kind + b"; boundary=edge\n\n" + body + b"--edge--\n"


def part(content_type: bytes, body: bytes, *headers: bytes) -> bytes:
    return b"\n".join([b"Content-Type: " + content_type, *headers, b"", body])


def tnef(*attributes: tuple[int, bytes]) -> bytes:
    """A TNEF container of (attribute id, value); checksums are left zero."""
    body = b"".join(
        struct.pack("<BHHI", 1, name, 0, len(value)) + value + b"\0\0" for name, value in attributes
    )
    return b"\x78\x9f\x3e\x22\0\0" + body
