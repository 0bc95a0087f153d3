"""The language an agent chose for themselves, whatever the browser asks for."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin

KNOWN = {code for code, _name in settings.LANGUAGES}


class AgentLanguageMiddleware(MiddlewareMixin):
    """Goes after authentication; `LocaleMiddleware`, before it, serves everybody else."""

    def process_request(self, request: HttpRequest) -> None:
        """Speak the agent's language from here on."""
        language = getattr(request.user, "language", "")
        if language in KNOWN:
            translation.activate(language)
            request.LANGUAGE_CODE = language
