"""Flows between the first, second, third … step of paths, none of them fewer than a threshold.

Steps too rare to be shown are pooled at each place, so that every step shown has enough patients.
A flow of too few is withheld, and with it the flows of least patients that close a circle with it
in the table of one place against the next: a number on no circle could be told from the totals
(Gusfield, *SIAM Journal on Computing* 1988;17:552-571). What is left is checked by linear
programming; where a number could still be told, all flows of that place are withheld.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.pathway_tables import (
    DISCLOSURE_THRESHOLD,
    check_counts,
    numbered_strata,
    shares,
    within,
)
from rarecare.care.pathways import NO_STEP, Pathways
from rarecare.results import Result

END, OTHER_STEPS = "no further step", "other steps"
Counts = dict[tuple[str, str], int]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def pathway_flows(
    pathways: Pathways, *, places: int = 5, most: int = 5, by: Sequence[str] = (),
    smallest: int = DISCLOSURE_THRESHOLD, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return how many patients go from each step to the next.

    Parameters
    ----------
    pathways
        Of ``pathways``.
    places
        Steps of a path that are followed, 2 or more.
    most
        Steps shown at each place; others, and those of fewer than ``smallest``, are pooled, with
        the ends of paths where those are fewer.
    by, smallest, level
        As for ``frequent_paths``.

    Returns
    -------
    Result
        ``by``, ``place`` (of the step from), ``from_step``, ``step``, ``from_n``, ``step_n``
        (patients with each at its place), ``n``, ``denominator`` (of the stratum), ``estimate``
        (share of the stratum), ``se``, ``lower``, ``upper``, ``level``, ``unit``, ``method``,
        ``status``, ``reason``. A flow withheld may be none.

    Raises
    ------
    UsageError
        ``places`` is below 2, another number below 1, or the level is not between 0 and 1.
    ColumnError
        Patients have no column of ``by``.
    """
    check_counts(smallest=smallest, most=most, level=level)
    check_counts(smallest=places - 1)
    number, strata = numbered_strata(pathways, by)
    rows: list[dict[str, Any]] = []
    for stratum, counts in _transitions(pathways, number, places).items():
        total = sum(counts[0].values())
        named = {name: strata[name][stratum] for name in by}
        if total < smallest:
            rows.append(named | dict.fromkeys(("place", "from_step", "step"), None))
            continue
        for row in _of_stratum(counts, most=most, smallest=smallest):
            rows.append(named | row | {"denominator": total})
    schema = {name: strata.schema[name] for name in by} | {
        "place": pl.Int32(), "from_step": pl.String(), "step": pl.String(), "from_n": pl.Int64(),
        "step_n": pl.Int64(), "n": pl.Int64(), "denominator": pl.Int64(),
    }  # fmt: skip
    reason = f"fewer than {smallest} patients, or could be told from the others"
    table = shares(pl.DataFrame(rows, schema=schema), level, reason)
    plan = {"places": places, "most": most, "by": list(by), "smallest": smallest, "level": level}
    provenance = pathways.provenance("Flows between steps", plan, within(smallest))
    return Result(table, provenance, _drawn(table, by))


def _drawn(table: pl.DataFrame, by: Sequence[str]) -> Any:
    def draw(**choices: Any) -> Any:
        from rarecare.figures.sankey import sankey_figure  # noqa: PLC0415 - for drawing alone

        return sankey_figure(table, by=by, **({"title": "Paths of care"} | choices))

    return draw


def _transitions(pathways: Pathways, number: Ints, places: int) -> dict[int, list[Counts]]:
    """Return the patients from each step to the next by stratum and place, ends included."""
    stops = pathways.stops().filter(pl.col("place") <= places)
    after = pl.col("step").shift(-1)
    same = pl.col("patient") == pl.col("patient").shift(-1)
    pairs = stops.select(
        _stratum=pl.Series(number).gather(stops["patient"]), place="place", step="step",
        next=pl.when(same).then(after),
    ).filter(pl.col("place") < places)  # fmt: skip
    counted = pairs.group_by("_stratum", "place", "step", "next").agg(n=pl.len()).cast(
        {"step": pl.String(), "next": pl.String()}
    )  # fmt: skip
    found: dict[int, list[Counts]] = {}
    for key in np.unique(number):
        found[int(key)] = [defaultdict(int) for _ in range(places - 1)]
    for key, place, step, next_, n in counted.iter_rows():
        found[key][place - 1][(step, END if next_ is None else next_)] += n
    sizes = np.bincount(number, minlength=max(found, default=0) + 1)
    for key, tables in found.items():
        for counts in tables:
            ended = int(sizes[key]) - sum(counts.values())
            if ended:
                counts[(END, END)] = ended
    return found


