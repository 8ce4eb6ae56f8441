"""Every error this package raises on purpose.

* RarecareError: catch this to catch them all
  - UsageError: the call itself is wrong (exit status 2 on the command line)
  - InputError: the data are wrong (exit status 1)
    - FileError: a file is missing, empty, or not what its name says
    - ColumnError: a column is missing, doubled, or misspelt
    - CodeError: a value is not in its list of codes
    - CaseError: a case cannot be used as it stands
    - LifeTableError: a life table is incomplete, contradictory, or of another kind
    - PopulationError: a population is incomplete or contradictory
    - ClassificationError: a list of entities or its rules are faulty
    - ModelError: a model cannot be fitted to these data, or did not converge
    - DisagreementError: two things that must match do not

Every message says what was wrong, the value received, what is allowed, the
nearest legal thing, and the remedy; build it from those parts, not by hand.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

_SHOWN = 12


class RarecareError(ValueError):
    """Base class of every error raised on purpose.

    Parameters
    ----------
    problem
        What was wrong, as the beginning of a sentence: ``"sex is not a known code"``.
    file, row, column
        Where: file name, line of the file (the header is line 1), column name.
    value
        The value received.
    allowed
        The values allowed, or a phrase that says them.
    remedy
        What to do, as a sentence.

    Examples
    --------
    >>> print(CodeError("sex is not a known code", file="cases.csv", row=7, value="femal",
    ...                 allowed=["male", "female"], remedy="Correct the file or map the code."))
    sex is not a known code (cases.csv, line 7): got 'femal'; allowed: male, female.
    Did you mean 'female'? Correct the file or map the code.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        allowed: Collection[str] | str | None = None,
        remedy: str = "",
    ) -> None:
        place = [
            str(file) if file is not None else "",
            f"line {row}" if row is not None else "",
            f"column {column!r}" if column is not None else "",
        ]
        where = ", ".join(part for part in place if part)
        text = problem + (f" ({where})" if where else "")
        got = [f"got {value!r}"] if value is not None else []
        if isinstance(allowed, str):
            got.append(f"allowed: {allowed}")
        elif allowed is not None:
            names = list(allowed)
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            got.append(f"allowed: {', '.join(names[:_SHOWN])}{more}")
        text += (": " + "; ".join(got) if got else "") + "."
        near = nearest(value, allowed)
        text += f" Did you mean {near!r}?" if near else ""
        super().__init__(text + (f" {remedy}" if remedy else ""))


def nearest(value: object, allowed: Collection[str] | str | None) -> str | None:
    """Return the allowed word closest to ``value``, or None when nothing is close.

    >>> nearest("morfology", ["topography", "morphology"])
    'morphology'
    """
    if not isinstance(value, str) or allowed is None or isinstance(allowed, str):
        return None
    by_lower = {name.lower(): name for name in allowed}
    found = get_close_matches(value.lower(), by_lower, n=1)
    return by_lower[found[0]] if found and by_lower[found[0]] != value else None


class UsageError(RarecareError):
    """The call itself is wrong: an argument's value, or two that exclude one another."""


class InputError(RarecareError):
    """The data are wrong."""


class FileError(InputError):
    """A file is missing, empty, or not what its name says."""


class ColumnError(InputError):
    """A column is missing, doubled, or misspelt."""


class CodeError(InputError):
    """A value is not in its list of codes."""


class CaseError(InputError):
    """A case cannot be used as it stands."""


class LifeTableError(InputError):
    """A life table is incomplete, contradictory, or of another kind."""


class PopulationError(InputError):
    """A population is incomplete or contradictory."""


class ClassificationError(InputError):
    """A list of entities or its rules are faulty."""


class ModelError(InputError):
    """A model cannot be fitted to these data, or did not converge."""


class DisagreementError(InputError):
    """Two things that must match, such as the plans of two tallies, do not."""
