"""Routes of the transcripts."""

from django.urls import path

from conversations.views import transcripts

app_name = "transcripts"

urlpatterns = [
    path("", transcripts.search, name="search"),
    path("export/", transcripts.export_search, name="export-search"),
    path("tickets/<int:pk>/", transcripts.ticket, name="ticket"),
    path("tickets/<int:pk>/export/", transcripts.export_ticket, name="export-ticket"),
    path("conversations/<int:pk>/", transcripts.conversation, name="conversation"),
    path(
        "conversations/<int:pk>/export/",
        transcripts.export_conversation,
        name="export-conversation",
    ),
    path("exports/", transcripts.own_exports, name="exports"),
    path("exports/<uuid:public_id>/", transcripts.file, name="file"),
    path("log/", transcripts.log, name="log"),
]
