"""Fixtures of whole stories: a desk that is served with its sockets, and browsers at it."""

from tests.journeys.browsers import cast, chromium, desk, web
from tests.journeys.shop import agents, shop
from tests.journeys.whole_demo import demo

__all__ = ["agents", "cast", "chromium", "demo", "desk", "shop", "web"]
