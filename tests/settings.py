"""The product's settings on servers of the test run."""

from tests.servers import ensure

ensure()

from helpdesk.settings import *  # noqa: E402, F403
from helpdesk.settings import CACHES, DATABASES  # noqa: E402
from helpdesk.settings import STORAGES as GIVEN  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Hashed names exist only once `publish` has run.
STORAGES = GIVEN | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
# A busy machine may let a server stand still for longer than the product waits for one.
DATABASES["default"]["OPTIONS"]["connect_timeout"] = 30
CACHES["default"]["OPTIONS"] = {"socket_timeout": 30, "socket_connect_timeout": 30}
# All visitors of the tests come from one machine.
CHAT_LIMITS_TIMES = 1000
# No worker lives in a test run, and pages needn't say so.
LOOKOUT = None
