"""Where a chat window's socket is opened."""

from django.urls import path

from channels_inbox.chat.consumer import VisitorSocket

websocket_urlpatterns = [
    path("ws/chat/<slug:key>/", VisitorSocket.as_asgi())  # type: ignore[arg-type]
]
