"""The layouts of case files beside ENCR-JRC's: NORDCAN, CanReg5, Stata's teaching files, tidy."""

from __future__ import annotations

import polars as pl

from rarecare.errors import CodeError
from rarecare.files import RawTable
from rarecare.registry.casts import as_text
from rarecare.registry.formats.format import Format, Made

DAYS_PER_MONTH = 365.25 / 12
"""Days in a month of follow-up."""


def _refuse_bare_99(raw: RawTable, taken: frozenset[str], coded: frozenset[str]) -> Made:  # noqa: ARG001
    """Refuse an age of 99 that nothing explains: unknown where ages have two digits."""
    name = next((each for each in raw.frame.columns if each.lower() == "age"), None)
    if name is None or "age" in coded:
        return Made()
    rows = (as_text(raw.frame[name]) == "99").arg_true()
    if not len(rows):
        return Made()
    raise CodeError(
        "an age of 99 is ambiguous: CanReg5 means unknown by it where ages have two digits, and "
        "99 years where they have three",
        file=raw.source.name,
        row=raw.lines[int(rows[0])],
        column=name,
        value="99",
        remedy='Say codes.age = { "99" = "unknown" }, or { "99" = "99" }.',
    )


def _months(raw: RawTable, taken: frozenset[str], coded: frozenset[str]) -> Made:  # noqa: ARG001
    """Return dates of diagnosis from month and year, and follow-up from months, where need be."""
    frame = raw.frame
    lower = {name.lower(): name for name in frame.columns}
    made, notes = [], []
    if "incidence_date" not in taken and {"mmdx", "yydx"} <= lower.keys():
        month, year = (as_text(frame[lower[name]]) for name in ("mmdx", "yydx"))
        day = month.str.zfill(2).replace({"00": "99"}).fill_null("99") + "-99"
        made.append((year + "-" + day).alias("incidence_date"))
        notes.append("dates of diagnosis from mmdx and yydx, which have no day")
    if not taken & {"last_date", "follow_up_days"} and "surv_mm" in lower:
        given = as_text(frame[lower["surv_mm"]])
        days = (given.cast(pl.Float64, strict=False) * DAYS_PER_MONTH).round().cast(pl.Int32)
        made.append(days.cast(pl.String).fill_null(given).alias("follow_up_days"))
        notes.append(f"follow-up from surv_mm x {DAYS_PER_MONTH} days")
    return Made(columns=tuple(made), notes=tuple(notes))


TIDY = Format(
    "tidy",
    "our own column names, or a column map",
    {},
    {},
    ("incidence_date",),
    "the canonical case table",
    "A",
)

NORDCAN = Format(
    "nordcan",
    "NORDCAN call for data, incidence",
    {
        "patient_id": ("pat",),
        "birth_date": ("date_of_birth",),
        "tumour_id": ("tum",),
        "incidence_date": ("date_of_incidence",),
        "basis_of_diagnosis": ("bod",),
        "topography": ("topo",),
        "morphology": ("morpho",),
        "behaviour": ("beh",),
        "vital_status": ("vit_sta",),
        "last_date": ("end_of_followup",),
    },
    {"vital_status": "encr"},
    ("pat", "tum", "date_of_incidence", "vit_sta"),
    "NORDCAN call-for-data manual of 2024-04-29",
    "A for names and order; that vit_sta has ENCR's codes: C",
)

CANREG5 = Format(
    "canreg5",
    "CanReg5 export",
    {
        "patient_id": ("patientid", "patientidtumourtable", "registrationnumber", "regno"),
        "tumour_id": ("tumourid", "tumourno"),
        "birth_date": ("birthdate", "birthd"),
        "incidence_date": ("incidencedate", "incid"),
        "topography": ("topography", "top"),
        "morphology": ("morphology", "mor"),
        "behaviour": ("behaviour", "beh"),
        "basis_of_diagnosis": ("basisdiagnosis", "basis", "bas"),
        "region": ("addresscode", "addr"),
        "last_date": ("lastcontact", "dateoflastcontact", "dlc"),
        "vital_status": ("vitalstatus", "stat"),
        "stage_in_file": ("stage",),
    },
    {},
    ("basisdiagnosis",),
    "CanReg5, standard variables",
    "A for the standard variables; short names and the unknown age 99: C",
    _refuse_bare_99,
)

STATA = Format(
    "stata",
    "Stata's teaching files (strs, biostat3)",
    {
        "patient_id": ("id",),
        "birth_date": ("bdate", "birthdate"),
        "incidence_date": ("dx", "diagdate"),
        "last_date": ("exit",),
        "vital_status": ("status",),
    },
    {
        "vital_status": {
            **{"0": "alive", "1": "dead", "2": "dead", "4": "lost"},
            **{"Alive": "alive", "Dead: cancer": "dead", "Dead: other": "dead"},
            **{"Lost to follow-up": "lost"},
        },
        "stage": {
            **{"0": "unknown", "1": "localised", "2": "regional", "3": "distant"},
            **{"Localised": "localised", "Regional": "regional", "Distant": "distant"},
            **{"Unknown": "unknown"},
        },
    },
    ("status", "surv_mm"),
    "strs and R's biostat3",
    "A for names and status; the numbers of stage: C",
    _months,
)
