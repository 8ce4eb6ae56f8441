"""The checks of one record, in plain Python: for each code a function of a dict.

Written from the sources (IARC Technical Report 42, the JRC-ENCR procedure), not from the package.
Each returns True where the record breaks the rule; an unknown value (None) raises, which counts
as "cannot tell".
"""

import calendar
from datetime import date, timedelta

TODAY = date(2014, 1, 31)
CLOSING, FIRST, LAST = date(2012, 12, 31), 2008, 2012
DEATH_CERTIFICATE = 0
MICROSCOPIC = {5, 6, 7, 8}


def days(record, name):
    """Every day the date can be, as first and last."""
    day, known = record[name], record[name.replace("_given", "") + "_precision"]
    if known == "day":
        return day, day
    if known == "month":
        end = calendar.monthrange(day.year, day.month)[1]
        return day.replace(day=1), day.replace(day=end)
    return date(day.year, 1, 1), date(day.year, 12, 31)


def completed_years(born, day):
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def ages(record):
    """Youngest and oldest age the dates allow."""
    born, found = days(record, "birth_date"), days(record, "incidence_date")
    return completed_years(born[1], found[0]), completed_years(born[0], found[1])


def off(record):
    youngest, oldest = ages(record)
    age = record["age_given"] + 0
    return max(youngest - age, age - oldest)


def ordered(record):
    return days(record, "incidence_date")[1] >= days(record, "birth_date")[0]


def whole(record):
    return record["birth_date_precision"] == record["incidence_date_precision"] == "day"


def same_month(record):
    found, seen = days(record, "incidence_date"), days(record, "last_date_given")
    months = [(d.year, d.month) for d in (*found, *seen)]
    return not (months[2] > months[1] or months[3] < months[0])


def follow_up_differs(record):
    slack = 1
    for name in ("incidence_date", "last_date"):
        slack += {"day": 0, "month": 31, "year": 366}[record[f"{name}_precision"]]
    between = (record["last_date_given"] - record["incidence_date"]) / timedelta(days=1)
    return abs(between - record["follow_up_days_given"]) > slack


def group(record):
    return int(record["topography"][1:3])


def clinical(record):
    m = record["morphology"]
    return (
        m in {8000, 8170, 8800, 8960, 9050, 9100, 9140, 9350, 9380, 9384, 9500, 9510, 9590, 9732,
              9761, 9800}
        or 8150 <= m <= 8154 or 8270 <= m <= 8281 or 9530 <= m <= 9539
        or (m == 8720 and group(record) in (44, 69))
    )  # fmt: skip


def marked(record):
    m = record["morphology"]
    return (
        m in {8170, 8970, 9500, 8700, 9732, 9761}
        or 9100 <= m <= 9105
        or (m == 8140 and group(record) == 61)
    )


def fixed_grade(m):
    for grade, names in {
        1: (8331, 9187, 9511), 2: (8249, 8332, 9083, 9243, 9372), 3: (8631, 8634),
        4: (8020, 8021, 8805, 9062, 9082, 9392, 9401, 9451, 9505, 9512),
    }.items():  # fmt: skip
        if m in names:
            return {grade}
    return set(range(1, 10))


def lineage(m):
    if m in {9702, 9705, 9708, 9709, 9716, 9717, 9718, 9724, 9726, 9729, 9827, 9834, 9837}:
        return {5}
    if m == 9714:
        return {4, 5, 7}
    if 9670 <= m <= 9699 or m in {9712, 9728, 9737, 9738, 9823, 9833, 9836} or 9811 <= m <= 9818:
        return {6}
    if 9700 <= m <= 9719:
        return {5, 8}
    if m == 9948:
        return {8}
    return set(range(1, 10))


def age_site(record):
    a, g = record["age_given"] + 0, group(record)
    return (a < 5 and g in (53, 61)) or (
        a < 20
        and (g in (15, 19, 20, 21, 23, 24, 50, 53, 54, 55) or record["topography"] == "C38.4")
    )


def age_morphology(record):
    a, m = record["age_given"] + 0, record["morphology"] + 0
    children = {8910, 8960, 8961, 8962, 8970, 8981, 8991, 9072, 9470, 9490, 9500, 9687}
    return (
        (a <= 25 and m in {9730, 9823, 9890})
        or (a >= 15 and m in children)
        or (a < 15 and m in {9724, 9732, 9823})
    )


