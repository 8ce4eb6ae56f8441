"""Checks of dates, age, survival time, death certificates, autopsies and vital status.

A date known to the month or year breaks a rule only where no day within it would keep it.
"""

from __future__ import annotations

import polars as pl

from rarecare.registry.checks.check import ENCR, IARC, Check
from rarecare.registry.checks.remedies import CONFIRM, CORRECT

_born_from, _born_to = pl.col("_born_from"), pl.col("_born_to")
_found_from, _found_to = pl.col("_found_from"), pl.col("_found_to")
_seen_from, _seen_to = pl.col("_seen_from"), pl.col("_seen_to")
_year = _found_from // 10_000
_status, _basis = pl.col("vital_status"), pl.col("basis_of_diagnosis")
_found, _seen, _born = "incidence_date", "last_date", "birth_date"
_followed = pl.col("follow_up_days_given")
_dco, _autopsy = _basis == 0, pl.col("autopsy") == 1
_ORDER = "Birth, incidence and the end of follow-up come in this order."

DATES = (
    Check(
        "incidence-before-birth", "dates", "error", "record", (_born, _found),
        _found_to < _born_from, f"{IARC}; {ENCR}", "A",
        "Incidence is before birth", _ORDER, CORRECT,
    ),
    Check(
        "last-before-incidence", "dates", "error", "record", (_found, _seen),
        _seen_to < _found_from, f"{IARC}; {ENCR}", "A",
        "Follow-up ends before incidence", _ORDER, CORRECT,
    ),
    Check(
        "last-in-future", "dates", "error", "record", (_seen,),
        _seen_from > pl.col("_today"), IARC, "A",
        "Follow-up ends after today", "Nobody can have been seen on a day to come.", CORRECT,
    ),
    Check(
        "last-after-closing", "dates", "error", "record", (_seen,),
        _seen_from > pl.col("_closing"), ENCR, "C",
        "Follow-up ends after the closing date",
        "After the closing date deaths are known and the living are not, which makes survival "
        "too low.",
        "End follow-up on the closing date, as alive; or correct the closing date of the "
        "submission.",
    ),
    Check(
        "incidence-outside-period", "dates", "error", "record", (_found,),
        (_year < pl.col("_first_year")) | ((_found_to // 10_000) > pl.col("_last_year")),
        ENCR, "C",
        "Incidence is outside the years of the submission",
        "Such a record has no population to be counted in.",
        "Correct the date, leave the record out, or correct the years of the submission.",
    ),
    Check(
        "incidence-in-month-of-birth", "dates", "warning", "record", (_born, _found),
        (_born_from // 100 == _born_to // 100)
        & (_found_from // 100 == _found_to // 100)
        & (_born_from // 100 == _found_from // 100),
        ENCR, "C",
        "Incidence is in the month of birth",
        "Tumours of the newborn are very rare; often one date was copied into the other.",
        CONFIRM,
    ),
)  # fmt: skip

_youngest = (_found_from - _born_to) // 10_000
_oldest = (_found_to - _born_from) // 10_000
_off = pl.max_horizontal(_youngest - pl.col("_age"), pl.col("_age") - _oldest)
_ordered = _found_to >= _born_from

AGES = (
    Check(
        "age-dates", "age", "error", "record", ("age", _born, _found),
        _ordered & ((_off > 1) | (pl.col("_whole_dates") & (_off > 0))), f"{IARC}; {ENCR}", "A",
        "Age does not fit the dates of birth and incidence",
        "Age at incidence is the completed years between the two dates.", CORRECT,
    ),
    Check(
        "age-dates-by-one", "age", "warning", "record", ("age", _born, _found),
        _ordered & (_off == 1) & ~pl.col("_whole_dates"), ENCR, "C",
        "Age is a year off the dates of birth and incidence",
        "Age at incidence is the completed years between the two dates, whatever their unknown "
        "days.", CORRECT,
    ),
    Check(
        "age-unknown", "age", "warning", "record", ("age_given", _born, _found),
        pl.col("age_given").is_null() & _ordered,
        IARC, "A",
        "Age is unknown although both dates are known",
        "Age at incidence is the completed years between the two dates.",
        "Send the age, or correct the dates.",
    ),
    Check(
        "age-above-105", "age", "warning", "record", ("age",), pl.col("_age") > 105, ENCR, "C",
        "Age is above 105 years", "Few people reach it; often a year of birth is wrong.", CONFIRM,
    ),
)  # fmt: skip

FOLLOW_UP = (
    Check(
        "follow-up-negative", "survival time", "error", "record", ("follow_up_days",),
        pl.col("follow_up_days") < 0, ENCR, "C",
        "The survival time is negative", "Follow-up cannot end before it begins.", CORRECT,
    ),
    Check(
        "follow-up-dates", "survival time", "warning", "record",
        ("follow_up_days_given", "incidence_date", "last_date_given"),
        (
            (pl.col("last_date_given") - pl.col(_found)).dt.total_days() - _followed
        ).abs() > pl.col("_slack"), ENCR, "C",
        "The survival time does not fit the dates of incidence and last follow-up",
        "The days between the two dates are the survival time, as far as the dates are known.",
        CORRECT,
    ),
)  # fmt: skip

_not_same_month = (_seen_from // 100 > _found_to // 100) | (_seen_to // 100 < _found_from // 100)

DEATHS = (
    Check(
        "dco-alive", "death certificate only", "error", "record",
        ("basis_of_diagnosis", "vital_status"), _dco & (_status != "dead"), ENCR, "C",
        "Known from a death certificate only, but not dead",
        "Who is registered from a death certificate has died.", CORRECT,
    ),
    Check(
        "dco-follow-up", "death certificate only", "error", "record",
        ("basis_of_diagnosis", "follow_up_days_given"), _dco & (_followed != 0), ENCR, "C",
        "Known from a death certificate only, but with a survival time",
        "The date of incidence is then the date of death, and survival time is 0.", CORRECT,
    ),
    Check(
        "dco-dates", "death certificate only", "error", "record",
        ("basis_of_diagnosis", _found, _seen), _dco & _not_same_month, ENCR, "C",
        "Known from a death certificate only, but incidence is not in the month of death",
        "The date of incidence is then the date of death, and survival time is 0.", CORRECT,
    ),
    Check(
        "autopsy-alive", "autopsy", "error", "record", ("autopsy", "vital_status"),
        _autopsy & (_status != "dead"), ENCR, "C",
        "Found at autopsy, but not dead", "An autopsy is made after death.", CORRECT,
    ),
    Check(
        "autopsy-follow-up", "autopsy", "error", "record", ("autopsy", "follow_up_days_given"),
        _autopsy & (_followed != 0), ENCR, "C",
        "Found at autopsy, but with a survival time",
        "The date of incidence is then the date of death, and survival time is 0.", CORRECT,
    ),
    Check(
        "autopsy-basis", "autopsy", "warning", "record", ("autopsy", "basis_of_diagnosis"),
        _autopsy & ~_basis.is_in([0, 6, 7]), ENCR, "C",
        "Found at autopsy, but on another basis of diagnosis",
        "An autopsy gives histology, or the death certificate is all there is.", CONFIRM,
    ),
    Check(
        "alive-with-cause", "vital status", "error", "record", ("vital_status", "cause_of_death"),
        (_status == "alive") & pl.col("cause_of_death").is_not_null(), ENCR, "C",
        "Alive, but with a cause of death", "Only the dead have a cause of death.", CORRECT,
    ),
    Check(
        "dead-without-cause", "vital status", "warning", "record",
        ("vital_status", "cause_of_death"),
        pl.col("_causes_sent") & (_status == "dead") & pl.col("cause_of_death").is_null(),
        ENCR, "C",
        "Dead, but without a cause of death",
        "Other deaths in this file have one.",
        "Add the cause of death, or the code for unknown.",
    ),
    Check(
        "alive-before-closing", "vital status", "warning", "record", ("vital_status", _seen),
        (_status == "alive") & (_seen_to < pl.col("_closing")), ENCR, "C",
        "Alive, but last seen before the closing date",
        "Unless the registry looked for deaths up to the closing date, the person is lost to "
        "follow-up.",
        "Follow the person to the closing date, or send the status lost.",
    ),
)  # fmt: skip
