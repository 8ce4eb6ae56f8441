"""Invented cases of any number, and the committed invented life table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rarecare.codes.icdo3 import histology_numbers, site_numbers

if TYPE_CHECKING:
    from rarecare.rates.plan import IncidencePlan
    from rarecare.tally.tally import Tally

ROOT = Path(__file__).parent.parent
LIFE_TABLE = ROOT / "tests" / "cohort" / "lifetable.csv"
SLOVENE = "relsurv_slopop.csv"
COLREC = "relsurv_colrec.csv"


def survival_cases(n: int, *, groups: int = 1, seed: int = 1) -> pl.DataFrame:
    """Return ``n`` cases that count, followed for up to ten years, in ``groups`` strata."""
    rng = np.random.default_rng(seed)
    follow_up = np.minimum(rng.exponential(8 * 365, n).astype(np.int32) + 1, 3653)
    first = (date(1995, 1, 1) - date(1970, 1, 1)).days
    table = pl.DataFrame(
        {
            "sex": _drawn(["female", "male"], n, rng),
            "region": _drawn(["FI", "SI"], n, rng),
            "age_days": rng.normal(65 * 365, 12 * 365, n).clip(15 * 365, 99 * 365).astype(np.int32),
            "incidence_date": pl.Series(rng.integers(first, first + 2922, n, dtype=np.int32)).cast(
                pl.Date
            ),
            "follow_up_days": follow_up,
            "died": (follow_up < 3653) & (rng.random(n) < 0.8),
        }
    )
    if groups > 1:
        table = table.with_columns(pl.Series("entity", rng.integers(0, groups, n, dtype=np.int32)))
    return table


def coded_cases(n: int, *, text: bool, seed: int = 1) -> pl.DataFrame:
    """Return ``n`` cases with ICD-O-3 codes drawn from those of the list's rules."""
    from rarecare.codes.icdo3 import morphologies, topographies  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    sites = topographies()["topography"].to_list()
    histologies = morphologies().filter(behaviour=3)["morphology"].to_numpy()
    site = _drawn(sites, n, rng)
    return pl.DataFrame(
        {
            "topography": site if text else site.cast(pl.Enum(sites)),
            "morphology": histologies[rng.integers(0, len(histologies), n)].astype(np.int32),
            "behaviour": np.full(n, 3, dtype=np.int32),
            "sex": _drawn(["female", "male"], n, rng),
        }
    )


def burden_tally() -> tuple[Tally, IncidencePlan]:
    """Return 6 million cells: 271 entities x 31 countries x 2 sexes x 20 years x 18 ages."""
    from rarecare.rates.plan import IncidencePlan, named_weights  # noqa: PLC0415
    from rarecare.tally.tally import Tally  # noqa: PLC0415

    ages = tuple(range(0, 90, 5))
    plan = IncidencePlan(
        strata=("entity", "area", "sex", "year"), age_lower=ages, case_strata=("entity",),
        standards=(named_weights("esp2013", ages, None),),
    )  # fmt: skip
    shape = (271, 31, 2, 20)
    names = [
        [f"{prefix}{k}" for k in range(size)] for prefix, size in zip("ecs", shape[:3], strict=True)
    ]
    levels = [*names, list(range(2000, 2020))]
    axes = np.indices(shape).reshape(len(shape), -1)
    strata = pl.DataFrame(
        {
            name: pl.Series(values).gather(axis)
            for name, values, axis in zip(plan.strata, levels, axes, strict=True)
        }
    )
    rng = np.random.default_rng(1)
    person_years = np.tile(rng.uniform(1e4, 3e5, (31 * 2 * 20, len(ages))), (271, 1))
    arrays = {
        "cases": rng.poisson(person_years * 1e-5), "person_years": person_years,
        "cases_age_unknown": np.zeros(strata.height, dtype=np.int64),
    }  # fmt: skip
    return Tally(plan.hash, strata, arrays), plan


def prevalent_cases(n: int, *, groups: int, seed: int = 1) -> pl.DataFrame:
    """Return ``n`` cases of twenty years in ``groups`` entities, one in twenty of them lost."""
    rng = np.random.default_rng(seed)
    days = 20 * 365
    incidence = rng.integers(0, days, n)
    follow_up = np.minimum(rng.exponential(6 * 365, n).astype(np.int64) + 1, days - incidence)
    died = (rng.random(n) < 0.6) & (follow_up < days - incidence)
    lost = ~died & (rng.random(n) < 0.05)
    first = np.datetime64("1995-01-01")
    return pl.DataFrame(
        {
            "entity": _drawn([f"E{k:03d}" for k in range(groups)], n, rng),
            "sex": _drawn(["female", "male"], n, rng),
            "age": rng.integers(0, 95, n),
            "incidence_date": pl.Series(first + incidence.astype("timedelta64[D]")).cast(pl.Date),
            "follow_up_days": np.where(lost, (follow_up * rng.random(n)).astype(int), follow_up),
            "died": died,
            "patient_id": rng.permutation(n),
        }
    )


