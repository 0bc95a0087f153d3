"""Addresses of pages of the desk, for people who follow what a program found."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

NUMBER: Final = 2**60


class Link(serializers.URLField):
    """The page of a thing, by the attribute that its route takes."""

    def __init__(self, route: str, attribute: str, **kwargs: Any) -> None:
        self.route = route
        super().__init__(source=attribute, read_only=True, help_text="Its page.", **kwargs)

    def to_representation(self, value: Any) -> str:
        return page_of(self.route, value)


def page_of(route: str, number: int) -> str:
    before, after = _around(route)
    return f"{before}{number}{after}"


@cache
def _around(route: str) -> tuple[str, str]:
    """The address of a page without the number in it: finding out costs more than all the rest."""
    before, _number, after = reverse(route, args=[NUMBER]).rpartition(str(NUMBER))
    return settings.BASE_URL + before, after
