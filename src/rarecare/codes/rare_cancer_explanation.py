"""One pair of codes explained in words."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten

_SURE = {
    "official": "official",
    "derived": "derived from the entity's name and the ICD-O-3 list",
    "uncertain": "uncertain; derived from the entity's name and the ICD-O-3 list",
}
_WIDTH = 72


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as an explanation names it."""

    entity_id: str
    name: str

    def __str__(self) -> str:
        return f"{self.entity_id} {self.name}"


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as written, with its entity and what of it does not match."""

    line: int
    entity: Entity
    topography: str
    morphology: str
    behaviour: str
    sex: str | None
    differs: tuple[str, ...] = ()

    def __str__(self) -> str:
        written = (self.topography.replace(";", " "), self.morphology.replace(";", " "))
        site, histology = (shorten(text, _WIDTH, placeholder=" …") for text in written)
        codes = f"{site}; {histology}; behaviour {self.behaviour}"
        return f"rules.csv, line {self.line}: {codes}" + (f"; {self.sex}" if self.sex else "")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a topography and a morphology fall, and why; it prints itself.

    Attributes
    ----------
    topography, morphology, behaviour, sex
        The codes explained.
    site, histology
        Their ICD-O-3 terms, None where the labels are absent or the pair is not listed.
    listed
        Whether ICD-O-3 lists the histology with this behaviour.
    family, tier1, tier2, rare
        The entities; None where there are none. ``rare`` is also None where it depends on
        a sex not given.
    rule
        The rule that decided.
    confidence, note
        How sure the entity's codes are, and the list's remark on them.
    reason
        Why there is no entity or no tier 2, in words.
    nearest
        Where there is no entity: the rules that come closest.
    version, statement
        The list.
    """

    topography: str
    morphology: int
    behaviour: int
    sex: str | None
    site: str | None
    histology: str | None
    listed: bool
    family: str | None
    tier1: Entity | None
    tier2: Entity | None
    rare: bool | None
    rule: RuleText | None
    confidence: str | None
    note: str | None
    reason: str | None
    nearest: tuple[RuleText, ...]
    version: str
    statement: str

    def __str__(self) -> str:
        rare = {True: "yes", False: "no", None: "depends on the sex"}[self.rare]
        facts = {
            "site": self.site,
            "histology": self.histology,
            "entity": self.tier2,
            "tier 1": self.tier1,
            "family": self.family,
            "rare": rare if self.tier1 else None,
            "why": self.reason,
            "rule": self.rule,
            "codes": self.confidence and _SURE[self.confidence],
            "note": self.note,
        }
        codes = f"{self.topography} {self.morphology}/{self.behaviour}"
        lines = [
            codes + (f", {self.sex}" if self.sex else "") + ("" if self.tier1 else ": no entity")
        ]
        lines += [f"  {name:<10}{value}" for name, value in facts.items() if value is not None]
        if not self.listed:
            lines.insert(
                1, "  not listed in ICD-O-3; the behaviour is taken by its matrix rule (rule F)"
            )
        for near in self.nearest:
            lines.append(f"  nearest   {near.entity}: differs in {' and '.join(near.differs)}")
            lines.append(f"            {near}")
        lines.append(f"  list      {self.version}. {self.statement}")
        return "\n".join(lines)