def age_site_morphology(record):
    a, g, m = record["age_given"] + 0, group(record), record["morphology"] + 0
    carcinoid = 8240 <= m <= 8249
    return (
        (a < 40 and g == 61 and 8140 <= m <= 8149)
        or (a < 20 and g == 17 and m < 9590)
        or (a < 20 and g in (33, 34, 18) and not carcinoid)
        or (a > 5 and g == 69 and m in (9510, 9512))
        or ((a < 15 or a > 45) and g == 58 and m == 9100)
    )


def sex_site(record):
    sex = record["sex"] + ""
    return (sex == "male" and 51 <= group(record) <= 58) or (
        sex == "female" and 60 <= group(record) <= 63
    )


RULES = {
    "incidence-before-birth": lambda r: days(r, "incidence_date")[1] < days(r, "birth_date")[0],
    "last-before-incidence": lambda r: days(r, "last_date_given")[1] < days(r, "incidence_date")[0],
    "last-in-future": lambda r: days(r, "last_date_given")[0] > TODAY,
    "last-after-closing": lambda r: days(r, "last_date_given")[0] > CLOSING,
    "incidence-outside-period": lambda r: not FIRST <= r["incidence_date"].year <= LAST,
    "age-dates": lambda r: ordered(r) and (off(r) > 1 or (whole(r) and off(r) > 0)),
    "age-dates-by-one": lambda r: ordered(r) and off(r) == 1 and not whole(r),
    "age-above-105": lambda r: r["age_given"] > 105,
    "follow-up-dates": follow_up_differs,
    "dco-alive": lambda r: r["basis_of_diagnosis"] + 0 == 0 and r["vital_status"] + "" != "dead",
    "dco-follow-up": lambda r: (
        r["basis_of_diagnosis"] + 0 == 0 and r["follow_up_days_given"] + 0 != 0
    ),
    "dco-dates": lambda r: r["basis_of_diagnosis"] + 0 == DEATH_CERTIFICATE and not same_month(r),
    "autopsy-alive": lambda r: r["autopsy"] + 0 == 1 and r["vital_status"] + "" != "dead",
    "autopsy-basis": lambda r: (
        r["autopsy"] + 0 == 1 and r["basis_of_diagnosis"] + 0 not in {0, 6, 7}
    ),
    "alive-with-cause": lambda r: (
        r["vital_status"] + "" == "alive" and bool(r["cause_of_death"] + "")
    ),
    "alive-before-closing": lambda r: (
        r["vital_status"] + "" == "alive" and days(r, "last_date_given")[1] < CLOSING
    ),
    "sex-site": sex_site,
    "behaviour-site": lambda r: (
        r["behaviour"] + 0 == 2 and group(r) in {40, 41, 42, 47, 49, 70, 71, 72, 77, 80}
    ),
    "behaviour-morphology": lambda r: r["behaviour"] + 0 == 2 and r["morphology"] + 0 >= 9590,
    "behaviour-not-primary": lambda r: (
        r["behaviour"] + 0 > 3 and ((r["morphology"] + 0, r["behaviour"]) != (8480, 6))
    ),
    "basis-morphology": lambda r: r["basis_of_diagnosis"] + 0 in {0, 1, 2} and not clinical(r),
    "marker-morphology": lambda r: (
        r["basis_of_diagnosis"] + 0 == 4 and not clinical(r) and not marked(r)
    ),
    "age-site": age_site,
    "age-morphology": age_morphology,
    "age-site-morphology": age_site_morphology,
    "grade-behaviour": lambda r: r["grade"] + 0 > 0 and r["behaviour"] + 0 != 3,
    "grade-morphology": lambda r: r["grade"] + 0 not in fixed_grade(r["morphology"] + 0),
    "immunophenotype-solid": lambda r: r["grade"] + 0 >= 5 and r["morphology"] + 0 < 9590,
    "immunophenotype-morphology": lambda r: r["grade"] + 0 not in lineage(r["morphology"] + 0),
}


def breaks(record):
    """Codes of the rules that the record breaks."""
    broken = set()
    for code, rule in RULES.items():
        try:
            if rule(record):
                broken.add(code)
        except (TypeError, AttributeError, KeyError):
            continue
    return broken
