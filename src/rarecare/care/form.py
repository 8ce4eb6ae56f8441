"""A study kit as a form: one HTML file that needs no network and sends nothing anywhere.

Records are kept in the page until they are saved as CSV, in the columns of the template, which the
reader of incoming data takes. The page checks what the reader checks of one record: codes, ranges,
required items under their conditions, the order of dates. Its style is the portal's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from rarecare.care.dictionary import NUMBERS, Dictionary, Variable
from rarecare.care.template import DATE
from rarecare.look import font_faces, style
from rarecare.writing import write_whole

_RADIO = 5  # more codes than this go into a list
_HINTS = {
    "date": "YYYY-MM-DD, YYYY-MM or YYYY; 9999 if unknown",
    "integer": "whole number",
    "number": "number, with a point",
}


def entry_form(dictionary: Dictionary) -> str:
    """Return the data-entry form of a study kit, an HTML page.

    The same dictionary gives the same page.
    """
    environment = Environment(
        loader=PackageLoader("rarecare.care", "form_page"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kit = json.dumps(_for_script(dictionary), ensure_ascii=False, sort_keys=True)
    sections = {
        name: [_field(each) for each in variables]
        for name, variables in dictionary.sections.items()
    }
    return environment.get_template("form.html").render(
        kit=dictionary,
        sections=sections,
        anchors={name: _anchor(name) for name in sections},
        data=Markup(kit.replace("<", "\\u003c")),
        tokens=Markup(style("tokens.css")),
        fonts=Markup(font_faces()),
        css=Markup(_page("form.css")),
        script=Markup(_page("form.js")),
    )


def write_form(dictionary: Dictionary, path: str | Path) -> None:
    """Write the data-entry form to a file, whole or not at all.

    Raises
    ------
    UsageError
        The folder does not exist.
    """
    write_whole(path, entry_form(dictionary).encode("utf-8"))


def _field(each: Variable) -> Mapping[str, Any]:
    """Return what the page shows of a variable."""
    codes = each.codes if each.type in ("code", "yesno") else {}
    hint = [_HINTS.get(each.type, "")]
    if each.type in NUMBERS:
        hint = [each.allowed]
    return {
        "name": each.name,
        "label": each.label + (f" ({each.unit})" if each.unit else ""),
        "need": "" if each.need == "optional" else each.need,
        "codes": codes,
        "widget": "text" if not codes else "list" if len(codes) > _RADIO else "radio",
        "mode": {"integer": "numeric", "number": "decimal", "date": "numeric"}.get(each.type, ""),
        "hint": "; ".join(part for part in [*hint, each.note] if part),
    }


def _for_script(dictionary: Dictionary) -> Mapping[str, Any]:
    """Return what the page's script needs to know of the dictionary."""
    variables = [
        {
            "name": each.name,
            "label": each.label,
            "type": each.type,
            "need": each.need,
            "codes": list(each.codes),
            "minimum": each.minimum,
            "maximum": each.maximum,
            "allowed": each.allowed,
            "condition": each.condition.to_json() if each.condition else None,
        }
        for each in dictionary.variables
    ]
    return {
        "kit": dictionary.kit,
        "version": dictionary.version,
        "variables": variables,
        "pairs": [[early, late, list(between)] for early, late, between in dictionary.date_pairs()],
        "date": DATE,
    }


def _anchor(section: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", section.lower()).strip("-")


def _page(name: str) -> str:
    return files("rarecare.care").joinpath("form_page", name).read_text(encoding="utf-8")
