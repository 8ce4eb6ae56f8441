"""The checks of population, mortality and life table, and between the records of a person.

Plain Python over lists of dicts; nothing of the package. Each returns what is found: the lines at
fault, or where no line is, the words that are shown.
"""

from collections import Counter
from itertools import pairwise, product


def lines(rows, fault):
    return sorted(row["row"] for row in rows if fault(row))


def unknown(*names):
    return lambda rows: lines(rows, lambda row: any(row[name] is None for name in names))


def negative(name):
    return lambda rows: lines(rows, lambda row: row[name] is not None and row[name] < 0)


def doubled(*names):
    def found(rows):
        times = Counter(tuple(row[name] for name in names) for row in rows)
        return lines(rows, lambda row: times[tuple(row[name] for name in names)] > 1)

    return found


def absent(*names):
    def found(rows):
        known = [row for row in rows if all(row[name] is not None for name in names[:3])]
        have = {tuple(row[name] for name in names) for row in known}
        values = [{row[name] for row in known} for name in names]
        missing = [cell for cell in product(*values) if cell not in have]
        return sorted("; ".join(str(v) for v in cell if v is not None) for cell in missing)

    return found


def sexes(rows):
    return [sex for sex in ("male", "female") if sex not in {row["sex"] for row in rows}]


def years(first, last):
    return lambda rows: [
        str(year) for year in range(first, last + 1) if year not in {row["year"] for row in rows}
    ]


def jumps(rows):
    totals = Counter()
    for row in rows:
        if row["year"] is not None and row["sex"] is not None:
            totals[row["sex"], row["region"], row["year"]] += row["persons"] or 0
    found = 0
    groups = {key[:2] for key in totals}
    for group in groups:
        counts = [totals[key] for key in sorted(k for k in totals if k[:2] == group)]
        found += sum(abs(b - a) > 0.1 * a for a, b in pairwise(counts))
    return found


def later(rows, row, by):
    """Probabilities of the rows of the same year, sex and area, ``by`` years of age on."""
    return [
        other["death_probability"]
        for other in rows
        if all(other[name] == row[name] for name in ("year", "sex", "region"))
        and other["age"] == row["age"] + by
        and other["death_probability"] is not None
    ]


def known(row):
    return None not in (row["year"], row["sex"], row["age"], row["death_probability"])


def infants(rows):
    return lines(
        rows,
        lambda row: known(row) and row["age"] == 0
        and any(row["death_probability"] <= q for q in later(rows, row, 1)),
    )  # fmt: skip


def falling(rows):
    return lines(
        rows,
        lambda row: known(row) and 40 <= row["age"] <= 85
        and any(q < row["death_probability"] for q in later(rows, row, 5)),
    )  # fmt: skip


def probability(fault):
    return lambda rows: lines(
        rows,
        lambda row: row["death_probability"] is not None and fault(row, row["death_probability"]),
    )


PERSONS = ("year", "sex", "age_lower", "region")
FILES = {
    "population": {
        "population-negative": negative("persons"),
        "population-unknown": unknown("year", "sex", "age_lower", "persons"),
        "population-doubled": doubled(*PERSONS),
        "population-incomplete": absent(*PERSONS),
        "population-sex": sexes,
        "population-years": years(2008, 2012),
    },
    "mortality": {
        "mortality-negative": negative("deaths"),
        "mortality-fraction": lambda rows: lines(
            rows, lambda row: row["deaths"] is not None and row["deaths"] % 1 != 0
        ),
        "mortality-unknown": unknown("year", "sex", "cause_of_death", "deaths"),
        "mortality-doubled": doubled(*PERSONS, "cause_of_death"),
        "mortality-sex": sexes,
        "mortality-years": years(2008, 2012),
    },
    "life_table": {
        "life-table-range": probability(lambda _, q: not 0 <= q <= 1),
        "life-table-unknown": unknown("year", "sex", "age", "death_probability"),
        "life-table-survival": probability(
            lambda row, q: row["age"] is not None and 15 <= row["age"] <= 40 and q > 0.5
        ),
        "life-table-doubled": doubled("year", "sex", "age", "region"),
        "life-table-incomplete": absent("year", "sex", "age", "region"),
        "life-table-ages": lambda rows: [
            str(age) for age in range(100) if age not in {row["age"] for row in rows}
        ],
        "life-table-years": years(2008, 2012),
        "life-table-infants": infants,
        "life-table-falling": falling,
    },
}
"""Of each file, code and what is found in its rows."""


def differ(records, name):
    """Lines of persons of whom two known values of a column differ."""
    values = {}
    for record in records:
        if record["patient_id"] is not None and record[name] is not None:
            values.setdefault(record["patient_id"], set()).add(record[name])
    return lines(records, lambda record: len(values.get(record["patient_id"], ())) > 1)


def same_tumour(records):
    def of(record):
        facts = [record[n] for n in ("patient_id", "topography", "morphology", "behaviour")]
        day = record["incidence_date"]
        return None if None in facts or day is None else (*facts, day.year, day.month)

    times = Counter(of(record) for record in records)
    return lines(records, lambda record: of(record) is not None and times[of(record)] > 1)


def same_number(records):
    times = Counter(record["tumour_id"] for record in records)
    return lines(records, lambda r: r["tumour_id"] is not None and times[r["tumour_id"]] > 1)


PERSON = {
    "patient-sex": lambda records: differ(records, "sex"),
    "patient-birth": lambda records: differ(records, "birth_date"),
    "patient-vital-status": lambda records: differ(records, "vital_status"),
    "patient-last-date": lambda records: differ(records, "last_date_given"),
    "tumour-doubled": same_tumour,
    "tumour-id-doubled": same_number,
}
"""Code and what is found in records whose dates are known to the day."""
