"""Addresses of the API."""

from django.urls import path, re_path

from conversations.api import (
    conversations,
    customers,
    entries,
    files,
    identities,
    inboxes,
    people,
    replies,
    schema,
    tickets,
)
from conversations.api.doors import Nowhere, at

app_name = "api"

urlpatterns = [
    path("docs/", schema.docs, name="docs"),
    path("v1/openapi.json", schema.openapi, name="openapi"),
    path("v1/me/", at(get=people.me), name="me"),
    path("v1/customers/", at(get=customers.listing, post=customers.create), name="customers"),
    path("v1/customers/<int:pk>/", at(get=customers.one, patch=customers.change), name="customer"),
    path(
        "v1/customers/<int:pk>/identities/",
        at(get=identities.listing, post=identities.add),
        name="identities",
    ),
    path("v1/identities/<int:pk>/", at(get=identities.one), name="identity"),
    path("v1/conversations/", at(get=conversations.listing), name="conversations"),
    path("v1/conversations/<int:pk>/", at(get=conversations.one), name="conversation"),
    path("v1/conversations/<int:pk>/entries/", at(get=entries.listing), name="entries"),
    path("v1/conversations/<int:pk>/tickets/", at(get=tickets.of_conversation), name="matters"),
    path("v1/entries/<int:pk>/", at(get=entries.one), name="entry"),
    path("v1/tickets/", at(get=tickets.listing), name="tickets"),
    path("v1/tickets/<int:pk>/", at(get=tickets.one, patch=tickets.change), name="ticket"),
    path("v1/tickets/<int:pk>/reply/", at(post=replies.reply), name="reply"),
    path("v1/tickets/<int:pk>/note/", at(post=replies.note), name="note"),
    path("v1/tickets/<int:pk>/take/", at(post=tickets.take), name="take"),
    path("v1/tickets/<int:pk>/release/", at(post=tickets.release), name="release"),
    path("v1/tickets/<int:pk>/assign/", at(post=tickets.assign), name="assign"),
    path("v1/tickets/<int:pk>/snooze/", at(post=tickets.snooze), name="snooze"),
    path("v1/tickets/<int:pk>/pending/", at(post=tickets.pending), name="pending"),
    path("v1/tickets/<int:pk>/resolve/", at(post=tickets.resolve), name="resolve"),
    path("v1/tickets/<int:pk>/reopen/", at(post=tickets.reopen), name="reopen"),
    path("v1/held/<int:pk>/", at(get=replies.held, delete=replies.undo), name="held"),
    path("v1/held/<int:pk>/send/", at(post=replies.send), name="send-held"),
    path("v1/files/", at(post=files.upload), name="upload"),
    path("v1/files/<uuid:public_id>/", at(get=files.one), name="file"),
    path("v1/files/<uuid:public_id>/content/", at(get=files.content), name="content"),
    path("v1/inboxes/", at(get=inboxes.listing), name="inboxes"),
    path("v1/inboxes/<int:pk>/", at(get=inboxes.one), name="inbox"),
    path("v1/inboxes/<int:pk>/templates/", at(get=inboxes.templates), name="templates"),
    path("v1/teams/", at(get=people.teams), name="teams"),
    path("v1/teams/<int:pk>/", at(get=people.team), name="team"),
    path("v1/agents/", at(get=people.agents), name="agents"),
    path("v1/agents/<int:pk>/", at(get=people.agent), name="agent"),
    re_path("", Nowhere.as_view()),
]
