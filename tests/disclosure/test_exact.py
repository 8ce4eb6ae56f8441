"""The cheapest pattern, beside the one found block by block."""

from itertools import combinations

import numpy as np
import pytest

from rarecare.disclosure.exact import exact_pattern
from rarecare.disclosure.suppress import Need, narrow, protect_block
from rarecare.disclosure.web import Web
from rarecare.errors import DisagreementError


def square(values):
    """A table whose line sums are known."""
    values = np.asarray(values, dtype=float)
    n_rows, n_columns = values.shape
    place = np.arange(values.size)
    row = np.concatenate([place // n_columns, n_rows + place % n_columns])
    column = np.concatenate([place, place])
    sums = np.concatenate([values.sum(axis=1), values.sum(axis=0)])
    ceiling = np.minimum.outer(values.sum(axis=1), values.sum(axis=0)).ravel()
    flat = values.ravel()
    return Web(
        values=flat, lower=np.zeros(flat.size), upper=np.full(flat.size, 2 * flat.sum() + 10),
        row=row, column=column, sign=np.ones(len(row)), least=sums, greatest=sums, ceiling=ceiling,
    )  # fmt: skip


def of(values, threshold=5):
    web = square(values)
    small = (web.values > 0) & (web.values < threshold)
    return web, small, Need.of(web, small, threshold), 1.0 + np.log1p(web.values)


def protected(web, hidden, need):
    return not any(len(part) for part in narrow(web, hidden, need))


def test_a_square_by_hand():
    # the 3 needs a line of four: the cheapest is that of 12, 11 and 13
    web, small, need, cost = of([[3, 12, 40], [11, 13, 50], [60, 70, 80]])
    found = exact_pattern(web, small, need, cost)
    assert np.flatnonzero(found.hidden).tolist() == [0, 1, 3, 4]
    assert found.cost == pytest.approx(cost[[1, 3, 4]].sum())
    assert found.bound == pytest.approx(found.cost, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_no_other_set_is_cheaper(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(5, 30, (3, 4))
    values[rng.integers(3), rng.integers(4)] = rng.integers(1, 5)
    web, small, need, cost = of(values)
    found = exact_pattern(web, small, need, cost)
    assert protected(web, found.hidden, need)
    others = np.flatnonzero(~small)
    best = np.inf
    for size in range(1, 7):
        for more in combinations(others, size):
            price = cost[list(more)].sum()
            if price < best:
                tried = small.copy()
                tried[list(more)] = True
                if protected(web, tried, need):
                    best = price
    assert found.cost == pytest.approx(best)


@pytest.mark.parametrize("seed", range(6))
def test_the_quick_way_protects_and_is_not_cheaper(seed):
    rng = np.random.default_rng(100 + seed)
    values = rng.poisson(rng.gamma(1.0, 12, (6, 8)))
    web, small, need, cost = of(values)
    quick = protect_block(web, small, need, cost)
    reached = [count for count in need.counts if count not in quick.beyond]
    own = Need(np.array(reached), need.least, need.greatest)
    found = exact_pattern(web, small, own, cost)
    assert protected(web, quick.hidden, own)
    assert protected(web, found.hidden, own)
    assert found.bound <= found.cost + 1e-6
    assert found.cost <= cost[quick.hidden & ~small].sum() + 1e-6


def test_what_cannot_be_protected_is_refused():
    # the whole second line is 0: nothing can take what the 3 gives
    web, small, need, cost = of([[3, 12], [0, 0]])
    with pytest.raises(DisagreementError, match="no set of withheld counts"):
        exact_pattern(web, small, need, cost)
