"""Settings for tools that read the code and never connect: mypy, makemigrations, check.

Nothing here can serve: there is no database, and the keys are thrown away with the process.
"""

import os
import secrets
import warnings

PLACEHOLDERS = {
    "DATABASE_URL": "postgresql://none@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": secrets.token_urlsafe(50),
    "FIELD_ENCRYPTION_KEYS": "A" * 43 + "=",
    "REPLY_TOKEN_KEYS": secrets.token_urlsafe(32),
    "ALLOWED_HOSTS": "localhost",
    "BASE_URL": "https://localhost",
    "DATA_DIR": "/nonexistent",
    "DB_POOL_SIZE": "0",
}
for name, value in PLACEHOLDERS.items():
    os.environ.setdefault(name, value)

# makemigrations would like to compare with a database, and says so; here is none to compare with.
warnings.filterwarnings("ignore", "Got an error checking a consistent migration history")

from helpdesk.settings import *  # noqa: E402, F403

LOCALE_PATHS = []  # nothing is compiled where there is no data folder
