"""What is measured: one function each, run by ``python -m benchmarks.measurements NAME``."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import cohorts

SHARED = Path(os.environ.get("RARECARE_SHARED", cohorts.ROOT.parent / "shared")) / "data"


def _median(run: Callable[[], object], *, times: int = 5) -> float:
    """Return the median of several runs in seconds, one before them not counted."""
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def _survival(n: int, *, groups: int = 1, times: int = 5) -> float:
    from rarecare import LifeTable, net_survival  # noqa: PLC0415

    cases = cohorts.survival_cases(n, groups=groups)
    life_table = LifeTable.read(cohorts.LIFE_TABLE)
    by = ["entity"] if groups > 1 else []
    return _median(
        lambda: net_survival(cases, life_table, by=by, at=[1, 3, 5, 10], allow_outside=1.0),
        times=times,
    )


def one_million() -> float:
    """Exact daily Pohar Perme with SE, 1 million cases, one group."""
    return _survival(1_000_000)


def ten_million() -> float:
    """The same, 10 million cases."""
    return _survival(10_000_000)


def two_thousand_groups() -> float:
    """10 million cases in 2 000 groups."""
    return _survival(10_000_000, groups=2000, times=3)


def hundred_million() -> float:
    """100 million cases streamed from a Parquet file, the reading included."""
    import polars as pl  # noqa: PLC0415

    from rarecare import LifeTable, net_survival  # noqa: PLC0415

    folder = cohorts.ROOT / "build"
    folder.mkdir(exist_ok=True)
    path = cohorts.survival_file(folder / "hundred_million.parquet", 100_000_000)
    life_table = LifeTable.read(cohorts.LIFE_TABLE)
    start = time.perf_counter()
    net_survival(pl.scan_parquet(path), life_table, at=[1, 3, 5, 10], allow_outside=1.0)
    return time.perf_counter() - start


def read_one_million() -> float:
    """Read 1 million cases from CSV and account for exclusions."""
    import tempfile  # noqa: PLC0415

    import polars as pl  # noqa: PLC0415

    from rarecare import ExclusionRules, exclude, read_cases  # noqa: PLC0415

    cases = cohorts.survival_cases(1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        status = pl.when("died").then(pl.lit("dead")).otherwise(pl.lit("alive"))
        cases.with_columns(vital_status=status).drop("died").write_csv(path)
        return _median(lambda: exclude(read_cases(path), ExclusionRules()), times=3)


def read_encr() -> float:
    """Read and cast 1 million rows of an ENCR-JRC incidence file (seconds per million)."""
    import tempfile  # noqa: PLC0415

    from rarecare.demo import write_demo  # noqa: PLC0415
    from rarecare.registry import read_encr as read  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        demo = write_demo(Path(folder) / "demo", cases=1_000_000, countries=["DE"])
        path = demo / "DE" / "incidence.csv"
        rows = read(path).table.height
        return _median(lambda: read(path)) * 1e6 / rows


def submission_five_million() -> float:
    """A submission of 5 million ENCR-JRC records, streamed from CSV, all cast and accounted for."""
    import tempfile  # noqa: PLC0415

    from rarecare.registry.submission import submission_parts  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = cohorts.submission(Path(name), 5_000_000)
        start = time.perf_counter()
        read = sum(part.cases.height for part in submission_parts(folder))
        taken = time.perf_counter() - start
        assert read == 5_000_000, read
        return taken


def checks_five_million() -> float:
    """The same submission through reading and all data checks, those between records too."""
    import tempfile  # noqa: PLC0415

    from rarecare.registry.checks import run_checks  # noqa: PLC0415
    from rarecare.registry.submission import submission_parts  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = cohorts.submission(Path(name), 5_000_000)
        start = time.perf_counter()
        found = run_checks(submission_parts(folder))
        taken = time.perf_counter() - start
        assert found.records == 5_000_000, found.records
        return taken


def report_five_million() -> float:
    """``rarecare check`` on the same submission: reading, checks, quality, every file written."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = cohorts.submission(Path(name), 5_000_000)
        places = ["--out", str(folder / "out"), "--own", str(folder / "own")]
        command = [sys.executable, "-m", "rarecare", "check", str(folder), *places, "--synthetic"]
        start = time.perf_counter()
        done = subprocess.run([*command, "--fail-on", "never"], check=True, capture_output=True)
        taken = time.perf_counter() - start
        assert b"5,000,000 records of cases" in done.stdout, done.stdout
        return taken


def read_five_million() -> float:
    """Read 5 million lines of text in 6 columns as a table, no line lost."""
    import tempfile  # noqa: PLC0415

    from rarecare.files import read_table  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        cohorts.survival_cases(5_000_000).write_csv(path)
        return _median(lambda: read_table(path), times=3)


def primaries_five_million() -> float:
    """Multiple primaries of 5 million tumours of 4.4 million persons."""
    from rarecare.registry.multiple_primaries import find_primaries  # noqa: PLC0415

    cases = cohorts.persons_tumours(5_000_000)
    return _median(lambda: find_primaries(cases), times=3)


