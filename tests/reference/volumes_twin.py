"""Volumes and centralisation the slow way: loops over events, patients and hospitals.

Nothing is shared with the package; every number is written as its definition says it.
"""

from __future__ import annotations

import itertools
import math

KINDS = {
    "surgery": "surgery", "re_excision": "surgery", "radiotherapy": "radiotherapy",
    "systemic": "systemic", "chemotherapy": "systemic", "targeted": "systemic",
    "immunotherapy": "systemic", "hormonal": "systemic", "stem_cell": "systemic",
}  # fmt: skip
ANY = "any treatment"


def units_of(cases, events, *, countries=None):
    """{(country, group, kind): {(person, hospital, place)}} for rows that are dictionaries."""
    found = {}
    for event in events:
        kind = KINDS.get(event["event"])
        mine = [
            case for case in cases
            if all(case[key] == event[key] for key in ("registry", "patient_id", "tumour_id"))
        ]  # fmt: skip
        if kind is None or not mine or mine[0]["entity_tier1"] is None:
            continue
        case, hospital = mine[0], event["hospital_id"]
        place = "home"
        if not hospital or (countries is not None and hospital not in countries):
            hospital, place = None, "unknown"
        elif countries is not None and countries[hospital] != case["country"]:
            place = "abroad"
        person = (case["registry"], case["patient_id"])
        for name in (kind, ANY):
            key = (case["country"], case["entity_tier1"], name)
            found.setdefault(key, set()).add((person, hospital, place))
    return found


def volumes_of(units, years):
    """{hospital: units per year} of the hospitals at home."""
    counts = {}
    for _, hospital, place in units:
        if place == "home":
            counts[hospital] = counts.get(hospital, 0) + 1
    return {hospital: n / years for hospital, n in counts.items()}


def gini(values):
    """Half the mean absolute difference of all pairs, over the mean."""
    values = list(values)
    n = len(values)
    apart = sum(abs(a - b) for a in values for b in values)
    return apart / (2 * n * n * (sum(values) / n))


def herfindahl(values):
    total = sum(values)
    return sum((value / total) ** 2 for value in values)


def volume_met(values):
    """The mean, over patients, of the volume of each one's hospital, from whole numbers."""
    met = [value for value in values for _ in range(round(value))]
    return sum(met) / len(met)


def covering(values, share):
    """The fewest hospitals with the share, by trying every set."""
    values = list(values)
    for k in range(1, len(values) + 1):
        best = max(sum(chosen) for chosen in itertools.combinations(values, k))
        if best >= share * sum(values) - 1e-9:
            return k
    return len(values)


def at_threshold(units, years, threshold):
    """Patients of a hospital that reaches the threshold, and patients of known hospitals."""
    volumes = volumes_of(units, years)
    home = {}
    for person, hospital, place in units:
        if place == "home":
            home.setdefault(person, []).append(volumes[hospital])
    reached = sum(any(v >= threshold - 1e-9 for v in own) for own in home.values())
    return reached, len(home)


def wilson(k, n, z=1.959963984540054):
    """The two p at which |k/n − p| = z·√(p(1 − p)/n), by bisection."""

    def ends(low, high, sign):
        for _ in range(200):
            middle = (low + high) / 2
            inside = abs(k / n - middle) <= z * math.sqrt(middle * (1 - middle) / n)
            if inside == (sign > 0):
                low = middle
            else:
                high = middle
        return (low + high) / 2

    lower = 0.0 if k == 0 else ends(0.0, k / n, -1)
    return lower, 1.0 if k == n else ends(k / n, 1.0, 1)


def chord_distance(latitude, longitude, to_latitude, to_longitude, radius=6371.0088):
    """The angle between the two vectors from the middle of the sphere, by their product."""

    def vector(lat, lon):
        a, b = math.radians(lat), math.radians(lon)
        return math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)

    one, other = vector(latitude, longitude), vector(to_latitude, to_longitude)
    cross = (
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    )
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return radius * math.atan2(math.sqrt(sum(c * c for c in cross)), dot)


def best_set(flows, hospitals, areas, k, *, stay):
    """The k hospitals of least total travel, and that travel, by trying every set.

    ``flows``: {(area, hospital): n}; ``hospitals``, ``areas``: {name: (latitude, longitude)}.
    """

    def travel(chosen):
        total = 0.0
        for (area, hospital), n in flows.items():
            km = {own: chord_distance(*areas[area], *hospitals[own]) for own in chosen}
            total += n * (km[hospital] if stay and hospital in chosen else min(km.values()))
        return total

    found = [(travel(chosen), chosen) for chosen in itertools.combinations(sorted(hospitals), k)]
    return min(found)
