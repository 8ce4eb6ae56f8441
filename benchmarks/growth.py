"""How time and memory grow with the number of cases: ours beside relsurv and popEpi.

``python -m benchmarks.growth`` measures each size in a process of its own, on the same rows drawn
from real cases, prints a table and writes the figure docs/images/growth.svg.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import cohorts
from benchmarks.beside_r import SCRIPT
from benchmarks.measurements import SHARED

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
MOST_IN_R = 600.0
"""Seconds; a program is not asked for a size at which it would need longer."""
FIGURE = cohorts.ROOT / "docs" / "images" / "growth.svg"
PROGRAMS = ("rarecare", "relsurv", "popEpi")


def drawn(n: int) -> pl.DataFrame:
    """Return ``n`` rows drawn from 5 971 real cases."""
    colrec = pl.read_csv(SHARED / cohorts.COLREC)
    return colrec[np.random.default_rng(1).integers(0, colrec.height, n)]


def ours(n: int) -> dict[str, float]:
    """Return seconds (the second run of two), peak memory in GB and five-year net survival."""
    from rarecare import LifeTable, net_survival  # noqa: PLC0415

    life_table = LifeTable.read(SHARED / cohorts.SLOVENE)
    raw = drawn(n)
    last = int(raw["time"].max())  # type: ignore[arg-type]
    cases = raw.filter((pl.col("time") > 0) | (pl.col("stat") == 1)).select(
        sex=pl.col("sex").replace_strict({1: "male", 2: "female"}),
        age_days="age",
        incidence_date=pl.col("diag").str.to_date(),
        follow_up_days=pl.col("time").clip(1),
        died=pl.col("stat") == 1,
    )
    del raw
    seconds, five = 0.0, 0.0
    for _ in range(2):
        start = time.perf_counter()
        table = net_survival(
            cases, life_table, at_days=[1826, last], days_per_year=365.241, allow_outside=1.0
        ).table
        seconds, five = time.perf_counter() - start, float(table["estimate"][0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": seconds, "gigabytes": peak, "five_years": five}


def in_r(n: int, program: str) -> dict[str, float]:
    """Return the same of an R program."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        drawn(n).write_csv(path)
        code = (
            "import json, resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True)\n"
            "out = done.stdout\n"
            "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20\n"
            "print(json.dumps({**json.loads(out.splitlines()[-1]), 'gigabytes': peak}))\n"
        )
        command = [sys.executable, "-c", code, "Rscript", str(SCRIPT), str(path), program]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, print a table and draw it."""
    rows: list[dict[str, object]] = []
    print(f"{'cases':>12} {'program':>10} {'s':>10} {'GB':>7} {'5 years':>9}")
    for program in PROGRAMS:
        before = 0.0
        for n in SIZES:
            if program != "rarecare" and before * 10 > MOST_IN_R:
                print(f"{n:12,} {program:>10} not asked: about {before * 10:,.0f} s", flush=True)
                before *= 10
                continue
            if program == "rarecare":
                command = [sys.executable, "-m", "benchmarks.growth", str(n)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found = json.loads(done.stdout.splitlines()[-1])
            else:
                try:
                    found = in_r(n, program)
                except subprocess.CalledProcessError:
                    print(
                        f"{n:12,} {program:>10} did not end: out of memory or an error", flush=True
                    )
                    break
            before = float(found["seconds"])
            print(
                f"{n:12,} {program:>10} {before:10.3f} {found['gigabytes']:7.2f} "
                f"{found['five_years']:9.5f}",
                flush=True,
            )
            rows.append({"cases": n, "program": program, **found})
    draw(rows)


def draw(rows: list[dict[str, object]]) -> None:
    """Write the figure: seconds and memory against cases, both on logarithmic axes."""
    import vl_convert  # noqa: PLC0415

    from rarecare.figures.look import DASHES, MARKERS, SERIES  # noqa: PLC0415

    names = list(PROGRAMS)
    x = {"field": "cases", "type": "quantitative", "title": "Cases",
         "scale": {"type": "log"}, "axis": {"format": "~s", "values": list(SIZES)}}  # fmt: skip

    def panel(field: str, title: str, ticks: tuple[float, ...]) -> dict[str, object]:
        y = {"field": field, "type": "quantitative", "title": title,
             "scale": {"type": "log", "domain": [ticks[0], ticks[-1]]},
             "axis": {"format": "~r", "values": list(ticks)}}  # fmt: skip
        look = {
            "color": {"field": "program", "type": "nominal", "title": None,
                      "scale": {"domain": names, "range": list(SERIES[:3])}},
            "shape": {"field": "program", "type": "nominal", "title": None,
                      "scale": {"domain": names, "range": list(MARKERS[:3])}},
        }  # fmt: skip
        dash = {"strokeDash": {"field": "program", "type": "nominal", "title": None,
                               "scale": {"domain": names, "range": list(DASHES[:3])}}}  # fmt: skip
        return {
            "width": 300, "height": 240, "data": {"values": rows},
            "layer": [
                {"mark": "line", "encoding": {"x": x, "y": y, "color": look["color"], **dash}},
                {"mark": {"type": "point", "filled": True, "size": 60},
                 "encoding": {"x": x, "y": y, **look}},
            ],
        }  # fmt: skip

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "#fcfdfb",
        "hconcat": [
            panel("seconds", "Seconds", (0.01, 0.1, 1, 10, 100, 1000)),
            panel("gigabytes", "Peak memory (GB)", (0.1, 0.2, 0.5, 1, 2, 5)),
        ],
        "config": {"font": "sans-serif",
                   "axis": {"labelFontSize": 12, "titleFontSize": 12, "gridColor": "#ccd6cf"},
                   "legend": {"labelFontSize": 12}},
    }  # fmt: skip
    FIGURE.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    print(f"written: {FIGURE.relative_to(cohorts.ROOT)}")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        print(json.dumps(ours(int(sys.argv[1]))))
