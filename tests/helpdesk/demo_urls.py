"""The product's routes as the demo has them."""

from django.urls import include, path

from helpdesk.urls import urlpatterns as product

urlpatterns = [path("demo/", include("helpdesk.demo.urls")), *product]
