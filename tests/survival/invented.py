"""Invented cases, life tables and strategies for the tests of survival."""

from datetime import date
from math import log

import polars as pl
from hypothesis import strategies as st

from rarecare.population.life_table import LifeTable

D = 365.25  # birthdays fall on whole days every fourth year: the hardest case for lookups
AGES, YEARS = range(60, 72), range(1999, 2004)
SEXES = ("female", "male")


def life_table(table):
    """The life table of {(sex, age, year): hazard per year}."""
    return LifeTable.read(
        pl.DataFrame([{"sex": s, "age": a, "year": y, "mx": m} for (s, a, y), m in table.items()])
    )


STEEP = {
    (sex, age, year): (0.3 if sex == "male" else 0.1) * 1.1 ** (age - 60) * 0.95 ** (year - 1999)
    for sex in SEXES
    for age in AGES
    for year in YEARS
}
NONE = dict.fromkeys(STEEP, 0.0)


@st.composite
def a_case(draw):
    """One case, with a weight and a day of entry that a test may leave out."""
    return {
        "sex": draw(st.sampled_from(SEXES)),
        "incidence_date": draw(st.dates(date(1998, 6, 1), date(2003, 6, 1))),
        "age_days": float(draw(st.integers(int(59 * D), int(72 * D)))),
        "follow_up_days": draw(st.integers(1, 60)),
        "died": draw(st.booleans()),
        "weight": draw(st.sampled_from([0.25, 1.0, 3.5])),
        "entry_days": draw(st.one_of(st.just(0), st.integers(0, 40))),
        "area": draw(st.sampled_from(["north", "south"])),
    }


some = st.lists(a_case(), min_size=1, max_size=8)


def frame_of(cases, *, without=("weight", "entry_days")):
    """The cases as a frame."""
    return pl.DataFrame(cases).drop(without)


# Men's hazard is log 2 a day, women's 0: a man weighs 2^s after s days, a woman 1.
DOUBLING = LifeTable.read(
    pl.DataFrame(
        [
            {"sex": sex, "age": age, "year": 2000, "haz_per_day": log(2) * (sex == "male")}
            for sex in ("male", "female")
            for age in range(60, 63)
        ]
    )
)
# A: man, dead on day 3. B: woman, dead on day 2. C: woman, alive at day 3. D: man, alive at day 1.
FOUR = pl.DataFrame(
    {
        "sex": ["male", "female", "female", "male"],
        "incidence_date": date(2000, 3, 1),
        "age_days": 61 * 365.25,
        "follow_up_days": [3, 2, 3, 1],
        "died": [True, True, False, False],
    }
)
