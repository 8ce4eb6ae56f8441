"""The list of rare cancers: families, tier 1, tier 2, and the rules that classify a tumour.

The two tiers are RARECARE's (Gatta et al., Eur J Cancer 2011;47:2493-511): tier 1 are groups
that matter for the organisation of care, tier 2 entities that matter for clinical decisions.
The code ranges of the list that comes with the package are derived and unofficial; its
``statement`` says so.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rarecare.codes.icdo3 import (
    behaviour_numbers,
    histology_numbers,
    morphologies,
    parse_morphology,
    parse_topography,
    site_numbers,
    topographies,
)
from rarecare.codes.rare_cancer_classifier import REASONS, Classifier
from rarecare.codes.rare_cancer_explanation import Entity, Explanation, RuleText
from rarecare.codes.rare_cancer_rules import Rule, check_entities, deciding_rules, read_rules
from rarecare.errors import ClassificationError, FileError
from rarecare.files import read_table

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RareCancerList:
    """A list of rare cancers with its rules.

    Attributes
    ----------
    version
        Name and version, ``"rarecarenet-derived-2017.1"``.
    statement
        What the list is and is not; show it wherever the list is shown.
    entities
        One row per entity: ``entity_id``, ``parent_id``, ``family``, ``tier``, ``name``,
        ``rare``, ``codes_confidence`` (official, derived, uncertain) and whatever else its
        file holds, as text; ``line`` is the line of the file.
    rules
        The rules as written, with their ``line``.
    hash
        SHA-256 of the content of the three files.
    """

    version: str
    statement: str
    entities: pl.DataFrame
    rules: pl.DataFrame
    hash: str
    _rules: list[Rule] = field(repr=False)
    _classifier: Classifier = field(repr=False)

    @classmethod
    def load(cls, folder: str | Path) -> RareCancerList:
        """Return the list in a folder: ``entities.csv``, ``rules.csv`` and ``list.toml``.

        Raises
        ------
        FileError, ColumnError, ClassificationError
            A file or a column is missing; a code, an entity or a parent is unknown; two
            rules of a tier take one code; a tier 2 leaves its tier 1.
        """
        folder = Path(folder)
        texts = _read_toml(folder / "list.toml")
        given = read_table(folder / "entities.csv").frame
        written = read_table(folder / "rules.csv").frame
        entities = check_entities(given, file="entities.csv")
        rules = read_rules(written, entities, file="rules.csv")
        decided = deciding_rules(rules, entities, file="rules.csv")
        content = [texts, given.columns, given.rows(), written.columns, written.rows()]
        return cls(
            version=texts["version"],
            statement=texts["statement"],
            entities=entities,
            rules=written.with_row_index("line", offset=2),
            hash=hashlib.sha256(json.dumps(content).encode()).hexdigest(),
            _rules=rules,
            _classifier=Classifier.of(decided, rules, entities),
        )

    def __str__(self) -> str:
        tiers = self.entities["tier"]
        return (
            f"{self.version}: {(tiers == 1).sum()} tier-1 and {(tiers == 2).sum()} tier-2 "
            f"entities, {self.rules.height} rules. {self.statement}"
        )

    def classify(self, cases: pl.DataFrame) -> pl.DataFrame:
        """Return the cases with their entities, in the order they came.

        Parameters
        ----------
        cases
            ``topography`` ("C40.2" or "C402"; text, categorical or enum), ``morphology``
            (whole number, 9180), ``behaviour`` (whole number, 3) and, where there is one,
            ``sex`` ("male", "female", null).

        Returns
        -------
        DataFrame
            The cases with ``family``, ``entity_tier1`` and ``entity_tier2``; ``rare``, of
            tier 2 or, where there is none, of tier 1; ``classification_rule``, the line of
            the rule that decided; ``classification_confidence``, how sure its entity's codes
            are; ``classification_reason``, why there is no entity or no tier 2 (a key of
            ``REASONS``), else null. Columns of these names are replaced.

        Raises
        ------
        ColumnError
            A column is missing.
        CaseError
            A column is of another type.
        CodeError
            A sex is neither male nor female.

        Notes
        -----
        Where the sex is missing, a case gets what both sexes share. A carcinoma of the breast
        then has its tier 1, no tier 2 and the reason "sex missing", and ``rare`` only if it
        is the same for both.

        Examples
        --------
        >>> case = {"topography": ["C40.2"], "morphology": [9180], "behaviour": [3]}
        >>> default_list().classify(pl.DataFrame(case))["entity_tier2"].to_list()
        ['08.02.01']
        """
        return self._classifier.classify(cases)

    def explain(self, topography: str, morphology: str, *, sex: str | None = None) -> Explanation:
        """Return where a site and a morphology fall, by which rule, and how sure that is.

        Parameters
        ----------
        topography
            As ``"C40.2"``.
        morphology
            Histology and behaviour, as ``"9180/3"``.
        sex
            ``"male"``, ``"female"`` or None; it decides carcinoma of the breast.

        Raises
        ------
        CodeError
            A code is not in ICD-O-3, or the sex is not known.
        """
        site = parse_topography(topography)
        histology, behaviour = parse_morphology(morphology)
        codes = {"topography": site, "morphology": histology, "behaviour": behaviour}
        case = pl.DataFrame([{**codes, "sex": sex}], schema_overrides={"sex": pl.String})
        found = self.classify(case).row(0, named=True)
        names = _labels(site, histology, behaviour)
        tier1, tier2 = (self._entity(found[f"entity_tier{tier}"]) for tier in (1, 2))
        deciding = tier2 or tier1
        line = found["classification_rule"]
        return Explanation(
            topography=site,
            morphology=histology,
            behaviour=behaviour,
            sex=sex,
            site=names["site"],
            histology=names["histology"],
            listed=names["listed"],
            family=found["family"],
            tier1=tier1,
            tier2=tier2,
            rare=found["rare"],
            rule=None if line is None else self._rule_text(line),
            confidence=found["classification_confidence"],
            note=self._row(deciding.entity_id).get("notes") if deciding else None,
            reason=REASONS.get(found["classification_reason"]),
            nearest=() if tier1 else self._nearest(site, histology, behaviour),
            version=self.version,
            statement=self.statement,
        )

    def _row(self, entity_id: str) -> dict[str, Any]:
        return self.entities.row(by_predicate=pl.col("entity_id") == entity_id, named=True)

    def _entity(self, entity_id: str | None) -> Entity | None:
        return None if entity_id is None else Entity(entity_id, self._row(entity_id)["name"])

    def _rule_text(self, line: int, differs: tuple[str, ...] = ()) -> RuleText:
        row = self.rules.row(by_predicate=pl.col("line") == line, named=True)
        entity = Entity(row["entity_id"], self._row(row["entity_id"])["name"])
        codes = {column: row[column] for column in ("topography", "morphology", "behaviour")}
        return RuleText(line=line, entity=entity, sex=row["sex"], differs=differs, **codes)

    def _nearest(self, site: str, histology: int, behaviour: int) -> tuple[RuleText, ...]:
        """Return the tier-2 rules that differ in least, those with the histology first."""
        codes = np.array(list(histology_numbers()))
        at = site_numbers()[site]
        groups = np.array([name[:3] for name in site_numbers()])
        second = set(self.entities.filter(tier=2)["entity_id"])
        ranked = []
        for rule in self._rules:
            if rule.entity_id not in second:
                continue
            away = int(np.abs(codes[rule.histologies] - histology).min())
            misses = {
                "topography": at not in rule.sites,
                "morphology": away > 0,
                "behaviour": behaviour_numbers()[behaviour] not in rule.behaviours,
            }
            differs = tuple(column for column, miss in misses.items() if miss)
            elsewhere = site[:3] not in groups[rule.sites]
            ranked.append((len(differs), away, elsewhere, rule.line, rule.entity_id, differs))
        ranked.sort()
        nearest: dict[str, RuleText] = {}
        for missed, *_, line, entity, differs in ranked:
            if missed > ranked[0][0] or len(nearest) == _SHOWN:
                break
            nearest.setdefault(entity, self._rule_text(line, differs))
        return tuple(nearest.values())


def diff(old: RareCancerList, new: RareCancerList) -> pl.DataFrame:
    """Return what changed between two lists, one row per change.

    Columns: ``entity_id``; ``what``, the column of the entities, "entity" for one added or
    removed, or "rule" for a row of the rules; ``old`` and ``new``, null where there is none.
    Equal lists give no rows.
    """
    before, after = ({row["entity_id"]: row for row in _cells(one.entities)} for one in (old, new))
    changes = []
    for entity in {**before, **after}:
        one, other = before.get(entity), after.get(entity)
        if one is None or other is None:
            names = (row and row["name"] for row in (one, other))
            changes.append((entity, "entity", *names))
            continue
        changes += [
            (entity, column, one.get(column), other.get(column))
            for column in dict.fromkeys((*one, *other))
            if one.get(column) != other.get(column)
        ]
    gone, come = ({tuple(row.values()) for row in _cells(one.rules)} for one in (old, new))
    changes += [(row[0], "rule", _joined(row), None) for row in sorted(gone - come, key=str)]
    changes += [(row[0], "rule", None, _joined(row)) for row in sorted(come - gone, key=str)]
    schema = dict.fromkeys(("entity_id", "what", "old", "new"), pl.String)
    return pl.DataFrame(changes, schema=schema, orient="row").sort("entity_id", maintain_order=True)


@cache
def default_list() -> RareCancerList:
    """Return the list that comes with the package: derived code ranges, unofficial."""
    with as_file(files("rarecare.codes") / "tables" / "rare_cancers") as folder:
        return RareCancerList.load(folder)


def chosen_list(folder: str | Path | None) -> RareCancerList:
    """Return the list in a folder, or the default one for None."""
    return default_list() if folder is None else RareCancerList.load(folder)


def _read_toml(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise FileError(
            "the list lacks a file",
            value=path.name,
            allowed="a folder with entities.csv, rules.csv and list.toml",
            remedy=f"Looked in {path.parent}.",
        )
    try:
        texts = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"the file is not TOML ({error})", file=path.name) from None
    for key in ("version", "statement"):
        if not isinstance(texts.get(key), str):
            raise ClassificationError(
                f"the list does not say its {key}", file=path.name, allowed=f'{key} = "…"'
            )
    return {key: str(value) for key, value in texts.items()}


def _labels(site: str, histology: int, behaviour: int) -> dict[str, Any]:
    listed = morphologies().filter(morphology=histology, behaviour=behaviour)
    return {
        "site": topographies().filter(topography=site)["label"][0],
        "histology": listed["label"][0] if listed.height else None,
        "listed": bool(listed.height),
    }


def _cells(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as text, without their lines."""
    return frame.drop("line").with_columns(pl.all().cast(pl.String)).to_dicts()


def _joined(row: tuple[Any, ...]) -> str:
    return " | ".join(part or "" for part in row[1:])
