"""The portal as ``rarecare serve`` opens it, on PostgreSQL where it is installed, and a browser.

The portal runs in a process of its own. Playwright is stopped at the end of each file: its event
loop would make Django refuse its database to the tests that follow.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.portal import databases
from tests.portal.browser.waiting import ARGUMENTS, PLACES

ROOT = Path(__file__).parents[3]
PATIENCE = 120
"""Seconds a busy machine may take to start the portal."""


@pytest.fixture(scope="session")
def served(release_folder, tmp_path_factory):
    """Serve the invented release; give the address."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("portal")
        if "postgresql" in databases.CHOSEN and databases.binaries():
            database = stack.enter_context(databases.started("postgresql"))
        else:
            database = f"sqlite:///{folder}/portal.db"
        yield stack.enter_context(serving(release_folder, folder, database))


@contextmanager
def serving(release, folder, database, *, workers=2):
    """Start ``rarecare serve``, with accounts that can sign in; give the address; stop it."""
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "RARECARE_DATA": str(folder),
        "DATABASE_URL": database, "RARECARE_HTTPS": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "rarecare", "serve", str(release), "--port", str(port),
               "--workers", str(workers), "--data", str(folder)]  # fmt: skip
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/health/", process, log)
        people = [sys.executable, "-m", "tests.portal.browser.people"]
        subprocess.run(people, env=environment, cwd=ROOT, check=True, timeout=PATIENCE)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE)


def wait_for(address, process, log):
    """Wait until the portal answers; fail with what it said if it does not."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(address, timeout=10):
                return
        except (URLError, ConnectionError, TimeoutError):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(0.2)


def free_port():
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def chromium():
    """Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = next((found for name in PLACES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(PLACES)})")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


class Watched:
    """Pages of one visitor; what the browser complains of is kept.

    Attributes
    ----------
    complaints
        Breaches of the content policy, errors of scripts, answers of 500 and above.
    """

    def __init__(self, chromium, address, **options):
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | options
        self.context = chromium.new_context(base_url=address, **options)
        self.complaints = []
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("response", self._answered)

    def _said(self, message):
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def _answered(self, response):
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")

    def page(self):
        """Open an empty page."""
        return self.context.new_page()


@pytest.fixture
def visit(chromium, served):
    """Open pages as visitors; at the end the browser must not have complained."""
    opened = []

    def new(**options):
        opened.append(Watched(chromium, served, **options))
        return opened[-1].page()

    yield new
    for one in opened:
        one.context.close()
    assert [said for one in opened for said in one.complaints] == []
