"""What every estimator returns: a tidy table, a figure, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl

from rarecare.files import Source

if TYPE_CHECKING:
    from rarecare.figures import Figure

OK = "ok"
WITHHELD = "withheld"
NOT_ESTIMABLE = "not estimable"

OWN_WITHHELD = "hierarchical Poisson, own count withheld"
"""Method of a rate that is foretold from other areas: nothing of its own count is in it."""


@cache
def _software() -> str:
    return f"rarecare {version('rarecare')}"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a result came from, enough to make it again.

    Attributes
    ----------
    statistic
        What was computed, in words.
    inputs
        The files and frames read.
    plan
        Every choice that decides the numbers, by name.
    plan_hash
        SHA-256 of the plan.
    exclusions
        One row per reason, in the order applied: ``reason``, ``records``.
    notes
        Whatever a reader must know: imputed dates, person-days outside the life table.
    """

    statistic: str
    inputs: tuple[Source, ...]
    plan: dict[str, Any]
    plan_hash: str
    exclusions: pl.DataFrame
    notes: tuple[str, ...] = ()
    software: str = field(default_factory=_software)

    def to_json(self) -> str:
        """Return the provenance as a JSON object with sorted keys."""
        return json.dumps(
            {
                "statistic": self.statistic,
                "inputs": [
                    {"name": s.name, "sha256": s.sha256, "records": s.rows} for s in self.inputs
                ],
                "plan": self.plan,
                "plan_hash": self.plan_hash,
                "exclusions": self.exclusions.to_dicts(),
                "notes": list(self.notes),
                "software": self.software,
            },
            indent=2,
            sort_keys=True,
            default=str,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """A tidy long table of estimates, with its figure and its provenance.

    Attributes
    ----------
    table
        One row per estimate: strata, ``method``, ``time_years`` where there is one,
        ``n`` or ``at_risk``, ``events``, ``estimate``, ``se``, ``lower``, ``upper``,
        ``level``, ``status`` ("ok", "withheld", "not estimable") and ``reason``.
    provenance
        Inputs, plan, exclusions, notes and versions.
    """

    table: pl.DataFrame
    provenance: Provenance
    draw: Callable[..., Figure] | None = None

    def plot(self, **choices: Any) -> Figure:
        """Return the figure of this result (SVG, PNG, PDF or JSON by ``.save``).

        Parameters
        ----------
        **choices
            ``title``; ``note``, a sentence below the drawing; ``synthetic=True`` where the data
            are made up, which the drawing then says; ``width`` in px, 600 or 340 for a phone.

        Raises
        ------
        TypeError
            The result has no figure.
        """
        if self.draw is None:
            raise TypeError(f"{self.provenance.statistic} has no figure")
        return self.draw(**choices)

    def __str__(self) -> str:
        with pl.Config(
            tbl_rows=60,
            tbl_cols=30,
            tbl_width_chars=1000,
            fmt_str_lengths=60,
            tbl_hide_dataframe_shape=True,
            tbl_hide_column_data_types=True,
        ):
            notes = "".join(f"\n* {note}" for note in self.provenance.notes)
            return f"{self.provenance.statistic}\n{self.table}{notes}"

    __repr__ = __str__