def yearly_cases() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return 40 years of cases of a rising cancer and a population of 60 years."""
    rng = np.random.default_rng(1)
    ages, years = np.arange(0, 90, 5), np.arange(1971, 2031)
    people = pl.DataFrame({"year": np.repeat(years, 18), "age": np.tile(ages, 60),
                           "person_years": np.full(60 * 18, 2e5)})  # fmt: skip
    rates = np.exp(-11 + ages / 30)[None, :] * 1.01 ** np.arange(40)[:, None]
    counts = rng.poisson(rates * 2e5).ravel()
    cells = people.head(40 * 18).select("age", incidence_date=pl.date("year", 7, 1))
    return cells[np.repeat(np.arange(cells.height), counts)], people


def _drawn(values: list[str], n: int, rng: np.random.Generator) -> pl.Series:
    return pl.Series(values).gather(rng.integers(0, len(values), n))


def survival_file(path: Path, n: int, *, batch: int = 5_000_000) -> Path:
    """Write ``n`` cases to a Parquet file, batch by batch, unless it is there already."""
    if path.exists():
        return path
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    writer: pq.ParquetWriter | None = None
    for number, start in enumerate(range(0, n, batch)):
        part: pa.Table = survival_cases(min(batch, n - start), seed=number).to_arrow()
        if writer is None:
            writer = pq.ParquetWriter(path, part.schema)
        writer.write_table(part)
    assert writer is not None
    writer.close()
    return path


def model_cases(n: int, *, groups: int = 30, seed: int = 1) -> pl.DataFrame:
    """Return ``n`` cases with a Weibull excess hazard, five covariates and groups."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    group = rng.integers(0, groups, n)
    effect = rng.normal(scale=0.4, size=groups)
    rate = 0.3 * np.exp(x @ np.array([0.3, -0.2, 0.1, 0.4, 0.0]) + effect[group])
    cancer = (rng.exponential(size=n) / rate) ** (1 / 0.8)
    stop = rng.uniform(1, 10, n)
    days = np.ceil(np.minimum(cancer, stop) * 365.2425)  # as registries have them
    return pl.DataFrame(
        {
            "time_years": days / 365.2425, "died": cancer <= stop,
            "expected_hazard": np.full(n, 0.03), "country": group,
            **{f"x{k}": x[:, k] for k in range(5)},
        }
    )  # fmt: skip


def submission(folder: Path, n: int) -> Path:
    """Write a submission of ``n`` ENCR-JRC records and return its folder.

    The records are a demo country's, over again with other ids where ``n`` is more than it has.
    """
    from rarecare.demo import write_demo  # noqa: PLC0415

    demo = write_demo(folder / "demo", cases=min(n, 1_000_000), countries=["DE"])
    path = demo / "DE" / "incidence.csv"
    records = pl.read_csv(path, separator=";", infer_schema=False)
    with (folder / "incidence.csv").open("wb") as file:
        for copy in range(-(-n // records.height)):
            part = records.head(n - copy * records.height)
            ids = [pl.format("{}x{}", name, pl.lit(copy)).alias(name) for name in ("PAT", "TUM")]
            part.with_columns(ids).write_csv(file, separator=";", include_header=copy == 0)
    for name in ("population.csv", "lifetable.csv"):
        (folder / name).write_bytes((demo / "DE" / name).read_bytes())
    (folder / "submission.toml").write_text(
        '[submission]\nregistry = "DE"\ncountry = "DE"\nperiod = [1995, 2007]\n'
        'closing_date = 2008-12-31\n[cases]\nfile = "incidence.csv"\nformat = "encr"\n'
        '[population]\nfile = "population.csv"\n[life_table]\nfile = "lifetable.csv"\n',
        encoding="utf-8",
    )
    return folder


def persons_tumours(n: int, *, seed: int = 1) -> pl.DataFrame:
    """Return ``n`` malignant tumours, of which 12 in 100 are of a person who has one already."""
    rng = np.random.default_rng(seed)
    first = int(n * 0.88)
    persons = np.concatenate([np.arange(first), rng.integers(0, first, n - first)])
    sites = np.array([site for site in site_numbers() if site < "C77"])
    histologies = np.array(list(histology_numbers()), np.int32)
    return pl.DataFrame(
        {
            "patient_id": pl.Series(rng.permutation(persons)).cast(pl.String),
            "tumour_id": pl.Series(np.arange(n)).cast(pl.String),
            "topography": sites[rng.integers(0, len(sites), n)],
            "morphology": histologies[rng.integers(0, len(histologies), n)],
            "behaviour": np.full(n, 3, np.int32),
            "incidence_date": pl.Series(rng.integers(10_000, 16_000, n).astype(np.int32)).cast(
                pl.Date
            ),
        }
    )
