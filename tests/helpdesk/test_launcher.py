"""`manage.py demo` and `up` as people run them: real processes, real signals, nothing left."""

import http.cookiejar
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from helpdesk import embedded, launcher
from helpdesk.embedded import free_port
from tests.faults.desk import until
from tests.helpdesk.running import ROOT, Running, token_in
from tests.patience import PATIENCE

Start = Callable[..., Running]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that an unprivileged database can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="helpdesk-launcher-"))
    folder.chmod(0o711)
    yield folder / "copy"
    shutil.rmtree(folder)


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    """Starts copies, in `data` unless told otherwise; what still runs at the end is killed."""
    started: list[Running] = []

    def run(*arguments: str, into: Path = data, through: Sequence[str] = ()) -> Running:
        started.append(Running(into, *arguments, through=through or (sys.executable,)))
        return started[-1]

    yield run
    for copy in started:
        if copy.process.poll() is None:
            copy.end(signal.SIGKILL)


class Browser:
    """Cookies and redirects, as a person has them."""

    def __init__(self, copy: Running) -> None:
        self.copy = copy
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path: str, **headers: str) -> str:
        request = urllib.request.Request(self.copy.url + path, headers=headers)
        return str(self.opener.open(request, timeout=PATIENCE).read().decode())

    def post(self, path: str, page: str, **fields: str) -> str:
        """Submit a form found on `page`; return the path one ends up at, whatever it answers."""
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token_in(page), **fields}).encode()
        try:
            end = self.opener.open(self.copy.url + path, body, timeout=PATIENCE).geturl()
        except urllib.error.HTTPError as error:
            end = error.geturl() if error.code != 404 or error.url != self.copy.url + path else ""
        return str(end).removeprefix(self.copy.url)


def test_the_demo_runs_stops_on_ctrl_c_and_survives_kill_9(start: Start, data: Path) -> None:
    copy = start("demo")
    copy.wait_ready()
    assert copy.printed.startswith("Starting; the first time a database is made")
    assert all(port in embedded.SERVER_PORTS for port in private_ports(data))
    # Redis is waited for half a second only, and just now everything starts.
    well: dict[str, object] = {"status": "ready", "degraded": {}, "oldest_unprocessed_at": None}
    until(lambda: copy.state() == well)
    parts = ("web", "queue=fast", "queue=slow", "beat", "mailpair", "sandbox", "postgres", "valkey")
    # A fork takes its name a moment after it begins.
    until(lambda: all(part in " ".join(copy.processes().values()) for part in parts))
    page = Browser(copy).get("/demo/")
    assert "ada@demo.example" in page
    assert stat.S_IMODE((data / "keys.json").stat().st_mode) == 0o600
    copy.end(signal.SIGKILL)

    copy = start("demo")
    copy.wait_ready()
    assert copy.end(signal.SIGINT) == 0
    assert f"Open     {copy.url}/" in copy.printed
    assert "ada@demo.example" in copy.printed
    assert copy.printed.startswith("Starting …\n")
    assert copy.printed.endswith("Stopped; nothing is left running.\n")


def private_ports(data: Path) -> list[int]:
    settings = json.loads((data / "running.json").read_text())
    urls = (settings["DATABASE_URL"], settings["REDIS_URL"])
    return [urllib.parse.urlsplit(url).port or 0 for url in urls]


@pytest.mark.full
def test_it_is_quick(start: Start) -> None:
    for limit in (20, 8):
        copy = start("demo")
        assert copy.wait_ready() < limit
        began = time.monotonic()
        copy.end(signal.SIGINT)
        assert time.monotonic() - began < 10


@pytest.mark.full
def test_one_click_signs_in_on_this_machine_only(start: Start) -> None:
    copy = start("demo")
    copy.wait_ready()
    browser = Browser(copy)
    page = browser.get("/demo/")
    assert browser.post("/demo/sign-in/ada/", page, next="/healthz") == "/healthz"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        Browser(copy).get("/demo/", **{"X-Forwarded-For": "203.0.113.9"})
    with pytest.raises(urllib.error.HTTPError, match="405"):
        browser.get("/demo/sign-in/ada/")
    assert browser.post("/demo/sign-in/nobody/", browser.get("/demo/")) == ""
    copy.end(signal.SIGTERM)


