"""Pictures of a mail that lie on somebody else's server, fetched when an agent asks for them.

The sender learns that somebody looked, and nothing else: we fetch them, not the agent's browser.
What comes back is drawn anew, so that nothing but a picture can come of it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from django.core import signing
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from channels_inbox import guard
from conversations import pictures
from conversations.views import safe_html

if TYPE_CHECKING:
    from django.http import HttpRequest

LINK_SECONDS: Final = 600
MOST_BYTES: Final = 5_000_000


@require_GET
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """A picture by a signed address that is good for minutes: it stands for the sign-in, as the
    frame it is shown in sends no cookie. 404 for what is none or can't be had."""
    try:
        url = signing.loads(token, salt=safe_html.REMOTE_SALT, max_age=LINK_SECONDS)
        answer = guard.get(url, accept="image/*", most_bytes=MOST_BYTES)
        drawn = pictures.redrawn(io.BytesIO(answer.body)) if answer.status == 200 else None
    except (signing.BadSignature, guard.HTTPFailed):
        drawn = None
    if drawn is None:
        raise Http404
    return HttpResponse(
        drawn,
        content_type="image/webp",
        headers={
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Cache-Control": f"private, max-age={LINK_SECONDS}",
        },
    )
