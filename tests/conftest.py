"""Fixtures shared by all tests."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("RARECARE_SHARED", ROOT.parent / "shared"))


def _shared(folder):
    path = SHARED / folder
    if not path.is_dir():
        pytest.skip(f"real data are absent: no folder {folder!r} (set RARECARE_SHARED)")
    return path


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
        .with_columns(
            agegr=(pl.col("age_days") / 365.241).floor().cut(
                [45, 55, 65, 75], labels=ages, left_closed=True
            ).cast(pl.String)
        )
        .filter(~pl.col("zero"))
        .drop("zero")
    )


@pytest.fixture(scope="session")
def slopop(shared_data):
    """The Slovene life table, R relsurv's ``slopop``."""
    from rarecare.population.life_table import LifeTable

    return LifeTable.read(shared_data / "relsurv_slopop.csv")


@pytest.fixture
def rng():
    """A seeded generator, new for each test."""
    return np.random.default_rng(20260101)
