"""Plans: every choice that decides a number, fixed before any case is read.

Whatever would differ between parts of the data or between registries (age
groups, evaluation times, life-table hashes) is computed once and put here, so
that two tallies with one plan hash can be added.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

ALL = "group"
"""Name of the only stratum column when no strata are asked; its value is ``"all"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Base of every plan: frozen, serialisable, hashed.

    Attributes
    ----------
    strata
        Columns that divide the cases, in output order. Empty: one stratum, ``group = "all"``.
    """

    strata: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The stratum columns of a tally with this plan: ``strata``, or ``("group",)``."""
        return self.strata or (ALL,)

    def to_dict(self) -> dict[str, Any]:
        """Return the choices by name, with the kind of plan."""
        return {"kind": type(self).__name__, **asdict(self)}

    @property
    def hash(self) -> str:
        """SHA-256 of the choices; equal plans have equal hashes on every machine."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
