"""The doors of allauth that are open: signing in and out, one's password, the second factor.

What it also brings (sign-up, reset by mail, more addresses) would be a way in past the admins.
"""

from allauth.account import views
from django.urls import include, path

from helpdesk.accounts import ask_an_admin, sign_out

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", sign_out, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/reset/", ask_an_admin, name="account_reset_password"),
    path("signup/", ask_an_admin, name="account_signup"),
    path("2fa/", include("allauth.mfa.urls")),
]
