"""Pictures of a mail that lie on somebody else's server, fetched when an agent asks for them.

The sender learns that somebody looked, and nothing else: we fetch them, not the agent's browser.
What comes back is drawn anew, so that nothing but a picture can come of it.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Final

from django.core import signing
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET
from PIL import Image, UnidentifiedImageError

from channels_inbox import guard
from conversations.views import safe_html

if TYPE_CHECKING:
    from django.http import HttpRequest

LINK_SECONDS: Final = 600
MOST_BYTES: Final = 5_000_000
MOST_PIXELS: Final = 25_000_000
KINDS: Final = ("PNG", "JPEG", "GIF", "WEBP")


@require_GET
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """A picture by a signed address that is good for minutes: it stands for the sign-in, as the
    frame it is shown in sends no cookie. 404 for what is none or can't be had."""
    try:
        url = signing.loads(token, salt=safe_html.REMOTE_SALT, max_age=LINK_SECONDS)
        answer = guard.get(url, accept="image/*", most_bytes=MOST_BYTES)
        drawn = redrawn(answer.body) if answer.status == 200 else None
    except (signing.BadSignature, guard.HTTPFailed):
        drawn = None
    if drawn is None:
        raise Http404
    return HttpResponse(
        drawn,
        content_type="image/png",
        headers={
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Cache-Control": f"private, max-age={LINK_SECONDS}",
        },
    )


def redrawn(body: bytes) -> bytes | None:
    """The first frame of a picture as PNG; None for anything that isn't one or is too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            found = Image.open(io.BytesIO(body), formats=KINDS)
            if found.width * found.height > MOST_PIXELS:
                return None
            plain = found.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    except Image.DecompressionBombWarning:
        return None
    out = io.BytesIO()
    plain.save(out, "PNG")
    return out.getvalue()
