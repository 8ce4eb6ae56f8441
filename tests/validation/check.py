"""One comparison with a reference: what was compared, how far it lies off, and why."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from rarecare import LifeTable

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("RARECARE_SHARED", ROOT.parent / "shared"))
D = 365.241
AGES = (45, 55, 65, 75)
LABELS = ("0-44", "45-54", "55-64", "65-74", "75+")


@dataclass(frozen=True)
class Check:
    """Rows of a reference file beside ours.

    ``largest`` is the largest absolute difference, ``tolerance`` what it may be, ``cause`` why it
    is not nil; ``call`` is ours.
    """

    file: str
    what: str
    rows: int
    largest: float
    tolerance: float
    cause: str
    call: str

    @property
    def holds(self):
        """Whether the difference is within its tolerance; nan is not."""
        return self.rows > 0 and self.largest <= self.tolerance


class Real:
    """The real data and references, read once."""

    def reference(self, name):
        """A file of results of other programs."""
        return pl.read_csv(
            SHARED / "reference" / name, comment_prefix="#", infer_schema_length=None
        )

    @cached_property
    def colrec(self):
        """Colorectal cancer, Slovenia, 5 971 cases."""
        raw = pl.read_csv(SHARED / "data" / "relsurv_colrec.csv", try_parse_dates=True)
        age = (pl.col("age_days") / D).floor()
        group = pl.lit(LABELS[0])
        for lower, label in zip(AGES, LABELS[1:], strict=True):
            group = pl.when(age >= lower).then(pl.lit(label)).otherwise(group)
        return raw.select(
            sex=pl.col("sex").replace_strict({1: "male", 2: "female"}),
            age_days="age",
            incidence_date="diag",
            follow_up_days=pl.col("time").clip(1),
            died=pl.col("stat") == 1,
            stage=pl.col("stage").cast(pl.String),
            site=pl.col("site").cast(pl.String),
        ).with_columns(agegr=group)

    @cached_property
    def slopop(self):
        """The Slovene life table."""
        return LifeTable.read(SHARED / "data" / "relsurv_slopop.csv")

    def members(self, group, level):
        """The cases of one level of a group."""
        return self.colrec if group == "overall" else self.colrec.filter(pl.col(group) == level)
