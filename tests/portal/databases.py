"""The databases the tests of the portal run on: SQLite, and a PostgreSQL they start themselves."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

from rarecare.portal.database_url import database

CHOSEN = os.environ.get("RARECARE_TEST_DATABASES", "sqlite,postgresql").split(",")
"""Both, unless someone at work asks for one."""

_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql")


def binaries():
    """The folder of PostgreSQL's programs, or None."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    for place in _PLACES:
        every = sorted(Path(place).glob("**/bin/initdb")) if Path(place).is_dir() else []
        if every:
            return every[-1].parent
    return None


@contextmanager
def postgresql():
    """Start a PostgreSQL of one's own on a free port; give its settings; stop and remove it.

    It refuses to run as root: then it runs as the user ``postgres``.
    """
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not installed")
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_postgres and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and runuser is not installed")
    folder = Path(tempfile.mkdtemp(prefix="rarecare-postgresql-"))
    if as_postgres:
        shutil.chown(folder, "postgres", "postgres")

    def run(program, *arguments):
        command = [*as_postgres, str(programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "tests", "-A", "trust", "--no-sync", "-E", "UTF8",
        "--locale=C.UTF-8")  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    log = str(folder / "log")
    run("pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "-t", "120", "start")
    try:
        yield f"postgresql://tests@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(vendor):
    """Give the address of a database of a kind, started where it has to be."""
    if vendor == "postgresql":
        with postgresql() as url:
            yield url
    else:
        yield "sqlite:///tests.db"  # Django's tests of it are in memory


@contextmanager
def opened(url):
    """Make the database at an address the portal's, with its tables, for as long as this lasts."""
    before = connections.databases["default"]
    connections["default"].close()
    connections.databases["default"] = connections.configure_settings({"default": database(url)})[
        "default"
    ]
    connections["default"] = connections.create_connection("default")
    old = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(old, verbosity=0)
        connections["default"].close()
        connections.databases["default"] = before
        connections["default"] = connections.create_connection("default")
