"""Net survival of adults by stage at diagnosis, all areas together.

The stages of a cancer are shown together or not at all: where the cases of one are withheld, and
at each time where the deaths or persons at risk of one are, for the others and the total would
tell them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from rarecare.disclosure import Together
from rarecare.population.life_table import LifeTable
from rarecare.study import schema
from rarecare.study.config import Study
from rarecare.study.entities import LEAF, Groups
from rarecare.study.survival import ADULTS, CLASSES, METHOD, Arrays, crude, in_schema, times_of
from rarecare.tally.engines import Engine
from rarecare.tally.follow_up import FollowUpPlan, tally_follow_up

STAGES = ("localised", "regional", "distant")
TOGETHER = Together(tuple(map(schema.of_stage, STAGES)), cases=True, timed=True)
_MADE = schema.ESTIMATES.keys() - {"classification_confidence"}


@dataclass(slots=True)
class StageSums:
    """Daily sums of adults by leaf and stage, to which registries are added.

    Attributes
    ----------
    arrays
        As of a follow-up tally; shape (n_leaves, 3, ...), the stages in the order of ``STAGES``.
    """

    arrays: Arrays = field(default_factory=dict)

    def add(
        self, cases: pl.DataFrame, life_table: LifeTable, groups: Groups, study: Study, *,
        engine: Engine | None = None,
    ) -> None:  # fmt: skip
        """Add a registry's cases, kept for survival, with their leaf; unknown stages are left out.

        Without a column ``stage`` nothing is added.
        """
        if "stage" not in cases.columns:
            return
        adults = cases.filter(
            pl.col("age") >= CLASSES[1], pl.col("stage").cast(pl.String).is_in(STAGES)
        )
        if adults.is_empty():
            return
        stage = adults["stage"].cast(pl.String).replace_strict(
            {name: place for place, name in enumerate(STAGES)}, return_dtype=pl.Int64
        )  # fmt: skip
        window, begin = study.survival.window, study.survival.incidence
        plan = FollowUpPlan(
            strata=(LEAF, "stage"),
            estimators=(METHOD,),
            times=times_of(study),
            days_per_year=study.study.days_per_year,
            life_table=life_table.hash,
            window=window and (window[0].isoformat(), window[1].isoformat()),
            from_diagnosis=begin[0].isoformat() if begin else None,
        )
        table = adults.with_columns(stage=stage).drop("registry", strict=False)
        tally = tally_follow_up(table, plan, life_table=life_table, engine=engine)
        leaf = tally.strata[LEAF].to_physical().cast(pl.Int64).to_numpy()
        own = tally.strata["stage"].to_numpy()
        for name, array in tally.arrays.items():
            whole = self.arrays.setdefault(
                name,
                np.zeros((groups.members.shape[1], len(STAGES), *array.shape[1:]), array.dtype),
            )
            for row, sums in zip(zip(leaf, own, strict=True), array, strict=True):
                whole[row] += sums


def stage_rows(sums: StageSums, groups: Groups, study: Study) -> pl.DataFrame:
    """Return the rows in the schema's columns."""
    parts = []
    for place, stage in enumerate(STAGES):
        held = groups.only(groups.summed(sums.arrays["cases"][:, place]) > 0)
        if held.table.is_empty():
            continue
        arrays = {name: held.summed(array[:, place, None]) for name, array in sums.arrays.items()}
        parts.append(
            crude(arrays, held, study).with_columns(
                measure=pl.lit(schema.of_stage(stage)), sex=pl.lit(schema.ALL),
                age_group=pl.lit(ADULTS),
            )
        )  # fmt: skip
    if not parts:  # stages are known of other cancers alone
        kept = {name: of for name, of in schema.ESTIMATES.items() if name in _MADE}
        return pl.DataFrame(schema=kept)
    return in_schema(pl.concat(parts), study, area=schema.ALL)