def whole_demo() -> float:
    """The synthetic Europe, 2 million cases: drawn, read, tallied, released, with its report."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "rarecare", "demo", "--out", folder]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start


def _classify(*, text: bool) -> float:
    from rarecare import default_list  # noqa: PLC0415

    cases = cohorts.coded_cases(10_000_000, text=text)
    return _median(lambda: default_list().classify(cases), times=3)


def classify_text() -> float:
    """Classify 10 million cases, topography as text."""
    return _classify(text=True)


def classify_enum() -> float:
    """Classify 10 million cases, topography as an enumeration."""
    return _classify(text=False)


def incidence_one_million() -> float:
    """Incidence of 1 million cases by entity (200) and sex, five-year ages, one standard."""
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    from rarecare import Population, incidence  # noqa: PLC0415

    cases = cohorts.survival_cases(1_000_000, groups=200).with_columns(
        age=(pl.col("age_days") // 365).cast(pl.Int32), sex=pl.col("sex").cast(pl.String)
    )
    people = Population.read(
        pl.DataFrame(
            [
                {"sex": s, "year": y, "age_group": f"{a}-{a + 4}" if a < 85 else "85+", "pop": 1e5}
                for s in ("male", "female")
                for y in np.arange(1995, 2004)
                for a in range(0, 90, 5)
            ]
        )
    )
    return _median(lambda: incidence(cases, people, by=["entity", "sex"]))


def six_million_rates() -> float:
    """All rates of 271 entities, 31 countries, 2 sexes, 18 ages, 20 years, from the tally."""
    from rarecare.rates import estimate_incidence  # noqa: PLC0415

    tally, plan = cohorts.burden_tally()
    return _median(lambda: estimate_incidence(tally, plan), times=3)


def prevalence_five_million() -> float:
    """Prevalence of 5 million cases in 200 entities, four windows, with lost cases."""
    from rarecare import prevalence  # noqa: PLC0415

    cases = cohorts.prevalent_cases(5_000_000, groups=200)
    return _median(lambda: prevalence(cases, index_date="2014-12-31", by=["entity"]), times=3)


def project_one_entity() -> float:
    """Projection of one entity by the age-period-cohort model, 10 000 draws."""
    from rarecare import Population, project  # noqa: PLC0415

    cases, people = cohorts.yearly_cases()
    population = Population.read(people)
    return _median(lambda: project(cases, population))


_FORMULA = "~ x0 + x1 + x2 + x3 + x4"


def flexible_one_million() -> float:
    """Flexible parametric model, 10 coefficients, 1 million cases."""
    from rarecare import flexible_excess_hazard  # noqa: PLC0415

    data = cohorts.model_cases(1_000_000)
    return _median(lambda: flexible_excess_hazard(data, _FORMULA, df=4), times=3)


def flexible_five_million() -> float:
    """Flexible parametric model, 10 coefficients, 5 million cases."""
    from rarecare import flexible_excess_hazard  # noqa: PLC0415

    data = cohorts.model_cases(5_000_000)
    return _median(lambda: flexible_excess_hazard(data, _FORMULA, df=4), times=1)


def flexible_fifty_thousand() -> float:
    """Flexible parametric model, 13 coefficients, 50 000 cases."""
    from rarecare import flexible_excess_hazard  # noqa: PLC0415

    data = cohorts.model_cases(50_000)
    return _median(lambda: flexible_excess_hazard(data, _FORMULA, df=7))


def hazard_fifty_thousand() -> float:
    """Log hazard by splines of time, 13 coefficients, 50 000 cases."""
    from rarecare import hazard_model  # noqa: PLC0415

    data = cohorts.model_cases(50_000)
    return _median(lambda: hazard_model(data, _FORMULA, knots=(0.5, 1, 3, 5)))


def hazard_five_million() -> float:
    """Log hazard by splines of time, 11 coefficients, 5 million cases."""
    from rarecare import hazard_model  # noqa: PLC0415

    data = cohorts.model_cases(5_000_000)
    return _median(lambda: hazard_model(data, _FORMULA), times=1)


def random_intercept() -> float:
    """Random intercept over 30 groups, 50 000 cases."""
    from rarecare import hazard_model  # noqa: PLC0415

    data = cohorts.model_cases(50_000)
    return _median(lambda: hazard_model(data, _FORMULA, group="country"), times=3)


def poisson_five_million() -> float:
    """Poisson on the tally of 5 million cases, after tallying: 360 cells."""
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    from rarecare import LifeTable, excess_cells  # noqa: PLC0415
    from rarecare.models import fit_poisson  # noqa: PLC0415

    cases = cohorts.survival_cases(5_000_000, groups=36).with_columns(
        entity=pl.col("entity").cast(pl.String), died=pl.lit(value=True)
    )
    rng = np.random.default_rng(2)
    days = np.ceil(rng.exponential(2 * 365, cases.height)).astype(np.int32)
    cases = cases.with_columns(follow_up_days=pl.Series(np.minimum(days, 3653)))
    cells = excess_cells(
        cases, LifeTable.read(cohorts.LIFE_TABLE), covariates=["sex", "entity"], breaks="0(1)5",
        allow_outside=1.0,
    )  # fmt: skip
    return _median(lambda: fit_poisson(cells, "~ C(interval) + sex + entity"), times=3)


def million_indicators() -> float:
    """All indicators of the package for 1 million patients with 10 events each, by country."""
    from benchmarks import care  # noqa: PLC0415
    from rarecare.care.compute import indicators  # noqa: PLC0415

    cases = care.patients(1_000_000)
    events = care.events(cases)
    indicators(cases[:1000], events[:10_000], list(care.KITS))
    start, used = time.perf_counter(), time.process_time()
    indicators(cases, events, list(care.KITS))
    seconds = time.perf_counter() - start
    print(f"seconds of CPU, all threads together: {time.process_time() - used:.1f}")
    return seconds


def million_kit_records() -> float:
    """A million records of the sarcoma kit, a fault in every tenth value, read and checked."""
    from benchmarks import care  # noqa: PLC0415
    from rarecare.care.dictionary_reading import study_kit  # noqa: PLC0415
    from rarecare.care.incoming import read_incoming  # noqa: PLC0415

    records = care.kit_records("sarcoma", 1_000_000)
    start, used = time.perf_counter(), time.process_time()
    found = read_incoming(records, study_kit("sarcoma"))
    seconds = time.perf_counter() - start
    print(f"{found.findings.height:,} findings; CPU: {time.process_time() - used:.1f} s")
    return seconds


def linked_cells() -> float:
    """Protect and audit 11 581 cells of entities x areas that hang together."""
    from benchmarks import disclosure  # noqa: PLC0415
    from rarecare.disclosure import protect, refuse_narrowed  # noqa: PLC0415

    rows, areas, entities = disclosure.linked_cells()
    start = time.perf_counter()
    shown = protect(rows, areas=areas, entities=entities)
    refuse_narrowed(shown.estimates, rows, areas=areas, entities=entities)
    return time.perf_counter() - start


def command_line() -> float:
    """``rarecare survival`` on colrec as a whole process."""
    command = [
        *(sys.executable, "-m", "rarecare", "survival", str(SHARED / cohorts.COLREC)),
        *("--life-table", str(SHARED / cohorts.SLOVENE), "--days-per-year", "365.241"),
        *("--columns", "age_days=age,incidence_date=diag,follow_up_days=time,vital_status=stat"),
        *("--codes", "sex:1=male,2=female", "--codes", "vital_status=event", "--by", "sex"),
    ]
    return _median(lambda: subprocess.run(command, check=True, capture_output=True))


def import_time() -> float:
    """``import rarecare`` as a whole process."""
    return _median(lambda: subprocess.run([sys.executable, "-c", "import rarecare"], check=True))


MEASUREMENTS: dict[str, tuple[Callable[[], float], float | None, float | None]] = {
    "one_million": (one_million, 0.6, None),
    "ten_million": (ten_million, 6.0, 3.0),
    "two_thousand_groups": (two_thousand_groups, 30.0, None),
    "hundred_million": (hundred_million, 90.0, 4.0),
    "read_one_million": (read_one_million, None, None),
    "read_encr": (read_encr, 1.0, None),
    "submission_five_million": (submission_five_million, 20.0, 3.0),
    "checks_five_million": (checks_five_million, 60.0, 4.0),
    "report_five_million": (report_five_million, None, 4.0),
    "read_five_million": (read_five_million, None, None),
    "primaries_five_million": (primaries_five_million, None, None),
    "classify_text": (classify_text, 2.0, None),
    "classify_enum": (classify_enum, 2.0, None),
    "incidence_one_million": (incidence_one_million, None, None),
    "six_million_rates": (six_million_rates, 10.0, None),
    "prevalence_five_million": (prevalence_five_million, 10.0, None),
    "project_one_entity": (project_one_entity, None, None),
    "poisson_five_million": (poisson_five_million, 5.0, None),
    "flexible_one_million": (flexible_one_million, 30.0, 4.0),
    "flexible_five_million": (flexible_five_million, None, None),
    "flexible_fifty_thousand": (flexible_fifty_thousand, 0.34, None),
    "hazard_fifty_thousand": (hazard_fifty_thousand, 0.24, None),
    "hazard_five_million": (hazard_five_million, None, None),
    "random_intercept": (random_intercept, 5.0, None),
    "million_indicators": (million_indicators, 30.0, 6.0),
    "million_kit_records": (million_kit_records, None, 4.0),
    "linked_cells": (linked_cells, 60.0, None),
    "command_line": (command_line, 3.0, None),
    "import_time": (import_time, 0.7, None),
    "whole_demo": (whole_demo, 120.0, 6.0),
}
"""Name: what to run, target in seconds, target in GB."""


if __name__ == "__main__":
    seconds = MEASUREMENTS[sys.argv[1]][0]()
    peak = (
        max(
            resource.getrusage(w).ru_maxrss
            for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        / 2**20
    )
    print(json.dumps({"seconds": seconds, "gigabytes": peak}))
