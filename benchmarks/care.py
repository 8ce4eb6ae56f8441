"""Invented patients of a high-resolution study, of any number, drawn from the kits themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

KITS = ("core", "sarcoma", "testis", "head_neck", "gep_net")
EVENTS_EACH = 10
_START, _DAYS = 14_610, 2_922  # 1 January 2010 in days, eight years of diagnosis
_CODED = {  # canonical columns that no kit draws as they are
    "country": ["FI", "IT", "NL", "SI"],
    "hospital_dx": [f"h{i}" for i in range(40)],
    "topography": ["C32.0", "C49.2", "C62.9", "C17.2", "C25.0", "C12.9"],
}
_MORPHOLOGIES = [8070, 8801, 9061, 8240, 8246, 8890]


def _drawn(rng: np.random.Generator, values: Iterable[str], n: int) -> pl.Series:
    """Return ``n`` of the values: places drawn, then the texts put there by polars."""
    texts = pl.Series(list(values), dtype=pl.String)
    return texts.gather(pl.Series(rng.integers(0, len(texts), n, dtype=np.uint32)))


def patients(n: int, *, seed: int = 1) -> pl.DataFrame:
    """Return ``n`` cases with a value, or none, in every variable of the kits."""
    from rarecare.care.dictionary_reading import study_kit  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    ids = pl.int_range(n, eager=True).cast(pl.String)
    incidence = _START + rng.integers(0, _DAYS, n)
    follow_up = rng.integers(1, 3_000, n)
    columns: dict[str, pl.Series] = {}
    for name in KITS:
        for variable in study_kit(name).variables:
            if variable.type == "date":
                values = pl.Series((incidence + rng.integers(-60, 200, n)).astype(np.int32))
                columns[variable.name] = values.cast(pl.Date)
            elif variable.type == "yesno":
                truth = pl.Series(rng.integers(0, 3, n))
                columns[variable.name] = (truth == 1).set(truth == 2, None)
            elif variable.type == "code":
                columns[variable.name] = _drawn(rng, variable.codes, n)
            elif variable.type in ("integer", "number"):
                top = int(variable.maximum) if variable.maximum is not None else 100
                columns[variable.name] = pl.Series(rng.integers(0, top + 1, n).astype(np.float64))
    drawn = {name: _drawn(rng, values, n) for name, values in _CODED.items()}
    return pl.DataFrame(columns | drawn).with_columns(
        registry=pl.lit("R"), patient_id=ids, tumour_id=ids,
        sex=_drawn(rng, ["female", "male"], n),
        morphology=pl.Series(rng.choice(_MORPHOLOGIES, n).astype(np.int32)),
        behaviour=pl.lit(3, dtype=pl.Int32),
        grade=pl.Series(rng.integers(1, 10, n), dtype=pl.Int32),
        age=pl.Series(rng.integers(15, 95, n), dtype=pl.Int32),
        basis_of_diagnosis=pl.Series(rng.choice([2, 5, 7], n).astype(np.int32)),
        incidence_date=pl.Series(incidence.astype(np.int32)).cast(pl.Date),
        last_date=pl.Series((incidence + follow_up).astype(np.int32)).cast(pl.Date),
        follow_up_days=pl.Series(follow_up, dtype=pl.Int32),
        vital_status=_drawn(rng, ["alive", "dead"], n),
        stage=_drawn(rng, ["localised", "regional", "distant"], n),
    )  # fmt: skip


def kit_records(kit: str, n: int, *, seed: int = 3) -> pl.DataFrame:
    """Return ``n`` records of a kit as texts, every tenth value one that cannot be read."""
    from rarecare.care.dictionary_reading import study_kit  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    ids = pl.int_range(n, eager=True).cast(pl.String)
    columns: dict[str, pl.Series] = {"registry": _drawn(rng, ["R"], n), "patient_id": ids,
                                     "tumour_id": ids}  # fmt: skip
    days = [f"20{year:02}-{month:02}-{day:02}" for year in range(10, 18)
            for month in range(1, 13) for day in (1, 15, 28)]  # fmt: skip
    for variable in study_kit(kit).variables:
        if variable.name in columns or variable.type == "text":
            continue
        good = {
            "date": days, "yesno": ["0", "1"], "code": list(variable.codes),
            "integer": [str(k) for k in range(1, 100)], "number": [f"{k / 10}" for k in range(90)],
        }[variable.type]  # fmt: skip
        wrong = ["31-31-2010", "?", "none"]
        drawn = pl.DataFrame({
            "good": _drawn(rng, good, n), "wrong": _drawn(rng, wrong, n),
            "fault": rng.random(n) < 0.1,
        })  # fmt: skip
        columns[variable.name] = drawn.select(
            pl.when("fault").then("wrong").otherwise("good")
        ).to_series()
    return pl.DataFrame(columns)


def events(cases: pl.DataFrame, *, seed: int = 2) -> pl.DataFrame:
    """Return ``EVENTS_EACH`` dated events of each case, of every kind."""
    from rarecare.registry.events import EVENTS  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    n = cases.height * EVENTS_EACH
    row = np.repeat(np.arange(cases.height), EVENTS_EACH)
    start = cases["incidence_date"].cast(pl.Int32).to_numpy()[row]
    keys = ("registry", "patient_id", "tumour_id")
    return pl.DataFrame({name: cases[name].gather(row) for name in keys}).with_columns(
        event=_drawn(rng, EVENTS, n),
        date=pl.Series((start + rng.integers(-60, 400, n)).astype(np.int32)).cast(pl.Date),
        date_precision=pl.lit("day"),
        hospital_id=_drawn(rng, _CODED["hospital_dx"], n),
        value=_drawn(rng, ["R0", "R1", "adjuvant", "neoadjuvant", "local"], n),
    )
