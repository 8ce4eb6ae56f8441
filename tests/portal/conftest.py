"""A small invented release, a database, and a visitor."""

import fcntl
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.test.utils import setup_test_environment, teardown_test_environment
from django.utils.translation import override

import rarecare
from rarecare.demo import write_demo
from rarecare.portal.opened import OpenedRelease
from rarecare.portal.releases import store
from rarecare.study import run_study
from tests.portal import databases

COUNTRIES = ["IT", "MT", "NL", "SI"]


@pytest.fixture(scope="session")
def release_folder():
    """An invented release: 60 000 cases of four countries, Malta's mostly withheld.

    It takes half a minute to make, so it is kept as long as the code that made it is the same.
    """
    package = Path(rarecare.__file__).parent
    code = sha256()
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in ("portal", "cli"):
            code.update(path.read_bytes())
    kept = Path(tempfile.gettempdir()) / f"rarecare-tests-release-{code.hexdigest()[:16]}"
    with Path(f"{kept}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker makes it, the others wait
        if not kept.is_dir():
            made = Path(tempfile.mkdtemp(dir=kept.parent, prefix=f"{kept.name}."))
            data = write_demo(made / "data", cases=60_000, seed=1, countries=COUNTRIES)
            run_study(data / "study.toml", made / "release")
            shutil.rmtree(made / "data")
            made.rename(kept)
    return kept / "release"


@pytest.fixture(scope="session")
def opened(release_folder):
    """The release as the portal opens it."""
    return OpenedRelease.open(release_folder)


@pytest.fixture(scope="session")
def test_settings():
    """Django's own settings for tests: mail is kept, templates tell what they were given."""
    setup_test_environment()
    yield
    teardown_test_environment()


_RELEASE_ALONE = ("api", "comparing", "estimates", "test_languages", "test_made_once",
                  "test_publish", "test_releases", "test_skeleton")  # fmt: skip
"""Tests of pages that read a release; the database adds the names of the languages reviewed."""


def pytest_collection_modifyitems(items):
    """Such pages run on PostgreSQL with the slow tests; what writes runs on both always."""
    for item in items:
        spec = getattr(item, "callspec", None)
        if spec is not None and spec.params.get("database") == "postgresql":
            place = item.path.relative_to(Path(__file__).parent).parts[0].removesuffix(".py")
            if place in _RELEASE_ALONE:
                item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def english():
    """The language of a request stays with its thread: each test starts in English."""
    with override("en"):
        yield


@pytest.fixture(scope="session", params=databases.CHOSEN)
def database(request, test_settings):
    """A database with the portal's tables: each test runs on SQLite and on PostgreSQL."""
    with databases.started(request.param) as url, databases.opened(url):
        yield


@pytest.fixture
def db(database):
    """A transaction that is taken back after the test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def portal(release_folder, db, settings_of):
    """The portal on the invented release."""
    settings_of(RELEASE=str(release_folder))
    store.cache_clear()
    yield store()
    store.cache_clear()


@pytest.fixture
def settings_of():
    """Change settings for one test."""
    changed = []

    def change(**values):
        changed.append(override_settings(**values))
        changed[-1].enable()

    yield change
    for one in reversed(changed):
        one.disable()


@pytest.fixture
def visitor(portal):
    """A browser without cookies."""
    return Client()


@pytest.fixture
def copied(release_folder, tmp_path):
    """A copy of the release that a test may break."""
    return shutil.copytree(release_folder, tmp_path / "release")
