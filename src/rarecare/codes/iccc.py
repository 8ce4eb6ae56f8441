"""The groups of childhood cancers: International Classification of Childhood Cancer, 3rd edition.

Source: Steliarova-Foucher, Stiller, Lacour, Kaatsch, *Cancer* 2005;103:1457-67: 12 groups and 47
subgroups (with retinoblastoma, which has none, 48 leaves) by histology and site. Edition ``2005``
has the codes of ICD-O-3 as SEER publishes them (grade A); ``2017`` those of the update for
ICD-O-3.1 as the program of imsweb has them (grade B: read in that program, where a few codes of
subgroups III(d) and X(d) are damaged; those known are taken). Tumours of the brain and spine and
germ cell tumours within the skull count with behaviours 0, 1 and 3, all others when malignant.
The divisions below the subgroups are not here.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.codes.code_rules import histology_positions, site_positions, spread
from rarecare.codes.packaged import packaged_table
from rarecare.errors import ColumnError, UsageError
from rarecare.files import read_table

EDITIONS = ("2005", "2017")
Edition = Literal["2005", "2017"]
_NEEDED = ("topography", "morphology", "behaviour")


@cache
def iccc_groups() -> pl.DataFrame:
    """Return the subgroups.

    Columns: ``subgroup`` ("011"), ``label`` ("I(a)"), ``name``, ``group`` ("I"), ``group_name``.
    """
    return packaged_table("tables/iccc_groups.csv")


def to_iccc(cases: Any, *, edition: Edition = "2017") -> pl.DataFrame:
    """Return the childhood cancer group of each tumour, whatever the age of the person.

    Parameters
    ----------
    cases
        A data frame with ``topography`` ("C40.2"), ``morphology`` (four digits) and
        ``behaviour``.
    edition
        ``"2017"`` knows the histologies of ICD-O-3.1, ``"2005"`` only those of ICD-O-3.

    Returns
    -------
    DataFrame
        One row for each, in their order: ``iccc_group`` ("VIII"), ``iccc_subgroup``
        ("VIII(a)"), ``iccc_code`` ("081"); null where no rule takes the codes.

    Raises
    ------
    ColumnError
        A column is missing.
    UsageError
        There is no such edition.

    Examples
    --------
    Osteosarcoma of the leg, astrocytoma of the cerebellum that is not malignant, Wilms tumour:

    >>> cases = pl.DataFrame({
    ...     "topography": ["C40.2", "C71.6", "C64.9"],
    ...     "morphology": [9180, 9421, 8960],
    ...     "behaviour": [3, 1, 3],
    ... })
    >>> to_iccc(cases)["iccc_subgroup"].to_list()
    ['VIII(a)', 'III(b)', 'VI(a)']
    """
    if edition not in EDITIONS:
        raise UsageError("there is no such edition of ICCC-3", value=edition, allowed=EDITIONS)
    raw = read_table(cases)
    for name in _NEEDED:
        if name not in raw.frame.columns:
            raise ColumnError(
                "the groups of childhood cancers need a column",
                file=raw.source.name,
                value=name,
                allowed=raw.frame.columns,
            )
    frame = raw.frame
    site, histology = site_positions(frame["topography"]), histology_positions(frame["morphology"])
    behaviour = frame["behaviour"].cast(pl.Int64).fill_null(-1).to_numpy()
    decided, not_malignant = _space(edition)
    rule = np.where((site < 0) | (histology < 0), -1, decided[site, histology])
    taken = (rule >= 0) & ((behaviour == 3) | (np.isin(behaviour, (0, 1)) & not_malignant[rule]))
    codes = _rules(edition)["subgroup"]
    found = codes.gather(pl.Series(np.where(taken, rule, -1), dtype=pl.Int64).replace(-1, None))
    groups, code = iccc_groups(), pl.col("iccc_code")
    return pl.DataFrame({"iccc_code": found}).select(
        iccc_group=code.replace_strict(groups["subgroup"], groups["group"], default=None),
        iccc_subgroup=code.replace_strict(groups["subgroup"], groups["label"], default=None),
        iccc_code="iccc_code",
    )


@cache
def _rules(edition: str) -> pl.DataFrame:
    return packaged_table("tables/iccc_rules.csv").filter(edition=edition)


@cache
def _space(edition: str) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return the rule of each site and histology, and whether each rule takes behaviours 0 and 1.

    The second has one entry more than rules, for "no rule" (position -1).
    """
    rules = _rules(edition)
    first = spread(rules.select("topography", "morphology").iter_rows())
    return first, np.append((rules["behaviour"] != "3").to_numpy(), False)
