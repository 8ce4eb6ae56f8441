"""Rounds of a consensus: spread of the ratings, agreement, stability, and what is fed back.

Fewer ratings together than the consensus' ``smallest_group`` are withheld, with so many other
groups that the total does not give them away. Rules and sources: ``rarecare.care.ratings`` and
``rarecare.care.consensus_model``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import polars as pl

from rarecare.care.consensus_model import ROLES, SHARE_RULE, Consensus
from rarecare.care.criteria import CriteriaSet
from rarecare.care.history import plain, sha256
from rarecare.care.ratings import SCALE, Ratings, spread
from rarecare.errors import UsageError
from rarecare.figures.delphi import delphi_figure
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD, Provenance, Result

ALL = "all"
AGREED, UNCERTAIN, REJECTED = "agreed", "uncertain", "rejected"
METHOD = "RAND/UCLA: IPRAS of the 30th and 70th percentile"
_COUNTS = [f"rated_{k}" for k in SCALE]
_SPREAD = ("median", "q1", "q3", "p30", "p70", "ipr", "ipras", "disagreement")
_AGREED_FROM, _REJECTED_TO = 7, 3


def rounds(consensus: Consensus, ratings: Ratings, criteria: CriteriaSet) -> Result:
    """Return how each criterion was rated in each round, by all and by each role group.

    Parameters
    ----------
    consensus, criteria
        The consensus and the version it proposes.
    ratings
        Of ``consensus.read_ratings``.

    Returns
    -------
    Result
        One row per round, criterion and ``role`` ("all" first): ``invited``, ``n`` ratings,
        ``missing``, ``rated_1`` … ``rated_9``, ``low`` (1-3), ``middle`` (4-6), ``high`` (7-9),
        ``estimate`` (median), ``q1``, ``q3``, ``p30``, ``p70``, ``ipr``, ``ipras``,
        ``disagreement``, ``share_high`` (percent), ``unit``, ``method``, ``status``, ``reason``.

    Raises
    ------
    DisagreementError
        These are not the criteria proposed.
    """
    table = pl.DataFrame([
        _shown(row, row["hidden"]) for row in _counted(consensus, ratings, criteria)
    ], schema=_SCHEMA)  # fmt: skip
    provenance = _provenance("ratings by round", consensus, ratings)
    return Result(table, provenance, partial(delphi_figure, table))


_SCHEMA: dict[str, Any] = {
    "round": pl.Int64, "criterion": pl.String, "title": pl.String, "role": pl.String,
    **dict.fromkeys(("invited", "n", "missing", *_COUNTS, "low", "middle", "high"), pl.Int64),
    "estimate": pl.Float64, **dict.fromkeys(_SPREAD[1:-1], pl.Float64), "disagreement": pl.Boolean,
    "share_high": pl.Float64,
    **dict.fromkeys(("unit", "method", "status", "reason"), pl.String),
}  # fmt: skip


def _counted(consensus: Consensus, ratings: Ratings, criteria: CriteriaSet) -> list[dict[str, Any]]:
    """Return counts per round, criterion and role, with whether they are to be hidden."""
    asked, invited = consensus.asked(criteria), consensus.invited()
    roles = [role for role in ROLES if role in set(invited["role"])]
    size = {role: invited.filter(role=role).height for role in roles}
    held = ratings.table.drop_nulls("rating").join(invited, on="participant")
    found: dict[tuple[Any, ...], list[int]] = {}
    sums = held.group_by("round", "criterion", "role", "rating").agg(n=pl.len())
    for number, criterion, role, rating, n in sums.iter_rows():
        found.setdefault((number, criterion, role), [0] * len(SCALE))[rating - 1] = n
    rows = []
    for number, criterion, title in asked.iter_rows():
        by_role = {role: found.get((number, criterion, role), [0] * len(SCALE)) for role in roles}
        hidden = hidden_groups(
            {role: sum(counts) for role, counts in by_role.items()}, consensus.smallest_group
        )
        every = [sum(each) for each in zip(*by_role.values(), strict=True)]
        same = {"round": number, "criterion": criterion, "title": title}
        rows.append(same | {"role": ALL, "invited": invited.height, "counts": every,
                            "hidden": 0 < sum(every) < consensus.smallest_group})  # fmt: skip
        rows += [
            same | {"role": role, "invited": size[role], "counts": counts,
                    "hidden": role in hidden}
            for role, counts in by_role.items()
        ]  # fmt: skip
    smallest = f"fewer than {consensus.smallest_group} ratings, here or in another group"
    return [row | {"smallest": smallest} for row in rows]


def hidden_groups(sizes: dict[str, int], smallest: int) -> set[str]:
    """Return the groups to withhold: the small, and as many more as keep them from being told.

    The total less the groups shown is the sum of those withheld, so that this must not be small
    either; groups without ratings are shown.

    >>> sorted(hidden_groups({"a": 3, "b": 6, "c": 20}, 5))
    ['a', 'b']
    >>> sorted(hidden_groups({"a": 3, "b": 4, "c": 20}, 5))
    ['a', 'b']
    """
    rated = sorted((n, name) for name, n in sizes.items() if n)
    hidden = {name for n, name in rated if n < smallest}
    total = sum(n for n, name in rated if name in hidden)
    for n, name in rated:
        if 0 < total < smallest and name not in hidden:
            hidden.add(name)
            total += n
    return hidden


def _shown(row: dict[str, Any], hidden: bool) -> dict[str, Any]:
    counts = row["counts"]
    n = sum(counts)
    made = dict.fromkeys(_SCHEMA) | {name: row[name] for name in _SCHEMA if name in row}
    made |= {"unit": "rating from 1 to 9", "method": METHOD}
    if hidden:
        return made | {"status": WITHHELD, "reason": row["smallest"]}
    made |= {
        "n": n, "missing": row["invited"] - n, **dict(zip(_COUNTS, counts, strict=True)),
        "low": sum(counts[:3]), "middle": sum(counts[3:6]), "high": sum(counts[6:]),
    }  # fmt: skip
    if not n:
        return made | {"status": NOT_ESTIMABLE, "reason": "no rating"}
    found = spread(counts)
    made |= {name: getattr(found, name) for name in _SPREAD[1:]}
    return made | {"estimate": found.median, "share_high": 100 * sum(counts[6:]) / n, "status": OK}


def agreement(
    consensus: Consensus, ratings: Ratings, criteria: CriteriaSet, *, number: int | None = None
) -> Result:
    """Return what was decided on each criterion.

    Parameters
    ----------
    consensus, ratings, criteria
        As for ``rounds``.
    number
        Of the round; by default, for each criterion, the last that asked for it.

    Returns
    -------
    Result
        One row per criterion: as ``rounds`` for all, less the counts of each rating, with
        ``decision``: "agreed" by the rule; "rejected", a median from 1 to 3 without disagreement;
        else "uncertain"; null and "not estimable" or "withheld" with too few ratings. ``why``
        says what decided, and names no group too small to show.

    Raises
    ------
    UsageError
        There is no such round.
    """
    known = [one.number for one in consensus.rounds]
    if number is not None and number not in known:
        raise UsageError("there is no such round", value=number, allowed=str(known))
    last: dict[str, list[dict[str, Any]]] = {}
    for row in _counted(consensus, ratings, criteria):
        if number is None or row["round"] == number:
            group = last.setdefault(row["criterion"], [])
            if group and group[0]["round"] != row["round"]:
                group.clear()
            group.append(row)
    rows = []
    for whole, *groups in last.values():
        made = _shown(whole, whole["hidden"])
        decision, why = _decided(consensus, made, groups)
        lacking = made["status"] == OK and decision is None
        rows.append(made | {"decision": decision, "why": why} | (
            {"status": NOT_ESTIMABLE, "reason": why} if lacking else {}))  # fmt: skip
    schema = _SCHEMA | {"decision": pl.String, "why": pl.String}
    table = pl.DataFrame(rows, schema=schema).drop("role", *_COUNTS)
    order = {one.id: k for k, one in enumerate(criteria.criteria)}
    table = table.sort(pl.col("criterion").replace_strict(order, return_dtype=pl.Int64))
    rule = consensus.rule.words()
    return Result(table, _provenance("agreement on criteria", consensus, ratings, rule=rule))


def _decided(
    consensus: Consensus, made: dict[str, Any], groups: Sequence[dict[str, Any]]
) -> tuple[str | None, str | None]:
    if made["status"] != OK:
        return None, None
    if made["estimate"] <= _REJECTED_TO and not made["disagreement"]:
        return REJECTED, f"median {made['estimate']:g} without disagreement"
    if consensus.rule.by == SHARE_RULE:
        return _by_share(consensus.rule.share or 0.0, groups)
    if made["disagreement"]:
        return UNCERTAIN, f"disagreement: IPR {made['ipr']:.3g} above IPRAS {made['ipras']:.3g}"
    agreed = made["estimate"] >= _AGREED_FROM
    return AGREED if agreed else UNCERTAIN, f"median {made['estimate']:g} without disagreement"


def _by_share(share: float, groups: Sequence[dict[str, Any]]) -> tuple[str | None, str]:
    silent = [row["role"] for row in groups if not sum(row["counts"])]
    if silent:
        return None, f"no rating by {', '.join(silent)}"
    below = [row for row in groups if 100 * sum(row["counts"][6:]) < share * sum(row["counts"])]
    if not below:
        return AGREED, f"{share:g} percent or more rate 7 to 9 in every role group"
    named = [row["role"] for row in below if not row["hidden"]]
    if len(named) < len(below):
        named.append("a group too small to show")
    return UNCERTAIN, f"less than {share:g} percent rate 7 to 9 in {', '.join(named)}"


def stability(
    consensus: Consensus, ratings: Ratings, criteria: CriteriaSet, *, limit: float | None = None
) -> Result:
    """Return how far ratings moved from each round to the next that asked again.

    Parameters
    ----------
    consensus, ratings, criteria
        As for ``rounds``.
    limit
        Percent of participants whose rating has to stay in its region (1-3, 4-6, 7-9) for a
        criterion to be stable. Without one nothing is called stable: no limit is agreed.

    Returns
    -------
    Result
        One row per criterion and pair of rounds (``first``, ``second``), of the participants who
        rated in both: ``n``, ``estimate`` (percent in the same region), ``same_rating``
        (percent), ``mean_change`` (of absolute changes), ``median_first``, ``median_second``,
        ``iqr_change``, ``stable``, ``status``, ``reason``.

    Raises
    ------
    UsageError
        The limit is not a percentage.
    """
    if limit is not None and not 0 < limit <= 100:
        raise UsageError("the limit is not a percentage", value=limit, allowed="above 0, up to 100")
    asked, held = consensus.asked(criteria), ratings.table.drop_nulls("rating")
    rows = []
    for name in [one.id for one in criteria.criteria]:
        at = asked.filter(criterion=name)["round"].to_list()
        for first, second in pairwise(at):
            both = held.filter(criterion=name, round=first).join(
                held.filter(criterion=name, round=second), on="participant", suffix="_second"
            )
            pairs = both.select("rating", "rating_second").rows()
            rows.append({"criterion": name, "first": first, "second": second}
                        | _moved(pairs, consensus.smallest_group, limit))  # fmt: skip
    numbers = ("estimate", "same_rating", "mean_change", "median_first", "median_second",
               "iqr_change")  # fmt: skip
    schema: dict[str, Any] = {
        "criterion": pl.String, **dict.fromkeys(("first", "second", "n"), pl.Int64),
        **dict.fromkeys(numbers, pl.Float64), "stable": pl.Boolean,
        **dict.fromkeys(("unit", "status", "reason"), pl.String),
    }  # fmt: skip
    table = pl.DataFrame(rows, schema=schema)
    return Result(table, _provenance("stability between rounds", consensus, ratings, limit=limit))


def _moved(
    pairs: Sequence[tuple[int, int]], smallest: int, limit: float | None
) -> dict[str, Any]:  # fmt: skip
    n = len(pairs)
    if n < smallest:
        reason = f"fewer than {smallest} rated in both rounds" if n else "no one rated in both"
        status = WITHHELD if n else NOT_ESTIMABLE
        return {"n": None if n else 0, "status": status, "reason": reason}
    spreads = [spread([side.count(k) for k in SCALE])
               for side in ([a for a, _ in pairs], [b for _, b in pairs])]  # fmt: skip
    same = 100 * sum((a - 1) // 3 == (b - 1) // 3 for a, b in pairs) / n
    return {
        "n": n, "estimate": same, "same_rating": 100 * sum(a == b for a, b in pairs) / n,
        "mean_change": sum(abs(a - b) for a, b in pairs) / n,
        "median_first": spreads[0].median, "median_second": spreads[1].median,
        "iqr_change": (spreads[1].q3 - spreads[1].q1) - (spreads[0].q3 - spreads[0].q1),
        "stable": None if limit is None else same >= limit, "unit": "percent in the same region",
        "status": OK,
    }  # fmt: skip


def feedback(
    consensus: Consensus, ratings: Ratings, criteria: CriteriaSet, *, number: int,
    participant: str,
) -> pl.DataFrame:  # fmt: skip
    """Return what one participant sees before rating again.

    Returns
    -------
    DataFrame
        One row per criterion of the round: ``own`` rating, ``n``, ``median``, ``q1``, ``q3``,
        ``low``, ``middle``, ``high``, ``disagreement`` of all, ``comments`` of all without names
        or roles, by alphabet; ``status``, ``reason``.

    Raises
    ------
    UsageError
        There is no such participant or round.
    """
    known = [one.id for one in consensus.participants]
    if participant not in known:
        raise UsageError("there is no such participant", value=participant, allowed=known)
    every = agreement(consensus, ratings, criteria, number=number).table
    own = ratings.table.filter(round=number, participant=participant)
    shown = every.filter(status=OK)["criterion"].to_list()
    comments = comments_of(ratings, number, shown)
    said = pl.Series("comments", [comments.get(name, []) for name in every["criterion"]],
                     dtype=pl.List(pl.String))  # fmt: skip
    return (
        every.with_columns(said)
        .join(own.select("criterion", own="rating"), on="criterion", how="left",
              maintain_order="left")
        .select("round", "criterion", "title", "own", "n", pl.col("estimate").alias("median"),
                "q1", "q3", "low", "middle", "high", "disagreement", "comments", "status",
                "reason")
    )  # fmt: skip


def comments_of(ratings: Ratings, number: int, criteria: Sequence[str]) -> dict[str, list[str]]:
    """Return the comments of a round on each criterion, without names, by alphabet."""
    said = ratings.table.filter(pl.col("criterion").is_in(list(criteria)), round=number)
    rows = said.drop_nulls("comment").sort("comment").select("criterion", "comment").rows()
    found: dict[str, list[str]] = {}
    for name, comment in rows:
        found.setdefault(name, []).append(comment)
    return found


def _provenance(
    statistic: str, consensus: Consensus, ratings: Ratings, **more: Any
) -> Provenance:  # fmt: skip
    plan = {"consensus": consensus.id, "sha256": consensus.sha256,
            "smallest_group": consensus.smallest_group, "percentiles": "type 7",
            "proposed": consensus.proposed.model_dump(), **more}  # fmt: skip
    notes = [f"Rule: {consensus.rule.words()}.",
             f"Fewer than {consensus.smallest_group} ratings together are withheld."]  # fmt: skip
    if not ratings.findings.is_empty():
        left = ratings.findings["row"].n_unique()
        notes.append(f"{left} records of ratings have faults and are left out; see the findings.")
    return Provenance(
        statistic=statistic, inputs=(ratings.source,), plan=plan, plan_hash=sha256(plain(plan)),
        exclusions=ratings.exclusions, notes=tuple(notes),
    )  # fmt: skip
