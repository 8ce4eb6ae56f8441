"""Slow and obvious: a tumour against the rows of a rare-cancer list, one after another."""

import csv
from functools import cache


def read(folder):
    """The rules of a list, each with its entity's facts."""
    with (folder / "entities.csv").open(encoding="utf-8", newline="") as file:
        entities = {row["entity_id"]: row for row in csv.DictReader(file)}
    with (folder / "rules.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Rule(line, row, entities[row["entity_id"]]) for line, row in enumerate(rows, start=2)
    )


class Rule:
    def __init__(self, line, row, entity):
        self.line = line
        self.sex = row["sex"]
        self.entity = entity
        self.rare = entity["rare"] == "true"
        self.ranges = {
            column: [(part.split("-")[0], part.split("-")[-1]) for part in row[column].split(";")]
            for column in ("topography", "morphology", "behaviour")
        }

    @cache  # noqa: B019 - the list lives as long as the tests
    def takes(self, column, code):
        return any(first <= str(code) <= last for first, last in self.ranges[column])


@cache
def taking_histology(rules, histology):
    return [rule for rule in rules if rule.takes("morphology", histology)]


def decide(rules, topography, histology, behaviour, sex):
    """The deciding rule of tier 1 and of tier 2, or None: a sex's own rule first."""
    found = []
    for tier in ("1", "2"):
        matching = [
            rule
            for rule in taking_histology(rules, histology)
            if rule.entity["tier"] == tier
            and rule.takes("topography", topography)
            and rule.takes("behaviour", behaviour)
            and rule.sex in ("", sex)
        ]
        matching.sort(key=lambda rule: rule.sex == "")
        found.append(matching[0] if matching else None)
    return found


def classify(rules, topography, histology, behaviour, sex):
    """Tier 1, tier 2, rare, line, reason of codes that are in ICD-O-3."""
    if sex is not None:
        tier1, tier2 = decide(rules, topography, histology, behaviour, sex)
        deciding = tier2 or tier1
        rare = deciding and deciding.rare
        depends = False
    else:
        man = decide(rules, topography, histology, behaviour, "male")
        woman = decide(rules, topography, histology, behaviour, "female")
        tier1, tier2 = (a if a is b else None for a, b in zip(man, woman, strict=True))
        rares = [(two or one) and (two or one).rare for one, two in (man, woman)]
        rare = rares[0] if rares[0] == rares[1] else None
        depends = man != woman
    deciding = tier2 or tier1
    if depends:
        reason = "sex missing"
    elif tier2:
        reason = None
    elif tier1:
        reason = "no tier 2"
    else:
        reason = why_nothing(rules, topography, histology, behaviour)
    return (
        tier1 and tier1.entity["entity_id"],
        tier2 and tier2.entity["entity_id"],
        rare,
        deciding and deciding.line,
        reason,
    )


def why_nothing(rules, topography, histology, behaviour):
    if not any(rule.takes("behaviour", behaviour) for rule in rules):
        return "behaviour not covered"
    mine = taking_histology(rules, histology)
    if any(rule.takes("topography", topography) for rule in mine):
        return "behaviour not covered"
    if any(rule.takes("behaviour", behaviour) for rule in mine):
        return "topography outside"
    return "morphology outside"
