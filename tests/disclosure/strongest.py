"""What cells of ``tables`` are to the strongest reader: sets of atoms, leaf by leaf."""

from itertools import product

import numpy as np

from . import tables

DIMENSIONS = ("entity_id", "area", "sex", "age_group", "period")
DIMS = (tables.ENTITIES, tables.AREAS, tables.SEX, tables.AGES["incidence"], tables.PERIODS)
ATOMS = list(product(*tables.ATOMS))


def one_breakdown(_entity, area, sex, age, period):
    """A release's margins: by area, by sex and age, or by year."""
    cuts = (area != "all", sex != "all" or age not in {"all", "15-99"}, "-" not in period)
    return sum(cuts) <= 1


def atoms_of(cell, dims=DIMS):
    """Return which atoms a cell sums."""
    return np.array(
        [all(a in dim[v] for dim, v, a in zip(dims, cell, atom, strict=True)) for atom in ATOMS]
    )
