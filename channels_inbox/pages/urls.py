"""Routes of the inboxes' settings."""

from django.urls import path

from channels_inbox.pages import assistants, chats, consent, inboxes, providers

app_name = "inboxes"

urlpatterns = [
    path("", inboxes.inboxes, name="inboxes"),
    path("new/", inboxes.new_inbox, name="new"),
    path("chat/new/", chats.new_chat, name="new-chat"),
    path("connect/<slug:kind>/", providers.new_inbox, name="new-provider"),
    path("connect/<slug:kind>/test/", providers.test_new, name="test-provider"),
    path("test/", inboxes.test_new, name="test-new"),
    path("consent/", consent.callback, name="consent-callback"),
    path("<int:pk>/", inboxes.inbox, name="inbox"),
    path("<int:pk>/test/", inboxes.test, name="test"),
    path("<int:pk>/hook/", inboxes.new_hook_secret, name="new-hook-secret"),
    path("<int:pk>/assistant/", assistants.assistant, name="assistant"),
    path("<int:pk>/signing/", chats.new_signing_secret, name="new-signing-secret"),
    path("<int:pk>/signing/stop/", inboxes.stop_old_secret, name="stop-old-secret"),
    path("<int:pk>/close/", inboxes.close, name="close"),
    path("<int:pk>/open/", inboxes.open_again, name="open"),
    path("<int:pk>/consent/", consent.start, name="consent"),
]
