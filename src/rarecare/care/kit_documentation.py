"""What a study kit asks, as a document: Markdown, or a page of HTML.

Made from the same dictionary as the form and the reader, so that they say the same.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

from rarecare.care.dictionary import GRADES, NUMBERS, Dictionary, Variable

HEADINGS = ("Variable", "What it says", "Type and codes", "Asked", "Source")
_TYPES = {"date": "date", "code": "code", "text": "text", "yesno": "yes or no"}


def documentation(dictionary: Dictionary) -> str:
    """Return the document of a study kit in Markdown."""
    parts = [f"# {dictionary.title}", "", *_about(dictionary), ""]
    for section, variables in dictionary.sections.items():
        parts += [f"## {section}", "", "| " + " | ".join(HEADINGS) + " |"]
        parts.append("|" + "---|" * len(HEADINGS))
        for each in variables:
            cells = _cells(each, dictionary)
            cells[0] = f"`{cells[0]}`"
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    parts += ["## Order of dates", ""]
    parts += [f"- {line}" for line in order_of_dates(dictionary)]
    parts += ["", "## How sure each item is", ""]
    parts += [f"- **{letter}** {said}" for letter, said in GRADES.items()]
    return "\n".join(parts) + "\n"


def documentation_html(dictionary: Dictionary) -> str:
    """Return the document of a study kit as an HTML page that needs no network."""
    body = [f"<h1>{html.escape(dictionary.title)}</h1>"]
    body += [f"<p>{html.escape(line)}</p>" for line in _about(dictionary) if line]
    for section, variables in dictionary.sections.items():
        body.append(f"<h2>{html.escape(section)}</h2>")
        head = "".join(f'<th scope="col">{heading}</th>' for heading in HEADINGS)
        rows = [_html_row(_cells(each, dictionary)) for each in variables]
        body.append(
            f'<div class="wide" tabindex="0" role="region" aria-label="{html.escape(section)}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )
    body.append("<h2>Order of dates</h2>")
    body.append(_html_list(order_of_dates(dictionary)))
    body.append("<h2>How sure each item is</h2>")
    body.append(_html_list([f"{letter}: {said}" for letter, said in GRADES.items()]))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(dictionary.title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def order_of_dates(dictionary: Dictionary) -> list[str]:
    """Return which dates come before which, in words."""
    labels = {each.name: _lower(each.label) for each in dictionary.variables}
    return [
        f"{each.label} is not before: {', '.join(labels[name] for name in each.not_before)}."
        for each in dictionary.variables
        if each.not_before
    ]


def _about(dictionary: Dictionary) -> list[str]:
    needs = Counter(each.need for each in dictionary.variables)
    said = ", ".join(f"{count} {need}" for need, count in needs.items())
    return [
        f"Kit {dictionary.kit}, version {dictionary.version}. {len(dictionary.variables)} "
        f"variables: {said}. One row per tumour.",
        "",
        "Dates as YYYY-MM-DD; an unknown day or month is left out, and the year 9999 is an unknown "
        "date. A blank is a missing value; unknown has a code of its own.",
    ]


def _cells(each: Variable, dictionary: Dictionary) -> list[str]:
    """Return the cells of one variable."""
    more = "; ".join(part for part in (each.unit, each.note) if part)
    about = f"{each.label} ({more})" if more else each.label
    kind = each.allowed if each.type in NUMBERS else _TYPES[each.type]
    if each.type in ("code", "yesno"):
        kind += f": {each.allowed}"
    asked: str = each.need
    if each.condition is not None:
        names = {v.name: _lower(v.label) for v in dictionary.variables}
        codes = {v.name: v.codes for v in dictionary.variables}
        asked += f", where {each.condition.plain(names, codes)}"
    source = f"{each.grade}: {each.source}" + (f" ({each.mapping})" if each.mapping else "")
    return [each.name, about, kind, asked, source]


def _lower(label: str) -> str:
    """Return a label as it stands within a sentence."""
    return label if label[:2].isupper() or label[1:2] == "-" else label[:1].lower() + label[1:]


def _html_row(cells: Sequence[str]) -> str:
    name, *rest = (html.escape(cell) for cell in cells)
    return f'<tr><th scope="row"><code>{name}</code></th>' + "".join(
        f"<td>{cell}</td>" for cell in rest
    ) + "</tr>"  # fmt: skip


def _html_list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#16211d, #e9efec);
  --paper: light-dark(#fcfdfb, #101614); --rule: light-dark(#ccd6cf, #34423d); }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 "Source Sans 3 Variable", "Segoe UI", "Noto Sans", system-ui, sans-serif; }
main { max-width: 74rem; margin: 0 auto; padding: 1.5rem clamp(1rem, 3vw, 2.5rem) 4.5rem; }
h1, h2 { font-family: "Literata Variable", Georgia, "Noto Serif", serif; line-height: 1.22; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; min-width: 60rem; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0;
  border-bottom: 1px solid var(--rule); font-weight: 400; }
thead th { font-weight: 650; }
"""
