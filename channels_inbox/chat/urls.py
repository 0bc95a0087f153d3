"""Routes of the chat's windows. They are open to all: each checks the visitor's token itself."""

from django.urls import path

from channels_inbox.chat import doors as views
from channels_inbox.chat import pages

app_name = "chat"

# Asked so often, and answered so fast, that they have a way of their own past all that only pages
# need. Files are neither.
doors = [
    path("w/<slug:key>/session/", views.session, name="session"),
    path("w/<slug:key>/since/", views.since, name="since"),
    path("w/<slug:key>/messages/", views.messages, name="messages"),
    path("w/<slug:key>/seen/", views.seen, name="seen"),
    path("w/<slug:key>/email/", views.email, name="email"),
    path("w/<slug:key>/resume/", views.resume, name="resume-by-code"),
    path("w/<slug:key>/leave/", views.leave, name="leave"),
]
urlpatterns = [
    path("w/<slug:key>.js", pages.loader, name="loader"),
    path("w/confirm/<str:link>/", pages.confirm, name="confirm"),
    path("w/resume/<slug:key>/<str:code>/", pages.resume, name="resume"),
    path("w/<slug:key>/panel/", pages.panel, name="panel"),
    *doors,
    path("w/<slug:key>/files/", views.upload, name="upload"),
    path("w/<slug:key>/files/<uuid:public_id>/", views.file, name="file"),
    path("chat/<slug:key>/", pages.form, name="form"),
]
