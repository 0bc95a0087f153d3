"""Drawing a partial from plain values.

The same values give the same markup, so what was drawn is remembered: a page of fifty messages that
were on some page before costs what reading them costs. Nothing has to be forgotten when a row
changes, as its values are then others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.middleware.csrf import get_token
from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

if TYPE_CHECKING:
    from collections.abc import Hashable

    from django.http import HttpRequest

REMEMBERED = 3000
"""Markups kept by each process; one is 1 to 5 kB."""

BRIEFLY = 300
"""The same of what the clock changes every minute: it must not drive out what stays."""

LONGEST = 2000
"""Of a text in characters, for its markup to be kept."""


# Nobody's words can look like it: what is theirs is escaped.
NO_TOKEN = '<input type="hidden" name="csrfmiddlewaretoken">'


def draw(partial: str, look: Hashable, *, length: int = 0, brief: bool = False) -> SafeString:
    """The markup of `templates/_partials/<partial>.html` for `look`, a named tuple of plain
    values in the words and times of the reader. `length` is that of its longest text; `brief` is
    for what says how long something still takes."""
    language = get_language() or ""
    if settings.DEBUG or length > LONGEST:
        return _drawn(partial, look)
    return (_briefly if brief else _remembered)(partial, look, language)


def with_token(markup: SafeString, request: HttpRequest) -> SafeString:
    """With the token of the forms in it, which differs for each request: it is put in after the
    drawing, so that the rest can be remembered."""
    token = f'{NO_TOKEN[:-1]} value="{get_token(request)}">'
    return mark_safe(markup.replace(NO_TOKEN, token))


def _drawn(partial: str, look: Hashable) -> SafeString:
    # No request: what depends on it (a form's token, who is signed in) must not be remembered.
    return mark_safe(get_template(f"_partials/{partial}.html").render({"look": look}).strip())


@lru_cache(maxsize=REMEMBERED)
def _remembered(partial: str, look: Hashable, _language: str) -> SafeString:
    return _drawn(partial, look)


@lru_cache(maxsize=BRIEFLY)
def _briefly(partial: str, look: Hashable, _language: str) -> SafeString:
    return _drawn(partial, look)
