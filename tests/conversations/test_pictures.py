"""What strangers' pictures are by the time somebody sees them."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from conversations import pictures
from conversations.attachments import store
from tests.pictures import picture


def seen(content: bytes) -> Image.Image | None:
    made = pictures.redrawn(io.BytesIO(content))
    return Image.open(io.BytesIO(made)) if made else None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_of_each_kind_is_drawn_anew(kind: str) -> None:
    image = seen(picture(kind))
    assert image is not None
    assert (image.format, image.size) == ("WEBP", (3, 2))


def test_where_it_was_taken_is_not_told_and_up_stays_up() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (21.0, 2.0, 0.0)}
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "JPEG", exif=exif)
    assert b"Exif" in out.getvalue()
    image = seen(out.getvalue())
    assert image is not None
    assert image.size == (20, 30)
    assert not image.getexif()
    assert pictures.shape(store(out.getvalue())) == pictures.Shape("image/jpeg", 20, 30)


def test_what_hides_behind_a_picture_is_left_behind() -> None:
    made = pictures.redrawn(io.BytesIO(picture("GIF") + b"<script>alert(1)</script>"))
    assert made is not None
    assert b"script" not in made


def test_a_moving_picture_moves() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=50)
    image = seen(out.getvalue())
    assert getattr(image, "n_frames", 1) == 3


def test_a_large_one_is_made_smaller_and_a_bomb_is_none() -> None:
    out = io.BytesIO()
    Image.new("RGB", (5000, 100)).save(out, "JPEG")
    image = seen(out.getvalue())
    assert image is not None
    assert image.size == (2048, 41)
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    bomb += struct.pack(">I", zlib.crc32(chunk)) + b"\0" * 100
    assert seen(bomb) is None


@pytest.mark.parametrize("content", [b"", b"<svg onload=alert(1)>", b"%PDF-1.7", b"GIF89a"])
def test_anything_else_is_no_picture(content: bytes) -> None:
    assert seen(content) is None
    key = store(content)
    assert pictures.shape(key) is None
    assert pictures.drawn(key) is None


def test_it_is_drawn_once() -> None:
    key = store(picture())
    first = pictures.drawn(key)
    with default_storage.open(key, "wb") as file:
        file.write(b"gone")
    assert first is not None
    assert pictures.drawn(key) == first
