"""What pages say when a worker or beat is dead: looked for by one thread of each web process."""

import threading
import time
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from redis import RedisError

from helpdesk import heartbeats

BROKER: Final = "broker"


class Lookout:
    """Looks every few seconds, from the first question on; asking costs nothing. A process that is
    being started anew is not dead yet: it must be missed for `grace` seconds."""

    def __init__(self, every: float, grace: float) -> None:
        self.every, self.grace = every, grace
        self._since: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def missed(self) -> tuple[str, ...]:
        """Names of what has given no sign of life: of heartbeats.EXPECTED, or "broker"."""
        self._look_out()
        longest = time.monotonic() - self.grace
        return tuple(name for name, since in list(self._since.items()) if since <= longest)

    def _look_out(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._look, name="lookout", daemon=True)
                    self._thread.start()

    def _look(self) -> None:
        while True:
            try:
                missing = heartbeats.missing()
            except RedisError:
                missing = [BROKER]
            now = time.monotonic()
            self._since = {name: self._since.get(name, now) for name in missing}
            time.sleep(self.every)


_lookout: Lookout | None = None


def lookout() -> Lookout | None:
    """The one of this process, as the settings want it."""
    global _lookout
    if settings.LOOKOUT is None:
        return None
    every, grace = settings.LOOKOUT["every"], settings.LOOKOUT["grace"]
    if _lookout is None or (_lookout.every, _lookout.grace) != (every, grace):
        _lookout = Lookout(every, grace)
    return _lookout


def alarm(request: HttpRequest) -> dict[str, object]:
    """`alarm`: what is dead, as templates show it to people. No query, no wait."""
    watching = lookout()
    return {"alarm": SimpleLazyObject(watching.missed) if watching else ()}
