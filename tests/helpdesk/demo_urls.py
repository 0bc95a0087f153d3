"""The product's routes as the demo has them."""

from django.urls import path

from helpdesk import demo, demo_shop
from helpdesk.urls import urlpatterns as product

urlpatterns = [
    path("demo/", demo.people, name="demo"),
    path("demo/sign-in/<slug:role>/", demo.sign_in, name="demo-sign-in"),
    path("demo/shop/", demo_shop.shop, name="demo-shop"),
    *product,
]
