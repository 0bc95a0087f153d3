"""Routes of settings about people; those about inboxes are the channels'."""

from django.urls import path

from conversations.views import account, api_tokens, people, shift_settings, teams

app_name = "settings"

urlpatterns = [
    path("account/", account.account, name="account"),
    path("people/", people.everybody, name="people"),
    path("people/invitations/", people.invite, name="invite"),
    path(
        "people/invitations/<int:pk>/withdraw/",
        people.withdraw_invitation,
        name="withdraw-invitation",
    ),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/disable/", people.disable, name="disable"),
    path("people/<int:pk>/enable/", people.enable, name="enable"),
    path("people/<int:pk>/reset-link/", people.offer_reset, name="offer-reset"),
    path(
        "people/<int:pk>/second-factor/remove/",
        people.remove_second_factor,
        name="remove-second-factor",
    ),
    path("api-tokens/", api_tokens.tokens, name="api-tokens"),
    path("api-tokens/<int:pk>/revoke/", api_tokens.revoke, name="revoke-api-token"),
    path("teams/", teams.every_team, name="teams"),
    path("teams/new/", teams.new_team, name="new-team"),
    path("teams/weights/", teams.weights, name="weights"),
    path("teams/<int:pk>/", teams.team, name="team"),
    path("teams/<int:pk>/remove/", teams.remove, name="remove-team"),
    path("teams/<int:pk>/shifts/new/", shift_settings.new_shift, name="new-shift"),
    path("shifts/<int:pk>/", shift_settings.shift, name="shift"),
    path("shifts/<int:pk>/remove/", shift_settings.remove, name="remove-shift"),
]
