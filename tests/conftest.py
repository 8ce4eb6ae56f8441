"""Fixtures shared by all tests."""

import fcntl
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from rarecare.population.life_table import LifeTable

settings.register_profile("rarecare", deadline=None)
settings.load_profile("rarecare")

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("RARECARE_SHARED", ROOT.parent / "shared"))


def _age_group(labels):
    age = (pl.col("age_days") / 365.241).floor()
    group = pl.lit(labels[0])
    for lower, label in zip([45, 55, 65, 75], labels[1:], strict=True):
        group = pl.when(age >= lower).then(pl.lit(label)).otherwise(group)
    return group


def _shared(folder):
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"real data are absent: no folder {folder!r} (set RARECARE_SHARED)")
    return path


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """What returns a folder of a name, made by the first worker that asks for it."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # of all workers of this run

    def made(name, make):
        folder = base / name
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "whole").exists():
                folder.mkdir()  # refused where an earlier attempt failed half-way
                make(folder)
                (folder / "whole").touch()
        return folder

    return made


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data, each under its own licence; never committed."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_reference():
    """The folder of results of other programs."""
    return _shared("reference")


@pytest.fixture(scope="session")
def cohort():
    """The folder of 3 000 invented cases, their life table and R's results on them."""
    return ROOT / "tests" / "cohort"


@pytest.fixture(scope="session")
def colrec(shared_data):
    """Colorectal cancer, Slovenia, 5 971 cases, in canonical columns."""
    sexes = {1: "male", 2: "female"}
    ages = ["0-44", "45-54", "55-64", "65-74", "75+"]
    return (
        pl.read_csv(shared_data / "relsurv_colrec.csv", try_parse_dates=True)
        .select(
            sex=pl.col("sex").replace_strict(sexes),
            age_days="age",
            incidence_date="diag",
            follow_up_days=pl.col("time").clip(1),
            died=pl.col("stat") == 1,
            stage=pl.col("stage").cast(pl.String),
            site="site",
            zero=(pl.col("time") == 0) & (pl.col("stat") == 0),
        )
        .with_columns(agegr=_age_group(ages))
        .filter(~pl.col("zero"))
        .drop("zero")
    )


@pytest.fixture(scope="session")
def slopop(shared_data):
    """The Slovene life table, R relsurv's ``slopop``."""
    return LifeTable.read(shared_data / "relsurv_slopop.csv")


@pytest.fixture
def rng():
    """A seeded generator, new for each test."""
    return np.random.default_rng(20260101)
