"""The strongest reader, slow and obvious: every table of cases that agrees with all that is shown.

Each case lies in one atom (leaf of the list, country, sex, age, year). Every count that is shown is
the sum of its atoms; a count that is withheld lies between the least and the greatest sum of its
atoms over all atoms from 0 that agree. Relations, trees, blocks are not known here.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array


def limits(held, shown, asked):
    """Return the least and greatest of each count asked.

    ``held``: one row per count, which atoms it sums, shape (n_counts, n_atoms). ``shown``: the
    counts, nan where withheld. ``asked``: positions.
    """
    known = ~np.isnan(shown)
    equations, right = csr_array(held[known].astype(float)), shown[known]
    out = []
    for place in asked:
        found = []
        for sign in (1.0, -1.0):
            answer = linprog(
                sign * held[place], A_eq=equations, b_eq=right, bounds=(0, None), method="highs"
            )
            if answer.status == 3:
                found.append(-sign * np.inf)
                continue
            assert answer.status == 0, answer.message
            found.append(sign * answer.fun)
        out.append(tuple(found))
    return out
