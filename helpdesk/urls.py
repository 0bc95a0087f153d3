"""Routes of the whole product."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from conversations.views import account
from helpdesk import entrance, first_run, health
from helpdesk.doctor import outside, page
from helpdesk.metrics import door

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", door.metrics, name="metrics"),
    path("doctor/<str:token>/", outside.knocked, name="doctor-knock"),
    path("sign-in/", entrance.sign_in, name="sign-in"),
    path("welcome/", first_run.welcome, name="welcome"),
    path("welcome/<str:token>/", first_run.welcome, name="welcome"),
    path("account/", include("helpdesk.account_urls")),
    path("join/<str:token>/", account.join, name="join"),
    path("transcripts/", include("conversations.urls_transcripts")),
    path("settings/", include("conversations.urls_settings")),
    path("settings/health/", page.health, name="health"),
    path("settings/inboxes/", include("channels_inbox.pages.urls")),
    path("settings/items/", include("channels_inbox.pages.urls_items")),
    path("settings/webhooks/", include("channels_inbox.webhooks.urls")),
    path("pictures/", include("channels_inbox.urls_pictures")),
    path("codes/", include("channels_inbox.urls_codes")),
    path("originals/", include("channels_inbox.urls_originals")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("hooks/", include("channels_inbox.urls")),
    path("api/", include("conversations.api.urls")),
    path("", include("channels_inbox.chat.urls")),
    path("", include("conversations.urls")),
]
if settings.DEMO:
    urlpatterns = [path("demo/", include("helpdesk.demo.urls")), *urlpatterns]
