from django.urls import path

from channels_inbox import pictures

app_name = "pictures"

urlpatterns = [path("<str:token>/", pictures.picture, name="remote")]
