"""Profiles of centres against a version of criteria, and scores that carry their parts.

What is not known is never counted as met or not met: a score with unknown criteria is two bounds.
A profile and a score describe; neither designates a centre (``rarecare.care.designation``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import polars as pl

from rarecare.care.criteria import PILLARS, SURENESS, CriteriaSet
from rarecare.care.evidence import KINDS, MET, NOT_KNOWN, NOT_MET, Evidence
from rarecare.care.history import plain, sha256
from rarecare.errors import UsageError
from rarecare.figures.criteria_profile import criteria_profile_figure
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

ALL = "all"
BEST = "highest kind of evidence in force, the latest of its kind"


def profile_table(
    criteria: CriteriaSet, evidence: Evidence, *, on: date, centres: Sequence[str] | None = None
) -> Result:
    """Return what is known of each centre for each criterion on a day.

    Parameters
    ----------
    criteria
        A version.
    evidence
        Of ``read_evidence``, read for the same version.
    on
        The day: evidence of a later date, or expired before it, does not count.
    centres
        By default those with evidence, by name.

    Returns
    -------
    Result
        One row per centre and criterion: ``state`` (met, not met, not known), ``value`` and
        ``estimate`` (its number) in ``unit``, ``threshold`` with ``direction``; ``evidence`` (its
        kind), ``date``, ``source``, ``expires``; ``n`` pieces in force, and ``disputed`` where
        they say different things; the criterion's ``sureness`` and ``criterion_source``;
        ``status`` and ``reason`` ("not estimable" where not known).

    Raises
    ------
    UsageError
        A criterion of the evidence is not of this version, or there is no centre.
    """
    unknown = set(evidence.table["criterion"]) - {one.id for one in criteria.criteria}
    if unknown:
        raise UsageError("the evidence was read for other criteria", value=sorted(unknown)[0],
                         allowed=[one.id for one in criteria.criteria])  # fmt: skip
    named = sorted(set(evidence.table["centre"])) if centres is None else list(centres)
    if not named:
        raise UsageError("there is no centre", allowed="evidence of one, or the names in centres")
    rows = pl.DataFrame({"centre": named}).unique(maintain_order=True).join(
        criteria_frame(criteria), how="cross"
    )  # fmt: skip
    best = _best(evidence.table, on)
    keys = ["centre", "criterion"]
    table = rows.join(best, on=keys, how="left", maintain_order="left").join(
        _too_old(evidence.table, on), on=keys, how="left", maintain_order="left"
    )
    no_evidence = (
        pl.when(pl.col("expired").is_not_null())
        .then(pl.format("the evidence expired on {}", "expired")).otherwise(pl.lit("no evidence"))
    )  # fmt: skip
    table = table.with_columns(
        reason=pl.when(pl.col("state").is_null()).then(no_evidence).otherwise("reason"),
        state=pl.col("state").fill_null(NOT_KNOWN),
        n=pl.col("n").fill_null(0),
        disputed=pl.col("disputed").fill_null(value=False),
    ).select(
        "centre", criteria=pl.lit(criteria.id), version=pl.lit(criteria.version),
        criterion="criterion", title="title", scope="scope", tumour="tumour", pillar="pillar",
        type="type", n="n", state="state", value="value", estimate="number", unit="unit",
        threshold="threshold", direction="direction", evidence="kind", date="date",
        source="source", expires="expires", disputed="disputed", volume="volume",
        required="required", weight="weight", either="either", sureness="sureness",
        criterion_source="criterion_source", method=pl.lit(BEST),
        status=pl.when(pl.col("state") == NOT_KNOWN).then(pl.lit(NOT_ESTIMABLE))
        .otherwise(pl.lit(OK)), reason="reason",
    )  # fmt: skip
    return Result(table, _provenance(criteria, evidence, on),
                  partial(criteria_profile_figure, table))  # fmt: skip


def criteria_frame(criteria: CriteriaSet) -> pl.DataFrame:
    """Return the criteria as a table, one row each."""
    rows = [
        {
            "criterion": one.id, "title": one.title, "scope": one.scope, "tumour": one.tumour,
            "pillar": "".join(one.pillar), "type": one.type, "unit": one.measured_in,
            "threshold": one.threshold.value if one.threshold else None,
            "direction": one.threshold.direction if one.threshold else None,
            "volume": one.volume, "required": one.required, "weight": one.weight,
            "either": one.either,
            "sureness": one.sureness, "criterion_source": one.source,
        }
        for one in criteria.criteria
    ]  # fmt: skip
    text = dict.fromkeys(("tumour", "unit", "direction", "either"), pl.String)
    return pl.DataFrame(rows, schema_overrides={**text, "threshold": pl.Float64})


def _best(table: pl.DataFrame, on: date) -> pl.DataFrame:
    """Return the piece of evidence that counts for each centre and criterion."""
    force = table.filter(
        pl.col("date") <= on, pl.col("expires").is_null() | (pl.col("expires") >= on)
    )
    known = pl.col("state") != NOT_KNOWN
    ranked = force.with_columns(
        rank=pl.col("kind").replace_strict(KINDS, return_dtype=pl.Int64), known=known
    ).sort("centre", "criterion", "known", "rank", "date", "row")
    return ranked.group_by("centre", "criterion", maintain_order=True).agg(
        n=pl.len().cast(pl.Int64),
        disputed=pl.col("state").filter(known).n_unique() > 1,
        **{name: pl.col(name).last() for name in (
            "value", "number", "state", "kind", "date", "source", "expires", "reason")},
    )  # fmt: skip


def _too_old(table: pl.DataFrame, on: date) -> pl.DataFrame:
    past = table.filter(pl.col("expires") < on)
    return past.group_by("centre", "criterion").agg(expired=pl.col("expires").max())


def _provenance(criteria: CriteriaSet, evidence: Evidence, on: date, **more: Any) -> Provenance:
    plan = {
        "criteria": criteria.id, "version": criteria.version, "status": criteria.status,
        "sha256": criteria.sha256, "on": on.isoformat(), "evidence": BEST, **more,
    }  # fmt: skip
    sureness = sorted({one.sureness for one in criteria.criteria})
    notes = [
        f"Criteria: {criteria.title}, version {criteria.version}, {criteria.status}.",
        *(f"{letter}: {SURENESS[letter]}." for letter in sureness),
        "A profile describes; it designates no one.",
    ]
    if not evidence.findings.is_empty():
        left = evidence.findings["row"].n_unique()
        notes.append(f"{left} records of evidence have faults and are left out; see the findings.")
    return Provenance(
        statistic="profile of centres", inputs=(evidence.source,), plan=plan,
        plan_hash=sha256(plain(plan)), exclusions=evidence.exclusions, notes=tuple(notes),
    )  # fmt: skip


def without_alternatives(table: pl.DataFrame) -> pl.DataFrame:
    """Return a profile with one row of each group of alternatives: a met, or else unknown, one."""
    states = [MET, NOT_KNOWN, NOT_MET]
    rank = pl.col("state").replace_strict(states, range(3), return_dtype=pl.Int64)
    group = pl.coalesce(pl.format("either {}", "either"), pl.format("criterion {}", "criterion"))
    return (
        table.with_columns(group=group, rank=rank, row=pl.int_range(pl.len()))
        .sort("rank", "row")
        .unique(["centre", "group"], keep="first", maintain_order=True)
        .sort("row")
        .drop("group", "rank", "row")
    )


def score(
    profile: Result, *, weights: Mapping[str, float] | None = None,
    networks: Mapping[str, Sequence[str]] | None = None,
) -> Result:  # fmt: skip
    """Return the share of criteria met by each centre and network, always with its parts.

    Parameters
    ----------
    profile
        Of ``profile_table``.
    weights
        By criterion, above 0; by default those of the criteria.
    networks
        Centres of each network by its name; a network's score is over all criteria of all its
        centres.

    Returns
    -------
    Result
        Rows for each centre and each network (``centre`` null): ``part`` "all" and each pillar; a
        criterion of two pillars is in both, alternatives count once. ``n`` criteria, of them
        ``n_met``, ``n_not_met``, ``n_not_known``; those known by kind of evidence
        (``n_self_declared``, ``n_computed``, ``n_certified``), ``n_volume`` met that are volumes,
        ``n_disputed``. ``lower`` counts what is not known as not met, ``upper`` as met, in
        percent of weight; ``estimate`` is null unless all is known.

    Raises
    ------
    UsageError
        A weight is not above 0 or of an unknown criterion, or a network has no centre or one that
        has no profile.
    """
    table = without_alternatives(profile.table.with_columns(weight=_weight(profile.table, weights)))
    own = table.with_columns(network=pl.lit(None, pl.String))
    members = [
        own.filter(pl.col("centre").is_in(list(_members(name, centres, table))))
        .with_columns(network=pl.lit(name), centre=pl.lit(None, pl.String))
        for name, centres in (networks or {}).items()
    ]  # fmt: skip
    rows = pl.concat([own, *members])
    pillars = [
        rows.filter(pl.col("pillar").str.contains(letter)).with_columns(part=pl.lit(name))
        for letter, name in PILLARS.items()
    ]
    whole = pl.concat([rows.with_columns(part=pl.lit(ALL)), *pillars])
    scores = whole.group_by("network", "centre", "part", maintain_order=True).agg(*_counts())
    order = pl.col("part").replace_strict([ALL, *PILLARS.values()], range(5), return_dtype=pl.Int64)
    scores = scores.sort("network", "centre", order, nulls_last=False, maintain_order=True)
    unknown = pl.col("n_not_known") > 0
    scores = scores.with_columns(
        estimate=pl.when(~unknown).then("lower"),
        unit=pl.lit("percent of weight"),
        method=pl.lit("bounds: what is not known counted as not met, as met"),
        status=pl.when(unknown).then(pl.lit(NOT_ESTIMABLE)).otherwise(pl.lit(OK)),
        reason=pl.when(unknown).then(pl.format("{} of {} not known", "n_not_known", "n")),
    )
    plan = profile.provenance.plan | {"weights": weights and dict(weights),
                                      "networks": networks and dict(networks)}  # fmt: skip
    source = profile.provenance
    return Result(scores, Provenance(
        statistic="score of centres and networks", inputs=source.inputs, plan=plan,
        plan_hash=sha256(plain(plan)), exclusions=source.exclusions,
        notes=(*source.notes, "A score is shown with its parts; it designates no one either."),
    ))  # fmt: skip


def _counts() -> list[pl.Expr]:
    def n(where: pl.Expr) -> pl.Expr:
        return where.sum().cast(pl.Int64)

    state, weight = pl.col("state"), pl.col("weight")
    met, known = state == MET, state != NOT_KNOWN
    share = 100 / weight.sum()
    kinds = [
        n(known & (pl.col("evidence") == kind)).alias(f"n_{kind.replace('-', '_')}")
        for kind in KINDS
    ]
    return [
        pl.len().cast(pl.Int64).alias("n"), n(met).alias("n_met"),
        n(state == NOT_MET).alias("n_not_met"), n(~known).alias("n_not_known"), *kinds,
        n(met & pl.col("volume")).alias("n_volume"), n(pl.col("disputed")).alias("n_disputed"),
        (share * weight.filter(met).sum()).alias("lower"),
        (share * weight.filter(met | ~known).sum()).alias("upper"),
    ]  # fmt: skip


def _weight(table: pl.DataFrame, weights: Mapping[str, float] | None) -> pl.Expr:
    known = table["criterion"].unique(maintain_order=True).to_list()
    for name, value in (weights or {}).items():
        if name not in known:
            raise UsageError("a weight is of no criterion", value=name, allowed=known)
        if not 0 < value < float("inf"):
            raise UsageError(f"the weight of {name} is not above 0", value=value)
    if not weights:
        return pl.col("weight")
    return pl.col("criterion").replace_strict(
        weights, default=pl.col("weight"), return_dtype=pl.Float64
    )


def _members(name: str, centres: Sequence[str], table: pl.DataFrame) -> Sequence[str]:
    known = table["centre"].unique(maintain_order=True).to_list()
    if not centres:
        raise UsageError("a network has no centre", value=name)
    for one in centres:
        if one not in known:
            raise UsageError(f"a centre of the network {name} has no profile", value=one,
                             allowed=known)  # fmt: skip
    return centres
