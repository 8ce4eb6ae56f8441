"""Slow and obvious: a tumour against the rows of a rare-cancer list, one after another."""

import csv
from functools import cache


class Rule:
    """One row of the rules, with its line and its entity's row."""

    def __init__(self, line, row, entity):
        self.line = line
        self.sex = row["sex"]
        self.entity = entity
        self.rare = entity["rare"] == "true"
        self.ranges = {
            column: [(part.split("-")[0], part.split("-")[-1]) for part in row[column].split(";")]
            for column in ("topography", "morphology", "behaviour")
        }

    @cache  # noqa: B019 - as many as there are codes
    def takes(self, column, code):
        return any(first <= str(code) <= last for first, last in self.ranges[column])


class Twin:
    """The rules of a list and what they say of codes that are in ICD-O-3."""

    def __init__(self, folder):
        with (folder / "entities.csv").open(encoding="utf-8", newline="") as file:
            entities = {row["entity_id"]: row for row in csv.DictReader(file)}
        with (folder / "rules.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.rules = [
            Rule(line, row, entities[row["entity_id"]]) for line, row in enumerate(rows, start=2)
        ]

    def classify(self, topography, histology, behaviour, sex):
        """Tier 1, tier 2, rare, line of the deciding rule, reason."""
        return self.by_sex(topography, histology, behaviour)[sex]

    def by_sex(self, topography, histology, behaviour):
        """The answers for a man, for a woman, and where the sex is missing."""
        codes = topography, histology, behaviour
        man, woman = self.decide(*codes, "male"), self.decide(*codes, "female")
        shared = tuple(a if a is b else None for a, b in zip(man, woman, strict=True))
        both_rare = is_rare(man) if is_rare(man) == is_rare(woman) else None
        nothing = None if man[0] and woman[0] else self.why_nothing(*codes)
        return {
            "male": answer(man, is_rare(man), nothing),
            "female": answer(woman, is_rare(woman), nothing),
            None: answer(shared, both_rare, nothing)
            if man == woman
            else (*answer(shared, both_rare, nothing)[:-1], "sex missing"),
        }

    def decide(self, topography, histology, behaviour, sex):
        """The deciding rule of tier 1 and of tier 2, or None: a sex's own rule first."""
        found = {"1": None, "2": None}
        for rule in self.taking(histology, behaviour):
            if rule.takes("topography", topography) and rule.sex in ("", sex):
                tier = rule.entity["tier"]
                if found[tier] is None or rule.sex:
                    found[tier] = rule
        return found["1"], found["2"]

    @cache  # noqa: B019 - as many as there are codes
    def taking_histology(self, histology):
        return [rule for rule in self.rules if rule.takes("morphology", histology)]

    @cache  # noqa: B019 - as many as there are pairs
    def taking(self, histology, behaviour):
        return [
            rule for rule in self.taking_histology(histology) if rule.takes("behaviour", behaviour)
        ]

    def why_nothing(self, topography, histology, behaviour):
        at_site = [r for r in self.taking_histology(histology) if r.takes("topography", topography)]
        anywhere = any(rule.takes("behaviour", behaviour) for rule in self.rules)
        if at_site or not anywhere:
            return "behaviour not covered"
        return "topography outside" if self.taking(histology, behaviour) else "morphology outside"


def is_rare(rules):
    """Whether tier 2 is rare or, without a tier 2, tier 1; None without either."""
    tier1, tier2 = rules
    return (tier2 or tier1).rare if tier1 else None


def answer(rules, rare, nothing):
    tier1, tier2 = rules
    deciding = tier2 or tier1
    return (
        tier1 and tier1.entity["entity_id"],
        tier2 and tier2.entity["entity_id"],
        rare,
        deciding and deciding.line,
        nothing if not tier1 else None if tier2 else "no tier 2",
    )