@pytest.mark.full
def test_up_is_empty_and_its_first_page_creates_the_admin_once(start: Start) -> None:
    copy = start("up")
    copy.wait_ready()
    assert not any("mailpair" in command for command in copy.processes().values())
    browser, rival = Browser(copy), Browser(copy)
    page = browser.get("/sign-in/")
    assert token_in(rival.get("/sign-in/"))
    person = {"name": "Mai", "email": "Mai@desk.example", "team": "Support"}
    assert browser.post("/welcome/", page, password="12345678", **person) == "/welcome/"
    desk = browser.post("/welcome/", page, password="a long way from common", **person)
    assert desk not in ("", "/welcome/", "/sign-in/")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        rival.get("/welcome/")
    copy.end(signal.SIGINT)


def test_copies_that_start_together_choose_different_ports() -> None:
    port = free_port()
    assert launcher.claim(port)
    with subprocess.Popen(
        [sys.executable, "-c", f"from helpdesk import launcher; print(launcher.claim({port}))"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as rival:
        assert rival.communicate()[0] == "False\n"
    assert launcher.unless_taken(port) != port


@pytest.mark.full
def test_two_copies_run_side_by_side_but_not_in_one_folder(start: Start, data: Path) -> None:
    first, second = start("up"), start("up", into=data.with_name("other"))
    first.wait_ready()
    second.wait_ready()
    third = start("up")
    assert third.process.wait(30) == 1
    assert "Another copy runs on" in third.printed
    assert first.state()["status"] == "ready"
    for copy in (first, second):
        copy.end(signal.SIGINT)


@pytest.mark.full
@pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_when_uv_in_front_of_it_does(start: Start, signum: signal.Signals) -> None:
    copy = start("up", through=("uv", "run", "--no-sync"))
    copy.wait_ready()
    copy.end(signum)


@pytest.mark.full
def test_whatever_dies_is_started_again(start: Start) -> None:
    copy = start("demo")
    copy.wait_ready()
    before = copy.processes()
    for number, command in before.items():
        if re.search("web|celeryd|beat|mailpair|sandbox --|valkey", command):
            os.kill(number, signal.SIGKILL)
    copy.until(lambda: copy.printed.count("is started again") == 7, 30)
    copy.until(lambda: copy.get("/readyz?strict=1")[0] == 200, 30)
    assert not before.keys() & set(copy.processes()) - set(postgres(before))
    copy.end(signal.SIGINT)
    assert "web ended with code -9 and is started again" in copy.printed


def postgres(processes: dict[int, str]) -> list[int]:
    """The processes of the database, and the launcher itself."""
    return [
        number for number, command in processes.items() if re.search("postgres| demo ", command)
    ]


@pytest.mark.full
def test_it_leaves_nothing_where_the_kernel_does_not_help(start: Start, data: Path) -> None:
    driver = data.with_name("driver.py")
    driver.write_text(
        "import sys; sys.path.insert(0, sys.argv.pop(1).removesuffix('manage.py'))\n"
        "from helpdesk import launcher, supervisor\n"
        "supervisor.KERNEL_ENDS_ORPHANS = supervisor.FORKS_SAFELY = False\n"
        "sys.exit(launcher.main(sys.argv[1:]))\n"
    )
    for signum in (signal.SIGKILL, signal.SIGINT):
        copy = start("demo", through=(sys.executable, str(driver)))
        copy.wait_ready()
        assert len(copy.processes()) >= 7
        copy.end(signum)


@pytest.mark.full
@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the database as somebody else")
def test_as_root_the_database_moves_out_of_folders_its_account_cannot_enter(
    start: Start, data: Path
) -> None:
    data.parent.chmod(0o700)
    copy = start("up")
    copy.wait_ready()
    [line] = [line for line in copy.printed.splitlines() if "/var/lib/helpdesk/" in line]
    folder = Path(re.findall(r"/var/lib/helpdesk/\w+", line)[0])
    owners = {
        Path(f"/proc/{number}").stat().st_uid
        for number, command in copy.processes().items()
        if "postgres" in command
    }
    assert 0 not in owners
    assert (folder / "postgres" / "data" / "PG_VERSION").exists()
    copy.end(signal.SIGINT)
    shutil.rmtree(folder)


@pytest.mark.full
def test_a_stop_while_it_starts_leaves_nothing(start: Start) -> None:
    for moment in (0.1, 0.4, 1.0, 2.0, 3.0):
        copy = start("demo")
        time.sleep(moment)
        assert copy.end(signal.SIGINT) in (0, 130, -signal.SIGINT)
