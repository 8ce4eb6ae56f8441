"""A small invented release, a database, and a visitor."""

import shutil

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.test.utils import (
    setup_databases,
    setup_test_environment,
    teardown_databases,
    teardown_test_environment,
)

from rarecare.demo import write_demo
from rarecare.portal.opened import OpenedRelease
from rarecare.portal.releases import store
from rarecare.study import run_study

COUNTRIES = ["IT", "MT", "NL", "SI"]


@pytest.fixture(scope="session")
def release_folder(tmp_path_factory):
    """An invented release: 20 000 cases of four countries, Malta's mostly withheld."""
    folder = tmp_path_factory.mktemp("portal")
    data = write_demo(folder / "data", cases=20_000, seed=1, countries=COUNTRIES)
    run_study(data / "study.toml", folder / "release")
    return folder / "release"


@pytest.fixture(scope="session")
def opened(release_folder):
    """The release as the portal opens it."""
    return OpenedRelease.open(release_folder)


@pytest.fixture(scope="session")
def database():
    """A database with the portal's tables, in memory unless DATABASE_URL says otherwise."""
    setup_test_environment()
    old = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(old, verbosity=0)
    teardown_test_environment()


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
