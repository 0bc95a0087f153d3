"""The product's settings on servers of the test run."""

from tests.servers import ensure

ensure()

from helpdesk.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
