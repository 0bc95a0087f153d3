from django.urls import path

from channels_inbox import views

urlpatterns = [
    path("<slug:kind>/<slug:public_id>/", views.hook, name="hook"),
]
