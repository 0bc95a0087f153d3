"""The web application: static files, pages and webhooks over HTTP, doorbells over WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")

import django

django.setup(set_prefix=False)

from importlib import import_module  # noqa: E402
from typing import Any  # noqa: E402

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from servestatic import ServeStaticASGI  # noqa: E402

from channels_inbox.chat.routing import websocket_urlpatterns as chat_sockets  # noqa: E402
from channels_inbox.chat.waiting import HeldReads  # noqa: E402
from conversations.consumers.origins import OurOrigins  # noqa: E402
from conversations.consumers.waiting import LongPolls  # noqa: E402
from conversations.routing import websocket_urlpatterns as desk_sockets  # noqa: E402
from helpdesk.assets import is_immutable, protect  # noqa: E402
from helpdesk.bodies import LimitedBodies  # noqa: E402
from helpdesk.pages import Pages  # noqa: E402
from helpdesk.tracing import Traced, doors  # noqa: E402

pages: Any = Pages()

if settings.DEBUG:
    # Straight from the folders, so that an edit shows at the next reload.
    pages = import_module("django.contrib.staticfiles.handlers").ASGIStaticFilesHandler(pages)

application = ServeStaticASGI(
    Traced(
        ProtocolTypeRouter(
            {
                "http": LongPolls(HeldReads(LimitedBodies(pages, settings.REQUEST_MAX_BYTES))),
                "websocket": OurOrigins(URLRouter([*desk_sockets, *chat_sockets])),
            }
        ),
        doors(),
    ),
    root=settings.STATIC_ROOT,
    prefix=settings.STATIC_URL,
    immutable_file_test=is_immutable,
    add_headers_function=protect,
)
