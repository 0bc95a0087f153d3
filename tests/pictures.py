"""A small picture of any kind."""

from __future__ import annotations

import io

from PIL import Image


def picture(kind: str = "PNG") -> bytes:
    """3 by 2 pixels."""
    out = io.BytesIO()
    Image.new("RGB", (3, 2), "red").save(out, kind)
    return out.getvalue()
