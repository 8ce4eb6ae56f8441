"""``rarecare serve``: what is refused before anything is opened, and the portal as it runs."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

from rarecare.errors import FileError, UsageError
from rarecare.portal import serve as serving
from rarecare.portal.serve import serve


def test_an_impossible_port_is_refused(release_folder):
    with pytest.raises(UsageError, match="port"):
        serve(release_folder, port=70_000)


def test_no_worker_is_refused(release_folder):
    with pytest.raises(UsageError, match="worker"):
        serve(release_folder, workers=0)


def test_a_broken_release_is_named(copied):
    (copied / "entities.parquet").unlink()
    assert "entities.parquet" in serving.problem_of(str(copied))


def test_a_whole_release_has_no_problem(release_folder):
    assert serving.problem_of(str(release_folder)) is None


def test_the_secret_is_made_once_and_is_its_owners(tmp_path):
    first = serving._secret(tmp_path)
    assert len(first) >= 64
    assert serving._secret(tmp_path) == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_a_broken_release_stops_the_start(copied, tmp_path):
    (copied / "manifest.json").write_text("{}")
    with pytest.raises(FileError, match="refused"):
        serving._check(copied)


@pytest.mark.slow
def test_the_portal_runs_and_switches(release_folder, copied, tmp_path):
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["study"]["name"] = "second"
    path.write_text(json.dumps(manifest))
    pointer = tmp_path / "current"
    pointer.write_text(str(release_folder))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        name: value for name, value in os.environ.items()
        if name not in ("RARECARE_RELEASE", "RARECARE_DATA", "RARECARE_HTTPS", "SECRET_KEY")
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "rarecare", "serve", str(pointer), "--port", str(port),
         "--data", str(tmp_path / "data")],
        env=environment, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert health(port, patience=120).startswith("synthetic-europe")
        assert list((tmp_path / "data").glob("drawings/*/sizes.json"))  # no page has to measure
        other = tmp_path / "next"
        other.write_text(str(copied))
        other.replace(pointer)
        end = time.monotonic() + 120
        names = set()
        while time.monotonic() < end and "second" not in {n.split("-")[0] for n in names}:
            names.add(health(port, patience=1))
        assert any(name.startswith("second-") for name in names)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def health(port, *, patience):
    """The name of the release that the portal at a port shows."""
    end = time.monotonic() + patience
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as asked:
                asked.request("GET", "/health/")
                return json.loads(asked.getresponse().read())["release"]
        except (ConnectionError, http.client.HTTPException):
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
