"""Results as other programs write them: Stata strs, R popEpi, SEER*Stat.

The names of the columns are facts of those programs; the numbers stay those of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from rarecare.errors import UsageError
from rarecare.results import OK, Result

Style = Literal["strs", "popepi", "seer"]
STYLES: tuple[Style, ...] = ("strs", "popepi", "seer")

_STRS = {
    "observed": "cp",
    "observed-tsiatis": "cp",
    "ederer2": "cr_e2",
    "ederer1": "cr_e1",
    "hakulinen": "cr_hak",
    "pohar-perme": "cns_pp",
}
_STRS_COLUMNS = {
    "deaths": "d",
    "withdrawn": "w",
    "person_years": "y",
    "observed": "p",
    "expected": "p_star",
    "relative": "r",
}
_POPEPI = {
    "observed": "surv.obs",
    "observed-tsiatis": "surv.obs",
    "cause-specific": "surv.obs",
    "ederer2": "r.e2",
    "pohar-perme": "r.pp",
    "crude-cancer": "CIF.rel",
    "recorded-cancer": "CIF.cancer",
    "recorded-other": "CIF.other",
}
_POPEPI_COLUMNS = {
    "time_years": "Tstop",
    "start": "Tstart",
    "end": "Tstop",
    "deaths": "d",
    "withdrawn": "n.cens",
    "person_years": "pyrs",
}
_VALUES = ("estimate", "se", "lower", "upper")
_OWN = ("method", "standard", *_VALUES, "status", "reason", "level")


def in_style(table: pl.DataFrame, style: Style) -> pl.DataFrame:
    """Return a table of this room with the columns of another program, one row per time.

    Parameters
    ----------
    table
        Of any function of this room; several methods stand side by side.
    style
        ``"strs"``: ``cp``, ``cr_e2``, ``cns_pp`` with ``lo_``, ``hi_``, ``se_``, and of
        interval life tables ``start end n d w y p p_star r``. ``"popepi"``: ``Tstop``,
        ``surv.obs``, ``r.e2``, ``r.pp`` with ``.lo``, ``.hi``, ``SE.``, and ``.as`` when
        age-standardised. Methods that the program lacks keep our name. ``status`` and
        ``reason`` are those of the first method that is not estimable.

    Raises
    ------
    UsageError
        The style is another, or two methods have one name in it.
    """
    if style not in ("strs", "popepi"):
        raise UsageError("there is no such style of table", value=style, allowed=["strs", "popepi"])
    names = _STRS if style == "strs" else _POPEPI
    methods = table["method"].unique(maintain_order=True).to_list()
    called = [names.get(method, method.replace("-", "_")) for method in methods]
    if len(set(called)) < len(called):
        raise UsageError(
            f"two methods have one name in the style {style}",
            value=", ".join(methods),
            remedy="Ask for one of them.",
        )
    own = ("observed", "expected", "relative")
    keys = [
        column
        for column in table.columns
        if column not in _OWN and not (style == "popepi" and column in own)
    ]
    by_method = [column for column in keys if column in ("relative",)]
    keys = [column for column in keys if column not in by_method]
    wide = table.select(keys).unique(maintain_order=True)
    for method, name in zip(methods, called, strict=True):
        rows = table.filter(pl.col("method") == method)
        suffix = ".as" if style == "popepi" and rows["standard"][0] != "none" else ""
        wide = wide.join(
            rows.select(*keys, *_named(name + suffix, style)),
            on=keys, how="left", nulls_equal=True, maintain_order="left",
        )  # fmt: skip
    if style == "strs" and {"cp", "cr_e2"} <= set(wide.columns):
        wide = wide.with_columns(cp_e2=pl.col("cp") / pl.col("cr_e2"))
    said = table.group_by(keys, maintain_order=True).agg(
        status=pl.col("status").sort_by(pl.col("status") != OK, descending=True).first(),
        reason=pl.col("reason").drop_nulls().unique(maintain_order=True).str.join("; "),
    )
    wide = wide.join(said, on=keys, how="left", nulls_equal=True, maintain_order="left")
    renamed = _STRS_COLUMNS if style == "strs" else _POPEPI_COLUMNS
    return wide.rename({old: new for old, new in renamed.items() if old in wide.columns})


def _named(name: str, style: Style) -> list[pl.Expr]:
    estimate, se, lower, upper = (pl.col(value) for value in _VALUES)
    if style == "strs":
        return [
            estimate.alias(name), se.alias(f"se_{name}"),
            lower.alias(f"lo_{name}"), upper.alias(f"hi_{name}"),
        ]  # fmt: skip
    return [
        lower.alias(f"{name}.lo"), estimate.alias(name),
        upper.alias(f"{name}.hi"), se.alias(f"SE.{name}"),
    ]  # fmt: skip


def seer_text(result: Result) -> str:
    """Return a result as text in the manner of SEER*Stat's survival pages.

    One block per stratum: the time or interval, those at risk, deaths, and per method the
    cumulative percentage with its standard error and limits.
    """
    table = result.table
    strata = table.columns[: table.columns.index("method")]
    strata = [name for name in strata if name not in ("given_years", "given_days")]
    lines = [result.provenance.statistic, ""]
    parts = table.partition_by(strata, maintain_order=True) if strata else [table]
    for part in parts:
        lines += [*_block(part, strata), ""]
    lines += [f"* {note}" for note in result.provenance.notes]
    return "\n".join(lines).rstrip() + "\n"


def _block(part: pl.DataFrame, strata: Sequence[str]) -> list[str]:
    first = part.row(0, named=True)
    level = f"{first['level']:.0%}"
    said = ", ".join(f"{name} {first[name]}" for name in strata if name != "group")
    standard = "" if first["standard"] == "none" else f"Age-standardised: {first['standard']}"
    head = [line for line in (said, standard) if line]
    rows = [
        ["Interval" if "start" in part.columns else "Years", "At risk", "Died", "Method",
         "Percent", "SE", f"{level} CI", ""]
    ]  # fmt: skip
    for row in part.iter_rows(named=True):
        when = f"{row['time_years']:g}" if "time_years" in row else ""
        if "start" in row:
            when = f"{row['start']:g}-<{row['end']:g}"
        people = row.get("at_risk", row["n"])
        died = row.get("events", row.get("deaths"))
        limits = "–"
        if row["lower"] is not None and row["upper"] is not None:
            limits = f"{100 * row['lower']:.1f} to {100 * row['upper']:.1f}"
        rows.append(
            [when, f"{people:,}", f"{died:,}", row["method"], _percent(row["estimate"]),
             _percent(row["se"]), limits, row["reason"] or ""]
        )  # fmt: skip
    widths = [max(len(line[k]) for line in rows) for k in range(len(rows[0]) - 1)]
    for line in rows:
        cells = [
            cell.ljust(width) if k in (0, 3) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=False))
        ]
        head.append("  ".join([*cells, line[-1]]).rstrip())
    return head


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
