"""Routes of the desk."""

from django.urls import path

from conversations.views import (
    conversations,
    customers,
    desk,
    files,
    joins,
    messages,
    outbox,
    outreach,
    search,
    tickets,
    writing,
)

app_name = "conversations"

urlpatterns = [
    path("", desk.home, name="home"),
    path("desk/<slug:folder>/<slug:status>/", desk.listing, name="list"),
    path("desk/<slug:folder>/<slug:status>/rows/", desk.rows, name="rows"),
    path("search/", search.search_page, name="search"),
    path("messages/new/", outreach.new_message, name="new-message"),
    path("customers/new/", customers.new_customer, name="new-customer"),
    path("conversations/<int:pk>/", conversations.conversation, name="conversation"),
    path("conversations/<int:pk>/since/", conversations.since, name="since"),
    path("conversations/<int:pk>/name/", customers.name, name="name"),
    path("conversations/<int:pk>/memo/", customers.memo, name="memo"),
    path("conversations/<int:pk>/addresses/", customers.address, name="addresses"),
    path("conversations/<int:pk>/join/", joins.join, name="join"),
    path("joins/<int:pk>/undo/", joins.undo, name="undo-join"),
    path("addresses/<int:pk>/", customers.decide, name="address"),
    path("entries/<int:pk>/", messages.permalink, name="entry"),
    path("entries/<int:pk>/whole/", messages.whole, name="whole"),
    path("entries/<int:pk>/move/", messages.move, name="move"),
    path("entries/<int:pk>/delivery/", outbox.decide, name="delivery"),
    path("tickets/<int:pk>/take/", tickets.take, name="take"),
    path("tickets/<int:pk>/release/", tickets.release, name="release"),
    path("tickets/<int:pk>/owner/", tickets.assign, name="assign"),
    path("tickets/<int:pk>/snooze/", tickets.snooze, name="snooze"),
    path("tickets/<int:pk>/pending/", tickets.pending, name="pending"),
    path("tickets/<int:pk>/resolve/", tickets.resolve, name="resolve"),
    path("tickets/<int:pk>/reopen/", tickets.reopen, name="reopen"),
    path("tickets/<int:pk>/subject/", tickets.rename, name="rename"),
    path("tickets/<int:pk>/suggestion/", tickets.dismiss, name="dismiss"),
    path("tickets/<int:pk>/reply/", writing.reply, name="reply"),
    path("tickets/<int:pk>/note/", writing.note, name="note"),
    path("tickets/<int:pk>/draft/", writing.draft, name="draft"),
    path("held/<int:pk>/undo/", outbox.undo, name="undo-send"),
    path("held/<int:pk>/send/", outbox.send_anyway, name="send-held"),
    path("files/", files.upload, name="upload"),
    path("files/<uuid:public_id>/", files.download, name="file"),
    path("files/<uuid:public_id>/retry/", files.retry, name="retry-file"),
    path("files/inline/<str:token>/", files.inline, name="inline"),
]
