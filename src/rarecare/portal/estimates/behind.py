"""How sure the figures of a release are: checks of its registries, what was left out, methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from rarecare.portal import numbers
from rarecare.portal.estimates import words
from rarecare.portal.opened import OpenedRelease, once
from rarecare.results import OK
from rarecare.study.report.content import accounting, quality

MICROSCOPE, CERTIFICATE = "microscopically verified", "death certificate only"
LOST = "lost to follow-up"


def behind_facts(release: OpenedRelease, said: Callable[[str], str]) -> dict[str, Any]:
    """Return what a sheet says of its data: the same for every cancer of a release."""
    facts = _facts(release, get_language())
    return {**facts, "lines": [said(line) for line in facts["sentences"]]}


@once
def _facts(release: OpenedRelease, language: str) -> dict[str, Any]:
    del language  # numbers and words follow the language of the request
    checks = []
    values = {}
    for row in quality(release.release):
        if row["value"] is None:
            checks.append({"name": row["name"], "reason": row["reason"]})
            continue
        values[row["name"]] = row["value"]
        checks.append({
            "name": row["name"], "value": numbers.number(row["value"], decimals=1),
            "registries": row["n"],
            **{end: {"value": numbers.number(row[end]["value"], decimals=1),
                     "registry": row[end]["registry"]} for end in ("low", "high")},
        })  # fmt: skip
    sentences = []
    if MICROSCOPE in values:
        sentences.append(_(
            "%(value)s of 100 tumours, of all cancers of the list together, were confirmed under "
            "the microscope."
        ) % {"value": numbers.number(values[MICROSCOPE])})  # fmt: skip
    if CERTIFICATE in values:
        sentences.append(_(
            "%(value)s of 100 were known only from a death certificate."
        ) % {"value": numbers.number(values[CERTIFICATE], decimals=1)})  # fmt: skip
    accounts = [
        {"purpose": purpose, "lines": [
            {"reason": reason, "records": numbers.number(records), "kind": kind}
            for reason, records, kind in lines
        ]}
        for purpose, lines in accounting(release.release).items()
    ]  # fmt: skip
    registries = release.release.quality.filter(status=OK)["registry"].n_unique()
    return {
        "checks": checks,
        "sentences": sentences,
        "accounts": accounts,
        "registries": numbers.number(registries),
        "methods": list(_methods(release)),
    }


def _methods(release: OpenedRelease) -> list[tuple[str, str]]:
    """Return the choices that decide the numbers, in words."""
    choices = release.manifest["choices"]
    study = release.manifest["study"]
    found = [
        (_("Diagnosed"), numbers.years(release.period)),
        (_("Followed to"), numbers.day(study["closing_date"])),
    ]
    incidence, survival = choices.get("incidence") or {}, choices.get("survival") or {}
    if incidence:
        standards = ", ".join(words.standard_name(name) for name in incidence["standards"])
        found.append((_("Rates"), _(
            "crude (exact intervals) and directly standardised to %(standards)s (%(interval)s "
            "intervals), per 100 000 person-years"
        ) % {"standards": standards, "interval": incidence["interval"].title()}))  # fmt: skip
    if survival:
        found.append((_("Survival"), _(
            "net survival by Pohar-Perme, %(interval)s intervals; age standard: %(standard)s; "
            "ages 15–99, children 0–14"
        ) % {"interval": survival["interval"], "standard": survival["standard"]}))  # fmt: skip
    if choices.get("prevalence"):
        found.append((_("Prevalence"), _(
            "counted; those lost to follow-up by observed survival; complete prevalence by "
            "models where asked for"
        )))  # fmt: skip
    found.append((_("Small numbers"), _(
        "counts from 1 to %(most)s are withheld, and those that would reveal them"
    ) % {"most": choices["disclosure"]["threshold"] - 1}))  # fmt: skip
    found.append((_("List"), release.manifest["list_version"]))
    found.append((_("Software"), release.manifest["software"]))
    return found
