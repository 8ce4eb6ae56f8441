"""Design matrices from formulas, with names, kept so that predictions get the same columns.

Beside what formulaic knows, ``ns(x, df)`` is a natural cubic spline with knots at the ends and at
equal quantiles of x, or ``ns(x, knots=[...])`` with these inner knots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.errors import ModelError, UsageError
from rarecare.models.splines import RestrictedCubic

Floats = NDArray[np.float64]
_COLLINEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Design:
    """A formula with what the training data decided: levels, knots, columns.

    Attributes
    ----------
    formula
        As given.
    names
        Of the columns, the intercept first.
    levels
        Of each factor, the first being the reference.
    """

    formula: str
    names: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    _spec: Any

    @classmethod
    def of(cls, formula: str, table: pl.DataFrame) -> tuple[Design, Floats]:
        """Return the design of a table and its matrix, shape (n_rows, n_columns).

        Raises
        ------
        UsageError
            The formula cannot be read, names a column that there is not, or needs a package.
        ModelError
            A value is missing, or columns are collinear.
        """
        try:
            from formulaic import model_matrix  # noqa: PLC0415 - optional, and slow to import
            from formulaic.errors import FormulaicError  # noqa: PLC0415
        except ImportError:
            raise UsageError(
                "models need formulaic", remedy="Install 'rarecare[models]'."
            ) from None
        levels = {
            name: tuple(_levels(table[name]))
            for name in table.columns
            if named_in(name, formula) and not table.schema[name].is_numeric()
        }
        frame = _frame(formula, table, levels)
        try:
            matrix = model_matrix(formula, frame, na_action="raise", context=_transforms())
        except FormulaicError as error:
            raise UsageError(
                f"the formula cannot be read ({error})", value=formula, allowed=table.columns
            ) from None
        names = tuple(str(name) for name in matrix.columns)
        values = np.asarray(matrix, dtype=np.float64)
        design = cls(formula, names, levels, matrix.model_spec)
        design.check(values)
        return design, values

    def matrix(self, table: pl.DataFrame) -> Floats:
        """Return the matrix of another table, with the training data's levels and knots.

        Raises
        ------
        UsageError
            A column is missing.
        ModelError
            A level was not among the training data's.
        """
        for name, levels in self.levels.items():
            if name not in table.columns:
                raise UsageError("a profile lacks a covariate", value=name, allowed=table.columns)
            unseen = [str(x) for x in table[name].unique().to_list() if str(x) not in levels]
            if unseen:
                raise ModelError(
                    f"the model has not seen this level of {name}", value=unseen[0], allowed=levels
                )
        frame = _frame(self.formula, table, self.levels)
        try:
            made = self._spec.get_model_matrix(frame, context=_transforms())
        except (ValueError, KeyError) as error:
            raise ModelError(f"a profile does not fit the model ({error})") from None
        values = np.asarray(made, dtype=np.float64)
        if values.shape[0] != table.height or not np.isfinite(values).all():
            raise ModelError("a profile has a missing value", value=self.formula)
        return values

    def check(self, matrix: Floats) -> None:
        """Refuse columns that are linear combinations of those before them.

        Raises
        ------
        ModelError
            There are such columns; the message names them.
        """
        scale = np.linalg.norm(matrix, axis=0)
        zero = [name for name, size in zip(self.names, scale, strict=True) if size == 0]
        r = np.abs(np.diag(np.linalg.qr(matrix / np.where(scale > 0, scale, 1), mode="r")))
        r = np.concatenate([r, np.zeros(max(matrix.shape[1] - len(r), 0))])
        short = matrix.shape[0] < matrix.shape[1]
        dependent = [name for name, size in zip(self.names, r, strict=True) if size < _COLLINEAR]
        bad = list(dict.fromkeys([*zero, *dependent]))
        if bad or short:
            raise ModelError(
                "columns of the design are collinear, or empty",
                value=", ".join(bad) or f"{matrix.shape[1]} columns, {matrix.shape[0]} cells",
                allowed=f"{len(self.names)} independent columns",
                remedy="Leave a term out, or merge levels.",
            )


@cache
def _transforms() -> dict[str, Any]:
    """Return what formulas know beside formulaic's own: ``ns``, with its knots kept."""
    from formulaic.materializers.types import FactorValues  # noqa: PLC0415 - see Design.of
    from formulaic.transforms import stateful_transform  # noqa: PLC0415

    @stateful_transform  # type: ignore[untyped-decorator]
    def ns(x: Any, df: int = 1, knots: Any = None, _state: Any = None) -> Any:
        u = np.asarray(x, dtype=np.float64)
        if "spline" not in _state:
            _state["spline"] = (
                RestrictedCubic.of(u, u, df=df)
                if knots is None
                else RestrictedCubic.on(u, [u.min(), *knots, u.max()])
            )
        basis = _state["spline"].basis(u)
        return FactorValues(basis, column_names=tuple(str(k + 1) for k in range(basis.shape[1])))

    return {"ns": ns}


def named_in(name: str, formula: str) -> bool:
    """Return whether a formula names a column."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", formula) is not None


def _frame(formula: str, table: pl.DataFrame, levels: Mapping[str, tuple[str, ...]]) -> Any:
    """Return the columns of the formula as a pandas frame, factors in the order of their values."""
    import pandas as pd  # noqa: PLC0415 - formulaic needs it

    columns: dict[str, Any] = {}
    for name in table.columns:
        if name in levels:
            values = table[name].cast(pl.String).to_list()
            columns[name] = pd.Categorical(values, categories=list(levels[name]))
        elif named_in(name, formula):
            columns[name] = table[name].to_numpy()
    return pd.DataFrame(columns, index=range(table.height))


def _levels(values: pl.Series) -> list[str]:
    if isinstance(values.dtype, pl.Enum):
        return [str(level) for level in values.dtype.categories]
    return [str(level) for level in values.drop_nulls().unique().sort().to_list()]
