from django.urls import path

from channels_inbox import outgoing_files, views

urlpatterns = [
    path("files/<str:token>/", outgoing_files.outgoing_file, name="outgoing-file"),
    path("<slug:kind>/<slug:public_id>/", views.hook, name="hook"),
]
