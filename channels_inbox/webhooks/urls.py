"""Routes of the webhooks' settings."""

from django.urls import path

from channels_inbox.webhooks import pages

app_name = "webhooks"

urlpatterns = [
    path("", pages.webhooks, name="webhooks"),
    path("new/", pages.new, name="new"),
    path("<int:pk>/", pages.webhook, name="webhook"),
    path("<int:pk>/test/", pages.test, name="test"),
    path("<int:pk>/secret/", pages.secret, name="secret"),
    path("<int:pk>/start/", pages.start, name="start"),
    path("<int:pk>/off/", pages.switch_off, name="off"),
    path("<int:pk>/remove/", pages.remove, name="remove"),
    path("<int:pk>/log/", pages.calls, name="log"),
    path("<int:pk>/log/failed/again/", pages.resend_failed, name="resend-failed"),
    path("<int:pk>/log/<int:call>/again/", pages.resend, name="resend"),
]
