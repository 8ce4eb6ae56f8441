"""What the page of a report says, in the language of the registry.

The English stands in the template and in the tables the page shows; translations are in the
catalogs of the checks (``checks.messages``). No named person has reviewed them yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from rarecare.registry.checks import SURENESS
from rarecare.registry.checks.messages import translation
from rarecare.registry.exclusion_rules import RULES
from rarecare.registry.exclusions import KEPT, READ
from rarecare.registry.quality import INDICATORS
from rarecare.registry.report.comparison import OUTCOMES
from rarecare.results import NOT_ESTIMABLE

Say = Callable[..., Markup]
"""From an English text, and values for its ``{names}``, to what the page says."""

OF_FILES = {"life_table": "life table"}
"""Words for the files of a submission, where they are not their names."""

ERRORS = "Errors to correct: {n}."
WARNINGS = "Warnings to correct or confirm: {n}."
NOTHING = "The checks that could be run find nothing to correct."
QUALITY = "Quality of the cases counted in incidence"
QUALITY_CAPTION = "Share of the cases counted in incidence, or of those the indicator is about."
BY_YEAR = "Quality by year of diagnosis"
BY_YEAR_CAPTION = (
    "A change from one year to the next may be one of the registry, not of the disease."
)
PER_CENT = "Per cent of cases"
WHERE = "{name}, incidence {first}–{last}"

_NO_COLUMN, _NO_FILE = "the file has no column {columns}", "there is no file: {file}"
_REASONS = {
    r"the file has no (?:column )?(?P<columns>.+)": _NO_COLUMN,
    r"there is no file of (?P<file>.+)": _NO_FILE,
}
"""Why something could not be done, as the checks and the quality say it, and what is said here."""

_OF_CODE = (
    *(_NO_COLUMN, _NO_FILE, "the submission has no closing date", "there are no such cases"),
    *(ERRORS, WARNINGS, NOTHING, QUALITY, QUALITY_CAPTION, BY_YEAR, BY_YEAR_CAPTION, PER_CENT),
    *(WHERE, "cases", "population", "life table", "mortality", "incidence", "survival"),
    *(READ, *(rule.reason for rule in RULES), KEPT),
    *(one.name for one in INDICATORS),
    *OUTCOMES,
    *SURENESS.values(),
    NOT_ESTIMABLE,
    *("used", "there is no such check", "an error cannot be confirmed, only corrected"),
    *("who confirmed it, or when, is blank", "the check finds nothing in this tumour"),
)
_MARKED = re.compile(r'\b_\("((?:[^"\\]|\\.)*)"')


def texts() -> tuple[str, ...]:
    """Return every English text of the page that has a translation."""
    template = files("rarecare.registry.report") / "templates" / "report.html"
    return tuple(dict.fromkeys([*_MARKED.findall(template.read_text(encoding="utf-8")), *_OF_CODE]))


def say_in(language: str) -> Say:
    """Return what translates a text and puts values in it; what it returns is safe HTML.

    Raises
    ------
    UsageError
        There are no messages in this language.

    Examples
    --------
    >>> str(say_in("de")("of {n}.", n=7))
    'von 7.'
    >>> str(say_in("en")("Data checks of {name}", name="A&B"))
    'Data checks of A&amp;B'
    """
    translate = translation(language)

    def say(text: str, **values: Any) -> Markup:
        said = escape(translate(str(text)))
        return said.format(**values) if values else said

    return say


def reason_in(say: Say) -> Callable[[str], Markup]:
    """Return what says a reason, as ``the file has no column age``, with what ``say`` says.

    Examples
    --------
    >>> str(reason_in(say_in("fr"))("there is no file of life_table"))
    'il n&#39;y a pas de fichier : table de mortalité'
    """

    def reason(text: str) -> Markup:
        for pattern, said in _REASONS.items():
            if found := re.fullmatch(pattern, text):
                values = {
                    name: say(OF_FILES.get(value, value)) if name == "file"
                    else value.replace(" or ", ", ")
                    for name, value in found.groupdict().items()
                }  # fmt: skip
                return say(said, **values)
        return say(text)

    return reason
