from django.urls import path

from channels_inbox import originals

app_name = "channels_inbox"

urlpatterns = [path("<int:pk>/", originals.original, name="original")]
