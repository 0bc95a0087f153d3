"""Fixtures of whole stories: a desk that is served with its sockets, and browsers at it."""

from tests.journeys.browsers import cast, chromium, desk
from tests.journeys.shop import shop

__all__ = ["cast", "chromium", "desk", "shop"]
