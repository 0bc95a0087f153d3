"""Routes of what came in and was set aside."""

from django.urls import path

from channels_inbox.pages import items

app_name = "items"

urlpatterns = [
    path("", items.items, name="items"),
    path("all/", items.overview, name="nothing-lost"),
    path("replay/", items.replay_all, name="replay-all"),
    path("<int:pk>/", items.item, name="item"),
    path("<int:pk>/raw/", items.raw, name="raw"),
    path("<int:pk>/bring-in/", items.bring_in, name="bring-in"),
    path("<int:pk>/discard/", items.discard, name="discard"),
]
