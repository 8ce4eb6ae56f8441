"""Indicators of quality, one case at a time; shares no code with the package."""

from datetime import timedelta
from math import sqrt


def counts(cases, closing):
    """Return {indicator: (numerator, denominator)} of a list of dicts."""
    found = {}

    def add(name, counted, among=True):
        n, d = found.get(name, (0, 0))
        found[name] = (n + bool(counted and among), d + bool(among))

    for case in cases:
        basis, status = case["basis_of_diagnosis"], case["vital_status"]
        days, code = case["follow_up_days"], case["morphology"]
        add("death certificate only", basis == 0)
        add("autopsy only", case["autopsy"] == 1)
        add("microscopically verified", basis in (5, 6, 7, 8))
        add("unspecified morphology", code is not None and 8000 <= code <= 8005)
        add("no more specific than tier 1", case["entity_tier2"] is None, case["entity_tier1"])
        add("unknown primary site", case["topography"] == "C80.9")
        add("age unknown", case["age"] is None)
        add("basis of diagnosis unknown", basis is None)
        add("stage unknown", case["stage"] is None)
        add("lost to follow-up", status == "lost")
        add("vital status unknown", status is None)
        start = case["incidence_date"]
        day = 28 if (start.month, start.day) == (2, 29) else start.day
        anniversary = start.replace(year=start.year + 5, day=day)
        due = anniversary <= closing
        early = status in ("alive", "lost") and days is not None
        early = early and start + timedelta(days=days) < anniversary
        add("censored before 5 years", early, due)
        fatal = case["behaviour"] == 3 and code is not None and 9050 <= code <= 9053
        add("suspicious long survivors", days is not None and days > 5 * 365.2425, fatal)
    return found


def wilson(x, n, z=1.959963984540054):
    p = x / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def armitage(rows):
    """Slope in points a year, its standard error, and χ² of homogeneity, of (year, x, n)."""
    size = sum(n for _, _, n in rows)
    p = sum(x for _, x, _ in rows) / size
    mean = sum(t * n for t, _, n in rows) / size
    spread = sum(n * (t - mean) ** 2 for t, _, n in rows)
    slope = sum((t - mean) * (x - n * p) for t, x, n in rows) / spread
    chi2 = sum((x - n * p) ** 2 / (n * p) + (x - n * p) ** 2 / (n * (1 - p)) for _, x, n in rows)
    return 100 * slope, 100 * sqrt(p * (1 - p) / spread), chi2
