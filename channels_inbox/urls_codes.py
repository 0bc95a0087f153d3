from django.urls import path

from channels_inbox.pages import codes

app_name = "codes"

urlpatterns = [path("<int:pk>/", codes.offer, name="offer")]
