"""Invented tables of counts that hang together, and how far the quick way is from the cheapest.

``python -m benchmarks.disclosure`` prints, for random tables small enough for integer programming,
the cost of what is withheld by the quick way, of the cheapest set, and the bound.
"""

from __future__ import annotations

import time

import numpy as np
import polars as pl

from rarecare.study import schema

FAMILIES, TIER_1, TIER_2, REGIONS = 12, 5, 4, (5, 8, 9, 2, 7)


def linked_cells(*, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return incidence of 313 entities in 37 areas (11 581 cells), areas and entities."""
    rng = np.random.default_rng(seed)
    leaves = [(f, t, k) for f in range(FAMILIES) for t in range(TIER_1) for k in range(TIER_2)]
    countries = [(r, c) for r, size in enumerate(REGIONS) for c in range(size)]
    rate = rng.gamma(0.3, 30, len(leaves))[:, None] * rng.gamma(1.0, 1.0, len(countries))
    n = rng.poisson(rate)
    in_entity = {"all": np.ones(len(leaves), dtype=bool)}
    listed = [("all", None, "", -1)]
    for f in range(FAMILIES):
        in_entity[f"{f:02}"] = np.array([leaf[0] == f for leaf in leaves])
        listed.append((f"{f:02}", "all", f"{f:02}", 0))
        for t in range(TIER_1):
            name = f"{f:02}.{t:02}"
            in_entity[name] = np.array([leaf[:2] == (f, t) for leaf in leaves])
            listed.append((name, f"{f:02}", f"{f:02}", 1))
            for k in range(TIER_2):
                in_entity[f"{name}.{k:02}"] = np.array([leaf == (f, t, k) for leaf in leaves])
                listed.append((f"{name}.{k:02}", name, f"{f:02}", 2))
    in_area = {"all": np.ones(len(countries), dtype=bool)}
    places: list[tuple[str | None, ...]] = [("all", "all", "all", None, None)]
    for r, size in enumerate(REGIONS):
        in_area[f"R{r}"] = np.array([country[0] == r for country in countries])
        places.append((f"R{r}", "region", f"R{r}", None, f"R{r}"))
        for c in range(size):
            in_area[f"C{r}{c}"] = np.array([country == (r, c) for country in countries])
            places.append((f"C{r}{c}", "country", f"C{r}{c}", f"C{r}{c}", f"R{r}"))
    counts = np.array(list(in_entity.values())) @ n @ np.array(list(in_area.values())).T
    names, areas = list(in_entity), list(in_area)
    size = len(names) * len(areas)
    fixed = {
        "measure": schema.INCIDENCE, "sex": "all", "age_group": "all", "period": "2000-2009",
        "standard": "none", "method": "exact", "unit": "per 100 000", "status": "ok",
        "classification_confidence": "derived",
    }  # fmt: skip
    flat = counts.ravel().astype(float)
    rows = pl.DataFrame(
        {"entity_id": np.repeat(names, len(areas)), "area": np.tile(areas, len(names)),
         "n": counts.ravel(), "person_years": np.full(size, 1e6), "estimate": flat / 10,
         "se": np.sqrt(flat) / 10, "lower": flat / 20, "upper": flat / 5}
    ).with_columns(
        *(pl.lit(value).alias(name) for name, value in fixed.items()), level=pl.lit(0.95),
        synthetic=pl.lit(value=True),
    )  # fmt: skip
    columns = [
        (pl.col(name) if name in rows.columns else pl.lit(None).alias(name)).cast(dtype)
        for name, dtype in schema.ESTIMATES.items()
    ]
    entities = pl.DataFrame(
        [(e, p, f, t, e, None, "derived", "1") for e, p, f, t in listed],
        schema=schema.ENTITIES, orient="row",
    )  # fmt: skip
    return rows.select(columns), pl.DataFrame(places, schema=schema.AREAS, orient="row"), entities


def main() -> None:
    """Print the gap between the quick way and the cheapest set."""
    from rarecare.disclosure.exact import exact_pattern  # noqa: PLC0415
    from rarecare.disclosure.suppress import Need, protect_block  # noqa: PLC0415
    from rarecare.disclosure.web import Web  # noqa: PLC0415

    total = np.zeros(3)
    print(f"{'table':>8} {'small':>6} {'quick':>8} {'cheapest':>9} {'bound':>8} {'s':>6}")
    for seed in range(12):
        rng = np.random.default_rng(seed)
        values = rng.poisson(rng.gamma(1.0, 12, (8, 10))).astype(float)
        place = np.arange(values.size)
        row = np.concatenate([place // 10, 8 + place % 10])
        sums = np.concatenate([values.sum(axis=1), values.sum(axis=0)])
        flat = values.ravel()
        web = Web(
            values=flat, lower=np.zeros(flat.size), upper=np.full(flat.size, 2 * flat.sum() + 10),
            row=row, column=np.tile(place, 2), sign=np.ones(len(row)), least=sums, greatest=sums,
            ceiling=np.minimum.outer(values.sum(axis=1), values.sum(axis=0)).ravel(),
        )  # fmt: skip
        small = (flat > 0) & (flat < 5)
        need, cost = Need.of(web, small, 5), 1.0 + np.log1p(flat)
        quick = protect_block(web, small, need, cost)
        own = Need(np.setdiff1d(need.counts, list(quick.beyond)), need.least, need.greatest)
        start = time.perf_counter()
        best = exact_pattern(web, small, own, cost)
        taken = time.perf_counter() - start
        price = float(cost[quick.hidden & ~small].sum())
        total += (price, best.cost, best.bound)
        print(
            f"{'8 x 10':>8} {small.sum():6} {price:8.1f} {best.cost:9.1f} {best.bound:8.1f} "
            f"{taken:6.1f}"
        )
    print(f"all: the quick way costs {total[0] / total[1] - 1:.1%} more than the cheapest set")


if __name__ == "__main__":
    main()
