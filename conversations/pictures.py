"""Pictures strangers sent, drawn anew before anybody sees them: of the bytes that came only the
dots are left, so nothing that hides in a file, and no place a camera wrote into it, is shown.

The file itself is stored as it came, and only ever downloads.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, Final, cast

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files import File

    Readable = IO[bytes] | File[Any]

KINDS: Final = ("PNG", "JPEG", "GIF", "WEBP")
MOST_PIXELS: Final = 50_000_000
# Nobody's screen shows more; whoever wants the whole downloads the file.
LONGEST_SIDE: Final = 2048
# Of a moving picture that is longer or larger only the first frame is shown.
MOST_FRAMES: Final = 150
MOST_MOVING_PIXELS: Final = 40_000_000
NOT_SHOWN: Final = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


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
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            size = image.size[::-1] if turned else image.size
            return Shape(Image.MIME[str(image.format)], *size)
    except NOT_SHOWN:
        return None


def drawn(storage_key: str) -> bytes | None:
    """A stored file as a picture of our own making (WebP), made once and kept beside it; None for
    what is no picture we show."""
    kept = f"drawn/{storage_key}.webp"
    try:
        with default_storage.open(kept) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        pass
    try:
        with default_storage.open(storage_key) as stream:
            made = redrawn(stream)
    except FileNotFoundError:
        return None
    # Two at once draw the same; the storage gives the second a name that nobody asks for.
    if made is not None and not default_storage.exists(kept):
        default_storage.save(kept, ContentFile(made))
    return made


def redrawn(stream: Readable) -> bytes | None:
    """What a picture shows, as WebP of at most LONGEST_SIDE; None for anything that isn't one."""
    out = io.BytesIO()
    try:
        with _opened(stream) as image:
            if _moves(image):
                _draw_moving(image, out)
            else:
                _still(image).save(out, "WEBP", quality=85)
    except NOT_SHOWN:
        return None
    return out.getvalue()


@contextmanager
def _opened(stream: Readable) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(cast("IO[bytes]", stream), formats=KINDS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError("too many pixels")
            yield image


def _still(image: Image.Image) -> Image.Image:
    # A JPEG is read in a smaller size at once, which is what a telephone's photo costs most.
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    plain = ImageOps.exif_transpose(image).convert("RGBA" if _has_holes(image) else "RGB")
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return _bare(plain)


def _draw_moving(image: Image.Image, out: IO[bytes]) -> None:
    lasts = [int(frame.info.get("duration", 100)) for frame in ImageSequence.Iterator(image)]
    frames = [_bare(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]
    first, *others = frames
    first.save(out, "WEBP", save_all=True, append_images=others, duration=lasts, loop=0, quality=80)


def _moves(image: Image.Image) -> bool:
    frames = int(getattr(image, "n_frames", 1))
    pixels = image.width * image.height * frames
    return 1 < frames <= MOST_FRAMES and pixels <= MOST_MOVING_PIXELS


def _has_holes(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


def _bare(image: Image.Image) -> Image.Image:
    """Pillow writes profiles and camera notes of `info` back."""
    image.info = {}
    return image
