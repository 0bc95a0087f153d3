"""How agents sign in: nobody signs up by themselves, and second factors are stored encrypted."""

from collections.abc import Iterator

from allauth.account import views
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from channels_inbox import vault
from conversations import signing_off
from conversations.models import Agent

# What is sealed of a second factor: the secret of an app, the seed of recovery codes.
SEALED = ("secret", "seed")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Agents are invited by an admin, never self-made."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Close the sign-up page."""
        return False


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps TOTP secrets and recovery seeds encrypted with FIELD_ENCRYPTION_KEYS."""

    def encrypt(self, text: str) -> str:
        """Encrypt with the newest key."""
        return vault.seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open with whichever key fits; `vault.MissingSecret` where none does."""
        return vault.unseal(encrypted_text.encode())


def sealed_factors() -> Iterator[bytes]:
    """Every second factor's secret as it is stored."""
    for data in Authenticator.objects.values_list("data", flat=True).iterator():
        yield from (data[name].encode() for name in SEALED if name in data)


def rotate(rotation: vault.Rotation) -> None:
    """The secrets of second factors under the newest key."""
    for pk, data in Authenticator.objects.values_list("pk", "data"):
        fresh = {name: rotation.of(data[name].encode()) for name in SEALED if name in data}
        changed = {name: new.decode() for name, new in fresh.items() if new}
        # Whoever uses one at this moment writes it too.
        still = Authenticator.objects.filter(pk=pk, data=data)
        if changed and still.update(data={**data, **changed}):
            rotation.anew += len(changed)


@require_safe
def ask_an_admin(request: HttpRequest) -> HttpResponse:
    """Nobody signs up, and no mail brings a new password: an admin hands out links for both."""
    return render(request, "account/ask_an_admin.html")


def sign_out(request: HttpRequest) -> HttpResponse:
    """As allauth does it; who goes off shift with what nobody was offered is led to it first."""
    if (
        request.method == "POST"
        and isinstance(request.user, Agent)
        and signing_off.held(request.user)
    ):
        return redirect("conversations:sign-off")
    answer: HttpResponse = views.logout(request)
    return answer
