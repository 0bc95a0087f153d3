"""Pictures strangers sent, drawn anew before anybody sees them: of the bytes that came only the
dots are left, so nothing that hides in a file, and no place a camera wrote into it, is shown.

The file itself is stored as it came, and only ever downloads. Pictures are drawn one at a time in
each process, and none that would need more than 300 MB while it is.
"""

from __future__ import annotations

import io
import threading
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, Final, cast

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from conversations.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files import File

    Readable = IO[bytes] | File[Any]

KINDS: Final = ("PNG", "JPEG", "GIF", "WEBP")
# Of a JPEG that is read in strips, smaller at once. All else is held whole, more than once.
MOST_PIXELS: Final = 50_000_000
MOST_HELD_PIXELS: Final = 16_000_000
# A WebP is held once more than others, in case it moves.
MOST_WEBP_PIXELS: Final = 15_000_000
# Nobody's screen shows more; whoever wants the whole downloads the file.
LONGEST_SIDE: Final = 2048
# Of a moving picture that is longer or larger only the first frame is shown: it takes some seconds.
MOST_FRAMES: Final = 150
MOST_MOVING_PIXELS: Final = 20_000_000
# All others have to be in full colours before they are made smaller.
SHRINK_WELL: Final = ("RGB", "RGBA", "L", "LA", "CMYK")
NOT_THERE: Final = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""What the storage says of a name, an empty one included, under which there is no file."""

NOT_SHOWN: Final = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


# Who waits longer holds a thread that others need.
WAIT_SECONDS: Final = 5.0
_drawing: Final = threading.Lock()


@dataclass(frozen=True)
class Shape:
    """What the first bytes of a stored file say: media type, pixels as they are shown."""

    kind: str
    width: int
    height: int


@lru_cache(maxsize=4096)
def shape(storage_key: str) -> Shape | None:
    """None for what is no picture we show, whatever it is called. Stored files never change."""
    try:
        with default_storage.open(storage_key) as stream, _opened(stream) as image:
            # That of a PNG would draw it, to look behind the picture as well.
            turned = Image.Image.getexif(image).get(0x0112, 1) in (5, 6, 7, 8)
            size = image.size[::-1] if turned else image.size
            return Shape(Image.MIME[str(image.format)], *size)
    except NOT_SHOWN:
        return None


def drawn(storage_key: str) -> bytes | None:
    """A stored file as a picture of our own making (WebP), made once and kept beside it; None for
    what is no picture we show. Raises Busy."""
    kept = _place(storage_key)
    if done := _kept(kept):
        return done
    try:
        with default_storage.open(storage_key) as stream:
            made = redrawn(stream)
    except NOT_THERE:
        return None
    # Two at once draw the same; the storage gives the second a name that nobody asks for. One that
    # can't be kept (a full disk) is drawn again the next time.
    if made is not None and not default_storage.exists(kept):
        with suppress(OSError):
            default_storage.save(kept, ContentFile(made))
    return made


def is_drawn(storage_key: str) -> bool:
    """Whether `drawn` has it at hand."""
    return bool(default_storage.exists(_place(storage_key)))


def _place(storage_key: str) -> str:
    return f"drawn/{storage_key}.webp"


def _kept(name: str) -> bytes | None:
    """A drawing made before. One that its writer could not end, as WebP tells by its length, is
    deleted."""
    try:
        with default_storage.open(name) as stream:
            data = bytes(stream.read())
    except FileNotFoundError:
        return None
    if data[:4] == b"RIFF" and len(data) == 8 + int.from_bytes(data[4:8], "little"):
        return data
    default_storage.delete(name)
    return None


def redrawn(stream: Readable) -> bytes | None:
    """What a picture shows, as WebP of at most LONGEST_SIDE; None for anything that isn't one.
    Raises Busy where others are drawn for too long."""
    out = io.BytesIO()
    try:
        with _turn(), _opened(stream) as image:
            if _moves(image):
                _draw_moving(image, out)
            else:
                _still(image).save(out, "WEBP", quality=85)
    except NOT_SHOWN:
        return None
    return out.getvalue()


@contextmanager
def _turn() -> Iterator[None]:
    if not _drawing.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        yield
    finally:
        _drawing.release()


@contextmanager
def _opened(stream: Readable) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(cast("IO[bytes]", stream), formats=KINDS) as image:
            if image.width * image.height > _most_pixels(image):
                raise ValueError("too many pixels")
            yield image


def _still(image: Image.Image) -> Image.Image:
    # A JPEG is read in a smaller size at once, which is what a telephone's photo costs most.
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    mode = "RGBA" if _has_holes(image) else "RGB"
    shrinks = image.mode in SHRINK_WELL and "transparency" not in image.info
    plain = image if shrinks else image.convert(mode)
    # What copies comes after this, when it is small.
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return _bare(ImageOps.exif_transpose(plain).convert(mode))


def _draw_moving(image: Image.Image, out: IO[bytes]) -> None:
    lasts = [int(frame.info.get("duration", 100)) for frame in ImageSequence.Iterator(image)]
    image.seek(0)
    told = {"duration": lasts, "loop": 0, "background": (0, 0, 0, 0)}
    image.save(out, "WEBP", save_all=True, quality=80, icc_profile=b"", exif=b"", xmp=b"", **told)


def _most_pixels(image: Image.Image) -> int:
    if image.format == "WEBP":
        return MOST_WEBP_PIXELS
    # A progressive JPEG is kept whole until its last strip is read.
    is_read_in_strips = image.format == "JPEG" and "progressive" not in image.info
    return MOST_PIXELS if is_read_in_strips and image.mode != "CMYK" else MOST_HELD_PIXELS


def _moves(image: Image.Image) -> bool:
    frames = int(getattr(image, "n_frames", 1))
    pixels = image.width * image.height
    return (
        1 < frames <= MOST_FRAMES
        and pixels * frames <= MOST_MOVING_PIXELS
        and pixels <= LONGEST_SIDE * LONGEST_SIDE
    )


def _has_holes(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _bare(image: Image.Image) -> Image.Image:
    """Pillow writes profiles and camera notes of `info` back."""
    image.info = {}
    return image
