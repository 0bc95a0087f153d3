"""WebSocket routes of the desk."""

from django.urls import path

from conversations.consumers.desk import DeskSocket

websocket_urlpatterns = [
    path("ws/desk/", DeskSocket.as_asgi()),  # type: ignore[arg-type]
]
