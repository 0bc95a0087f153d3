"""The web application: static files, pages and webhooks over HTTP, doorbells over WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from importlib import import_module  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from typing import Any  # noqa: E402

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.conf import settings  # noqa: E402
from servestatic import ServeStaticASGI  # noqa: E402

from helpdesk.assets import is_immutable, protect  # noqa: E402
from helpdesk.bodies import LimitedBodies  # noqa: E402

if settings.DEBUG:
    # Straight from the folders, so that an edit shows at the next reload.
    pages = import_module("django.contrib.staticfiles.handlers").ASGIStaticFilesHandler(pages)


def sockets() -> list[Any]:
    """WebSocket routes of the product."""
    if find_spec("conversations.routing") is None:
        return []
    return list(import_module("conversations.routing").websocket_urlpatterns)


application = ServeStaticASGI(
    ProtocolTypeRouter(
        {
            "http": LimitedBodies(pages, settings.REQUEST_MAX_BYTES),
            "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(sockets()))),
        }
    ),
    root=settings.STATIC_ROOT,
    prefix=settings.STATIC_URL,
    immutable_file_test=is_immutable,
    add_headers_function=protect,
)
