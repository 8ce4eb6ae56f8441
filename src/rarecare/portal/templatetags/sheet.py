"""Tags of a cancer's sheet; made when drawn, so that they follow the language of its words.

The rows of tables are written here: a page has hundreds of cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from rarecare.portal.estimates.figures import FigureBlock
from rarecare.portal.estimates.sheet import Asked, Section, sections_of

register = template.Library()


@register.filter
def explored(drawing: str) -> str:
    """Return the address of a drawing's specification."""
    return f"{drawing.removesuffix('.svg')}.json"


@register.simple_tag
def sections(asked: Asked) -> list[Section]:
    """Return the sections of a sheet."""
    return sections_of(asked)


@register.simple_tag
def figure_rows(figure: FigureBlock) -> SafeString:
    """Return the headings and the rows of a figure's table."""
    head = "".join([f'<th scope="col">{escape(column)}</th>' for column in figure.columns])
    wide = len(figure.columns) - 1
    rows = []
    for line in figure.lines:
        cells = (
            _state(line, f' colspan="{wide}"')
            if "state" in line
            else "".join([f"<td>{_shown(cell)}</td>" for cell in line["cells"]])
        )
        rows.append(f'<tr><th scope="row">{_shown(line["name"])}</th>{cells}</tr>')
    made = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return mark_safe(made)  # every text is escaped above


@register.simple_tag
def figure_files(figure: FigureBlock, of: str) -> SafeString:
    """Return the links to a figure's files, each with the name of the figure."""
    name = f'<span class="vh"> {escape(of)} {escape(figure.title)}</span>'
    links = [
        f'<a href="{escape(at)}" download>{escape(kind)}{name}</a>' for kind, at in figure.files
    ]
    return mark_safe("".join(links))  # every text is escaped above


@register.simple_tag
def table_rows(table: Mapping[str, Any]) -> SafeString:
    """Return the rows of a table: a value, its interval, its counts, or why there is none."""
    rows = []
    for line in table["lines"]:
        head = '<tr class="shade">' if line.get("strong") else "<tr>"
        cells = "".join(map(_cell, line["cells"]))
        rows.append(f'{head}<th scope="row">{_shown(line["name"])}</th>{cells}</tr>')
    return mark_safe("".join(rows))  # every text is escaped above


def _cell(cell: Mapping[str, Any]) -> str:
    if "state" in cell:
        return _state(cell)
    interval, counts = cell.get("interval"), cell.get("counts")
    shown = _shown(cell["value"])
    if interval:
        shown += f' <span class="soft">({escape(interval)})</span>'
    if counts:
        shown += f'<br><small class="soft">{escape(counts)}</small>'
    return f"<td>{shown}</td>"


def _shown(text: str) -> str:
    """Return a text escaped, one that is safe as it is: Django's own is ten times as slow."""
    return text if isinstance(text, SafeString) else escape(text)


def _state(cell: Mapping[str, Any], more: str = "") -> str:
    return _why(cell["state"], cell.get("reason") or "", more)


@lru_cache(maxsize=1024)
def _why(state: str, reason: str, more: str) -> str:
    title = f' title="{escape(reason)}"' if reason else ""
    return f'<td class="state"{more}{title}>{escape(state)}</td>'
