"""The pages for when something went wrong: they say what to do, in the reader's language."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.utils import translation
from django.views.defaults import server_error

from tests.builders import make_agent

pytestmark = pytest.mark.django_db


def test_an_address_that_is_not_there(client: Client) -> None:
    page = client.get("/nothing/here/")
    assert page.status_code == 404
    assert "There is nothing here for you" in page.content.decode()


def test_it_speaks_the_readers_language(client: Client) -> None:
    page = client.get("/nothing/here/", headers={"accept-language": "vi"}).content.decode()
    assert '<html lang="vi"' in page
    assert "Ở đây không có gì dành cho bạn" in page


def test_what_ones_role_does_not_include(client: Client) -> None:
    client.force_login(make_agent(), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/settings/people/")
    assert page.status_code == 403
    assert "Only an admin can do this" in page.content.decode()


def test_a_form_without_its_token_says_what_to_do() -> None:
    page = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "x"})
    assert page.status_code == 403
    assert "This page was open too long" in page.content.decode()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Something broke on our side"), ("vi", "Đã xảy ra lỗi")]
)
def test_our_own_mistakes_need_nothing_of_the_desk(
    language: str, words: str, django_assert_num_queries: object
) -> None:
    with translation.override(language), django_assert_num_queries(0):  # type: ignore[operator]
        page = server_error(RequestFactory().get("/"))
    assert page.status_code == 500
    assert words in page.content.decode()
