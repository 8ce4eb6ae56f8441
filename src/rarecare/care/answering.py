"""The cases, ready to be asked: what becomes of each for one indicator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.definitions import Definition, Definitions
from rarecare.care.evaluation import Evaluation, Kind
from rarecare.care.expression_nodes import Name, Node, Selection
from rarecare.care.expressions import GROUPS, parse
from rarecare.care.linking import KEYS
from rarecare.care.measures import (
    COUNTED,
    FIRST_REASON,
    NEGATIVE,
    NOT_ELIGIBLE,
    OTHER,
    UNKNOWN,
    UNSURE,
    Answers,
)
from rarecare.errors import CaseError, UsageError
from rarecare.registry.casts import as_text
from rarecare.registry.events import EVENTS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Asked:
    """The cases, ready to be asked.

    Attributes
    ----------
    on
        Cases and events.
    stratum, strata
        Number of each case's stratum, and the strata by number.
    weight
        Of each case; None where all count 1.
    """

    on: Evaluation
    stratum: Ints
    strata: pl.DataFrame
    weight: Floats | None

    def base(self, one: Definitions) -> tuple[pl.Expr, int]:
        """Return the state of a case that the set leaves out, null of others."""
        state = pl.lit(None, dtype=pl.Int64)
        unsure = 0
        for k, each in reversed(list(enumerate(one.base))):
            when = self._compiled(one, each.when, "base")
            state = pl.when(when).then(FIRST_REASON + k).otherwise(state)
        if one.cases is not None:
            held = self._compiled(one, one.cases, "cases")
            answer = self.on.frame.lazy().select(held.is_null().sum().alias("none")).collect()
            collected = self.on.frame.select(held.is_not_null().any()).item()
            unsure = int(answer["none"][0]) if collected else self.on.frame.height
            state = pl.when(held.not_()).then(OTHER).otherwise(state)
        return state, unsure

    def _compiled(self, one: Definitions, text: str, name: str) -> pl.Expr:
        try:
            return self.on.compiled(text, "truth", terms=one.terms)
        except UsageError as error:
            error.args = (f"{one.id}: {name}: {error}",)
            raise

    def answers(self, of: Definitions, one: Definition, base: pl.Expr) -> Answers:
        """Work out one indicator for all cases."""
        reasons = (*of.base, *one.exclusions)
        expr: dict[str, pl.Expr] = {}
        for name, text, kind in one.expressions():
            try:
                expr[name] = self.on.compiled(text, kind, **one.words, terms=of.terms)
            except UsageError as error:
                error.args = (f"{one.id}: {name}: {error}",)
                raise
        answer = expr.get("numerator", expr.get("value", pl.lit(None, dtype=pl.Float64)))
        censored = expr.get("censored")
        none = answer.is_null() if censored is None else answer.is_null() | censored.is_null()
        state: pl.Expr = pl.lit(COUNTED)
        if one.kind == "time":
            state = pl.when(answer < 0).then(NEGATIVE).otherwise(state)
        state = pl.when(none).then(UNKNOWN).otherwise(state)
        for k in reversed(range(len(one.exclusions))):
            when = expr[f"exclusions.{k + 1}.when"]
            state = pl.when(when).then(FIRST_REASON + len(of.base) + k).otherwise(state)
        denominator = expr["denominator"]
        state = (
            pl.when(denominator.not_()).then(NOT_ELIGIBLE)
            .when(denominator.is_null()).then(UNSURE).otherwise(state)
        )  # fmt: skip
        made = self.on.frame.lazy().select(pl.int_range(pl.len(), dtype=pl.Int32).alias("_row"),
            pl.coalesce(base, state).cast(pl.Int16).alias("state"), answer.alias("answer"),
            (pl.lit(value=False) if censored is None else censored).alias("censored"),
        ).collect()  # fmt: skip
        texts = one.kind == "distribution"
        value = np.zeros(made.height) if texts else _numbers(made["answer"])
        return Answers(
            self.stratum, made["state"].to_numpy().astype(np.int64), value,
            made["answer"] if texts else None,
            None if censored is None else made["censored"].fill_null(value=False).to_numpy(),
            self.weight, self.strata.height, tuple(each.reason for each in reasons),
            lacking(of, one, self.on),
        )  # fmt: skip

    def negative(self, one: Definition, got: Answers) -> pl.DataFrame:
        """Return the cases with a negative time."""
        at = np.flatnonzero(got.state == NEGATIVE)
        return self._keys()[at].with_columns(
            pl.Series("_stratum", got.stratum[at]), indicator=pl.lit(one.id),
            days=pl.Series(got.value[at]).cast(pl.Int64),
        )  # fmt: skip

    def no_negative(self) -> pl.DataFrame:
        """Return the table of ``negative`` without rows."""
        return self._keys()[:0].with_columns(
            pl.Series("_stratum", [], dtype=pl.Int64), indicator=pl.lit(None, dtype=pl.String),
            days=pl.lit(None, dtype=pl.Int64),
        )  # fmt: skip

    def _keys(self) -> pl.DataFrame:
        return self.on.frame.select(name for name in KEYS if name in self.on.frame.columns)


def lacking(of: Definitions, one: Definition, on: Evaluation) -> str:
    """Return in words which columns, events and names of an indicator the data do not have."""
    names: dict[str, None] = {}
    nodes: list[Any] = []
    for _, text, _ in one.expressions():
        nodes.append(parse(text, **one.words, terms=of.terms))
    while nodes:
        node = nodes.pop()
        if isinstance(node, tuple):
            nodes.extend(node)
        elif isinstance(node, Node) and is_dataclass(node):
            if isinstance(node, Name) and node.name != "value":
                names |= dict.fromkeys(_absent(node.name, on))
            if isinstance(node, Selection) and not on.linked.known_of(node.events).any():
                said = node.events[0] if len(node.events) == 1 else "treatment"
                names[f"events {said}"] = None
            nodes.extend(getattr(node, each.name) for each in fields(node))
    return ", ".join(sorted(names))


def _absent(name: str, on: Evaluation) -> list[str]:
    if name in on.frame.columns:
        return [] if on.frame[name].null_count() < on.frame.height else [f"values of {name}"]
    if name in EVENTS or name in GROUPS:
        known = on.linked.known_of(GROUPS.get(name, (name,))).any()
        return [] if known else [f"events {name}"]
    if name in on.given:
        return [] if on.given[name] is not None else [f"the {name.replace('_', ' ')}"]
    return [f"column {name}"]


def _numbers(answer: pl.Series) -> Floats:
    return answer.cast(pl.Float64).to_numpy().astype(np.float64)


def typed(table: pl.DataFrame, vocabulary: Mapping[str, Kind]) -> pl.DataFrame:
    """Return the cases, numbers and dates that came as texts cast where all of them can be.

    Names with a line in front are left to the answers about events.
    """
    made = []
    for name, dtype in table.schema.items():
        if name.startswith("_"):
            continue
        values = table[name]
        kind = vocabulary.get(name)
        if dtype == pl.String and kind in {"number", "date"}:
            text = as_text(values)
            cast = (
                text.cast(pl.Float64, strict=False) if kind == "number"
                else text.str.to_date("%Y-%m-%d", strict=False)
            )  # fmt: skip
            values = cast.alias(name) if cast.null_count() == text.null_count() else values
        made.append(values)
    return pl.DataFrame(made)


DERIVED = ("year", "treated_at")
"""Strata that cases need no column for: year of diagnosis, hospital of first treatment."""


def derived(on: Evaluation, name: str) -> pl.Series:
    """Return one of ``DERIVED`` of each case; a date known to its year alone has a year."""
    if name == "treated_at":
        expression = on.compiled("hospital(first(treatment))", "text").cast(pl.String)
    elif on.frame.schema.get("incidence_date") == pl.Date:
        expression = pl.col("incidence_date").dt.year()
    else:
        expression = pl.lit(None, dtype=pl.Int32)
    return on.frame.select(pl.repeat(None, pl.len()).alias("_all"), expression.alias(name))[name]


def strata_of(table: pl.DataFrame, by: Sequence[str]) -> tuple[Ints, pl.DataFrame]:
    """Return the number of each case's stratum, and the strata."""
    if not by:
        return np.zeros(table.height, dtype=np.int64), pl.DataFrame({"_stratum": [0]})
    strata = table.select(by).unique().sort(by, nulls_last=True)
    strata = strata.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_stratum"))
    found = table.select(by).join(strata, on=list(by), how="left", nulls_equal=True,
                                  maintain_order="left")  # fmt: skip
    return found["_stratum"].to_numpy().astype(np.int64), strata


def weights_of(table: pl.DataFrame, weights: str | None) -> Floats | None:
    """Return the weights of the cases, None where all count 1.

    Raises
    ------
    CaseError
        A weight is negative, not known, or no number.
    """
    if weights is None:
        return None
    if not table.schema[weights].is_numeric():
        raise CaseError("weights are numbers", column=weights, value=str(table.schema[weights]))
    own = table[weights].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    bad = np.flatnonzero(~(np.isfinite(own) & (own >= 0)))
    if len(bad):
        raise CaseError("a weight is no number from 0", column=weights, row=int(bad[0]) + 2,
                        value=float(own[bad[0]]), remedy=f"{len(bad)} rows are so.")  # fmt: skip
    return own.astype(np.float64)
