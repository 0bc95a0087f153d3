"""Static files under names that change with their content, so browsers may keep them for ever."""

import fcntl
import re
from hashlib import sha256
from pathlib import Path
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

HASHED = re.compile(r"\.[0-9a-f]{12}\.[^/.]+$")


def publish() -> None:
    """Collect static files into STATIC_ROOT unless they are there unchanged.

    Files of earlier versions stay: pages rendered before still ask for them.
    """
    if settings.DEBUG:
        return
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".published").open("a+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        mark.seek(0)
        if mark.read() == (current := fingerprint()):
            return
        call_command("collectstatic", interactive=False, verbosity=0)
        mark.truncate(0)
        mark.write(current)


def fingerprint() -> str:
    """A digest of the name, size and time of every static file."""
    digest = sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def is_immutable(path: str, url: str) -> bool:
    """Whether the file's name changes with its content."""
    return HASHED.search(url) is not None


def protect(headers: Headers, path: str, url: str) -> None:
    """Keep browsers from guessing another type than the one we send."""
    headers["X-Content-Type-Options"] = "nosniff"
