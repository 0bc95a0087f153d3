"""The pages of the API in a browser: the viewer under the desk's own policy, and the tokens'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from conversations.models import ApiToken, Role
from tests.builders import make_agent
from tests.journeys.browsers import needs_chromium, troubles

if TYPE_CHECKING:
    from tests.builders import Cast
    from tests.journeys.browsers import Desk

pytestmark = [pytest.mark.django_db(transaction=True), needs_chromium]


def test_the_viewer_shows_the_schema_and_calls_with_a_token(desk: Desk, cast: Cast) -> None:
    """Nothing comes from elsewhere, and the policy stops nothing it needs."""
    context = desk.computer(cast.alice)
    page = desk.tab(context, "/settings/api-tokens/", live=False)
    page.get_by_label("Name", exact=True).fill("Web shop")
    page.get_by_role("button", name="Make the token").click()
    secret = page.locator("#token").inner_text()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name="Helpdesk API")).to_be_visible()
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("auth-bearer-value").fill(secret)
    page.get_by_label("Apply credentials").click()
    page.get_by_role("button", name="Close").click()
    page.locator("#operations-me-people_me .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table").first).to_contain_text("alice@desk.example")
    assert [url for url in asked if not url.startswith((desk.web.url, "data:", "blob:"))] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_tokens_is_for_everybody(desk: Desk, cast: Cast, theme: str) -> None:
    ada = make_agent("Ada", cast.support, role=Role.ADMIN)
    page = desk.tab(desk.computer(ada, color_scheme=theme), "/settings/api-tokens/", live=False)
    page.get_by_label("Name", exact=True).fill("Web shop")
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("#token")).to_contain_text("desk_")
    assert troubles(page) == []
    for width in (1440, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Revoke Web shop").click()
    expect(page.get_by_text("opens nothing any more")).to_be_visible()
    assert not ApiToken.objects.not_revoked().exists()
