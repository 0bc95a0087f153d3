"""Routes of the chat's windows. They are open to all: each checks the visitor's token itself."""

from django.urls import path

from channels_inbox.chat import doors, pages

app_name = "chat"

urlpatterns = [
    path("w/<slug:key>.js", pages.loader, name="loader"),
    path("w/confirm/<str:link>/", pages.confirm, name="confirm"),
    path("w/<slug:key>/panel/", pages.panel, name="panel"),
    path("w/<slug:key>/session/", doors.session, name="session"),
    path("w/<slug:key>/since/", doors.since, name="since"),
    path("w/<slug:key>/messages/", doors.messages, name="messages"),
    path("w/<slug:key>/files/", doors.upload, name="upload"),
    path("w/<slug:key>/files/<uuid:public_id>/", doors.file, name="file"),
    path("w/<slug:key>/seen/", doors.seen, name="seen"),
    path("w/<slug:key>/email/", doors.email, name="email"),
    path("w/<slug:key>/leave/", doors.leave, name="leave"),
    path("chat/<slug:key>/", pages.form, name="form"),
]
