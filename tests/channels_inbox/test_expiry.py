"""Sign-ins that end by themselves: renewed ahead of time, told of before they end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from channels_inbox import expiry
from channels_inbox.models import Account
from channels_inbox.pages.context import needs
from conversations.models import Inbox, Role
from conversations.thread import database_now
from helpdesk.doctor import inside
from tests.builders import make_agent
from tests.channels_inbox.loft import Doves, pigeons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from tests.builders import Cast

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def loft(settings: Settings, cast: Cast) -> Iterator[Inbox]:
    with pigeons(settings, cast.support) as inbox:
        yield inbox


def account(inbox: Inbox) -> Account:
    return Account.objects.get(inbox=inbox)


def test_a_sign_in_is_renewed_ahead_of_time(loft: Inbox) -> None:
    now = database_now()
    expiry.ends(loft, now + 60 * DAY)
    assert expiry.refresh_due() == 0
    refresh_at = account(loft).refresh_at
    assert refresh_at is not None
    assert 45 * DAY < refresh_at - now < 47 * DAY
    Account.objects.filter(inbox=loft).update(refresh_at=now)
    Doves.ends_at = now + 120 * DAY
    assert (expiry.refresh_due(), expiry.refresh_due()) == (1, 0)
    assert account(loft).expires_at == Doves.ends_at


def test_a_refusal_is_tried_again_and_told_before_the_end(loft: Inbox) -> None:
    now = database_now()
    expiry.ends(loft, now + 20 * DAY)
    Account.objects.filter(inbox=loft).update(refresh_at=now)
    Doves.is_down = True
    assert expiry.refresh_due() == 1
    assert account(loft).expires_at == now + 20 * DAY
    again = account(loft).refresh_at
    assert again is not None
    assert again > now
    ada = make_agent("Ada", role=Role.ADMIN)
    assert needs(ada)[-1] is False
    Account.objects.filter(inbox=loft).update(warn_at=now)
    assert needs(ada)[-1] is True
    assert "could not be renewed" in " ".join(one.said for one in inside.channels(live=False))
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("inboxes:inbox", args=[loft.pk])).content.decode()
    assert "could not be renewed" in page
    assert "The sign-in ends" in page


def test_what_lasts_for_ever_says_nothing(loft: Inbox) -> None:
    expiry.ends(loft, database_now() + DAY)
    expiry.ends(loft, None)
    assert (account(loft).expires_at, account(loft).warn_at) == (None, None)
