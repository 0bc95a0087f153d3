"""What strangers' pictures are by the time somebody sees them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import zlib
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from conversations import pictures
from conversations.attachments import store
from conversations.errors import Busy
from tests.patience import PATIENCE
from tests.pictures import picture

if TYPE_CHECKING:
    from pathlib import Path

    Options = dict[str, object]

# Prints how much more memory it took than there was before, in kilobytes, and what came of it. Linux
# counts into a process's usage what its parent took, but not into its high water mark.
CHILD = """
import re, resource, sys
from pathlib import Path
from conversations import pictures
def most():
    told = Path("/proc/self/status")
    if told.exists():
        return int(re.search(r"VmHWM:[^0-9]+([0-9]+)", told.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = most()
with open(sys.argv[1], "rb") as file:
    made = pictures.redrawn(file)
print(most() - before, len(made or b""))
"""


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


def test_the_size_of_one_is_told_by_its_first_bytes() -> None:
    out = io.BytesIO()
    Image.effect_noise((300, 200), 50).save(out, "PNG")
    assert pictures.shape(store(out.getvalue()[:100])) == pictures.Shape("image/png", 300, 200)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_large_one_of_each_kind_is_made_smaller(mode: str) -> None:
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new(mode, (4100, 20)).save(out, "PNG", exif=exif)
    image = seen(out.getvalue())
    assert image is not None
    assert image.size == (10, 2048)


@pytest.mark.parametrize(("mode", "clear"), [("P", 0), ("RGB", (255, 0, 0)), ("L", 255)])
def test_what_is_see_through_stays_so(mode: str, clear: object) -> None:
    out = io.BytesIO()
    whole = Image.new("RGB", (4100, 20), "red" if mode != "L" else "white").convert(mode)
    if mode == "P":
        clear = whole.getpixel((0, 0))
    whole.save(out, "PNG", transparency=clear)
    image = seen(out.getvalue())
    assert image is not None
    assert image.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("mode", "size", "kind", "options", "is_drawn"),
    [
        ("RGBA", (4000, 4000), "PNG", {}, True),
        ("RGB", (4000, 4000), "PNG", {"transparency": (1, 2, 3)}, True),
        ("RGBA", (4000, 3750), "WEBP", {"method": 0}, True),
        ("RGBA", (4000, 4000), "WEBP", {"method": 0}, False),
        ("CMYK", (4000, 4000), "JPEG", {"progressive": True}, True),
        ("RGB", (8000, 6200), "JPEG", {"subsampling": 0}, True),
        ("RGBA", (7000, 7000), "PNG", {}, False),
        ("RGB", (8000, 6200), "JPEG", {"subsampling": 0, "progressive": True}, False),
    ],
)
def test_the_largest_leave_room_for_the_rest_of_the_desk(
    tmp_path: Path, mode: str, size: tuple[int, int], kind: str, options: Options, is_drawn: bool
) -> None:
    path = tmp_path / "large"
    Image.new(mode, size).save(path, kind, **options)
    child = [sys.executable, "-c", CHILD, str(path)]
    took, made = subprocess.run(child, capture_output=True, text=True, check=True).stdout.split()
    assert int(took) < 300_000
    assert bool(int(made)) == is_drawn


class Slow(io.BytesIO):
    """A picture whose bytes come when they are let go."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.begun.set()
        self.go_on.wait(PATIENCE)
        return super().read(size)


def test_one_is_drawn_at_a_time_and_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.05)
    first, second, made = Slow(picture()), Slow(picture()), list[bytes | None]()
    thread = threading.Thread(target=lambda: made.append(pictures.redrawn(first)))
    thread.start()
    assert first.begun.wait(PATIENCE)
    with pytest.raises(Busy):
        pictures.redrawn(second)
    assert not second.begun.is_set()
    for one in (first, second):
        one.go_on.set()
    thread.join(PATIENCE)
    assert made[0]
    assert pictures.redrawn(second)


def test_one_that_was_half_written_is_drawn_again() -> None:
    key = store(picture())
    whole = pictures.drawn(key)
    assert whole is not None
    for left in (b"", whole[:11], whole[:-1], b"x" * len(whole)):
        with default_storage.open(f"drawn/{key}.webp", "wb") as file:
            file.write(left)
        assert pictures.drawn(key) == whole
        with default_storage.open(f"drawn/{key}.webp") as file:
            assert file.read() == whole


@pytest.mark.parametrize("key", ["", "attachments", "attachments/no/such"])
def test_where_no_file_is_no_picture_is(key: str) -> None:
    store(picture())
    assert pictures.drawn(key) is None
    assert pictures.shape(key) is None


def test_it_is_drawn_once() -> None:
    key = store(picture())
    first = pictures.drawn(key)
    with default_storage.open(key, "wb") as file:
        file.write(b"gone")
    assert first is not None
    assert pictures.drawn(key) == first