def _of_stratum(tables: Sequence[Counts], *, most: int, smallest: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    first = _totals(tables[0], 0)
    names = pooled(first, most=most, smallest=smallest)
    for place, counts in enumerate(tables):
        then = pooled(_totals(counts, 1), most=most, smallest=smallest)
        own: Counts = defaultdict(int)
        for (a, b), n in counts.items():
            own[(names[a], then[b])] += n
        sources, targets = (sorted({pair[k] for pair in own}) for k in (0, 1))
        table = np.array([[own.get((a, b), 0) for b in targets] for a in sources], dtype=np.int64)
        fixed = np.array([a == END for a in sources])
        hidden = hidden_flows(table, smallest=smallest, fixed=fixed)
        for i, a in enumerate(sources):
            if a == END and place:
                continue
            for j, b in enumerate(targets):
                if table[i, j] or hidden[i, j]:
                    shown = None if hidden[i, j] else int(table[i, j])
                    row = {"place": place + 1, "from_step": NO_STEP if a == END else a, "step": b}
                    totals = {"from_n": int(table[i].sum()), "step_n": int(table[:, j].sum())}
                    rows.append(row | totals | {"n": shown})
        if set(targets) == {END}:
            break
        names = then
    return rows


def _totals(counts: Counts, side: int) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for pair, n in counts.items():
        totals[pair[side]] += n
    return totals


def pooled(totals: dict[str, int], *, most: int, smallest: int) -> dict[str, str]:
    """Return the name under which each step is shown.

    >>> pooled({"surgery": 9, "MDT": 6, "systemic": 2}, most=6, smallest=5)
    {'surgery': 'surgery', 'MDT': 'other steps', 'systemic': 'other steps'}
    """
    steps = sorted((name for name in totals if name != END), key=lambda name: (-totals[name], name))
    kept = [name for name in steps[:most] if totals[name] >= smallest]
    if totals.get(END, 0) >= smallest:
        kept.insert(0, END)
    rest = sum(n for name, n in totals.items() if name not in kept)
    while 0 < rest < smallest and kept:
        rest += totals[kept.pop()]
    return {name: name if name in kept else OTHER_STEPS for name in totals}


def hidden_flows(table: Ints, *, smallest: int, fixed: Flags) -> Flags:
    """Return which cells are withheld so that none of too few can be told from the totals.

    Parameters
    ----------
    table
        Patients from each step (rows) to each next one, shape (n_from, n_to).
    smallest
        Smallest number that may be shown.
    fixed
        Rows known from elsewhere, that protect nothing, shape (n_from,).

    Examples
    --------
    >>> hidden_flows(np.array([[20, 3], [9, 30]]), smallest=5, fixed=np.zeros(2, bool)).tolist()
    [[True, True], [True, True]]
    """
    hidden = (table > 0) & (table < smallest) & ~fixed[:, None]
    if not hidden.any():
        return np.asarray(hidden)
    for i, j in np.argwhere(hidden):
        for cell in _circle(table, hidden, (int(i), int(j)), fixed, smallest):
            hidden[cell] = True
    if _can_be_told(table, hidden):
        hidden[~fixed] = True
    return np.asarray(hidden)


def _circle(
    table: Ints, hidden: Flags, cell: tuple[int, int], fixed: Flags, smallest: int
) -> list[tuple[int, int]]:
    """Return the cells of least patients that lead from a cell's row to its column without it."""
    rows, columns = table.shape
    start, goal = cell[0], rows + cell[1]
    best: dict[int, float] = {start: 0.0}
    back: dict[int, int] = {}
    queue = [(0.0, start)]
    while queue:
        cost, node = heapq.heappop(queue)
        if node == goal or cost > best[node]:
            continue
        others = range(rows, rows + columns) if node < rows else range(rows)
        for other in others:
            i, j = (node, other - rows) if node < rows else (other, node - rows)
            if (i, j) == cell or fixed[i]:
                continue
            # a cell that is none protects less than one that is some
            price = 0.0 if hidden[i, j] else float(table[i, j]) or 1e6 * smallest
            if cost + price < best.get(other, np.inf):
                best[other], back[other] = cost + price, node
                heapq.heappush(queue, (cost + price, other))
    found, node = [], goal
    while node in back:
        before = back[node]
        found.append((before, node - rows) if before < rows else (node, before - rows))
        node = before
    return found


def _can_be_told(table: Ints, hidden: Flags) -> bool:
    """Return whether a withheld number follows from those shown and the totals."""
    from scipy.optimize import linprog  # noqa: PLC0415 - slow to import

    cells = np.argwhere(hidden)
    equal = np.zeros((sum(table.shape), len(cells)))
    equal[cells[:, 0], np.arange(len(cells))] = 1
    equal[table.shape[0] + cells[:, 1], np.arange(len(cells))] = 1
    left = np.where(hidden, table, 0)
    totals = np.concatenate([left.sum(axis=1), left.sum(axis=0)])
    for k in range(len(cells)):
        cost = np.zeros(len(cells))
        cost[k] = 1
        ends = [
            float(np.asarray(linprog(sign * cost, A_eq=equal, b_eq=totals).x)[k])
            for sign in (1, -1)
        ]
        if ends[1] - ends[0] < 0.5:
            return True
    return False
