"""allauth's forms without the texts in their fields that repeat the labels above them."""

from typing import Any

from allauth.account import forms


class Plain:
    """Takes the placeholders out, and hints that lead to pages we don't have."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]
            field.widget.attrs.pop("placeholder", None)
            field.help_text = ""


class SignInForm(Plain, forms.LoginForm):  # type: ignore[misc]
    """Email and password."""


class ChangePasswordForm(Plain, forms.ChangePasswordForm):  # type: ignore[misc]
    """The old password and the new one twice."""


class ReauthenticateForm(Plain, forms.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""
