"""Ours beside R's relsurv and popEpi, on the same rows in one go."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import cohorts
from benchmarks.measurements import SHARED, _median

LARGE = 200_000
SCRIPT = Path(__file__).with_name("beside_r.R")
TARGETS = {"colrec": 100, f"{LARGE} rows": 300}


def main() -> None:
    """Print seconds, how many times faster, and five-year net survival of each."""
    if shutil.which("Rscript") is None or not SHARED.is_dir():
        print("beside R: not run, Rscript or the real data are absent")
        return
    colrec = pl.read_csv(SHARED / cohorts.COLREC)
    rows = np.random.default_rng(1).integers(0, colrec.height, LARGE)
    print(f"\n{'the same rows, estimation alone':34} {'s':>9} {'times ours':>11} {'5 years':>9}")
    for name, cases in (("colrec", colrec), (f"{LARGE} rows", colrec[rows])):
        seconds, five = _ours(cases)
        print(f"{name + ', rarecare, daily, 23 years':34} {seconds:9.4f} {1:11} {five:9.5f}")
        for program in ("relsurv", "popEpi"):
            found = _in_r(cases, program)
            said = f"{name}, {program} {found['version']}"
            times = found["seconds"] / seconds
            print(
                f"{said:34} {found['seconds']:9.3f} {times:11.0f} {found['five_years']:9.5f}"
                + (f"   target {TARGETS[name]} times" if program == "relsurv" else ""),
                flush=True,
            )


def _ours(cases: pl.DataFrame) -> tuple[float, float]:
    from rarecare import LifeTable, net_survival  # noqa: PLC0415

    life_table = LifeTable.read(SHARED / cohorts.SLOVENE)
    table = cases.filter((pl.col("time") > 0) | (pl.col("stat") == 1)).select(
        sex=pl.col("sex").replace_strict({1: "male", 2: "female"}),
        age_days="age",
        incidence_date=pl.col("diag").str.to_date(),
        follow_up_days=pl.col("time").clip(1),
        died=pl.col("stat") == 1,
    )
    last = int(cases["time"].max())  # type: ignore[arg-type]

    def run() -> pl.DataFrame:
        return net_survival(table, life_table, at_days=[1826, last], days_per_year=365.241).table

    return _median(run), float(run()["estimate"][0])


def _in_r(cases: pl.DataFrame, program: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        cases.write_csv(path)
        done = subprocess.run(
            ["Rscript", str(SCRIPT), str(path), program],
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
