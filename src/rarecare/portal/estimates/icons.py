"""A hundred people: filled up to the lower limit, striped to the upper, outline beyond."""

from __future__ import annotations

from html import escape

from rarecare.figures.look import INK, NOTE_EDGE, NOTE_PAPER, PAPER, SANS, SERIES

_HEAD, _BODY = 'cx="{x}" cy="10" r="5.5"', "M{left} 32c0-8 3.6-13.5 9-13.5s9 5.5 9 13.5z"
_LOOKS = ("p-full", "p-half", "p-none")
_FILLS = (
    f'fill="{SERIES[0]}"',
    f'fill="url(#half)" stroke="{SERIES[0]}" stroke-width="1.5"',
    'fill="none" stroke="#738079" stroke-width="1.5"',
)


def counts(lower: float, upper: float) -> tuple[int, int, int]:
    """Return how many people are filled, striped and in outline.

    >>> counts(0.5501, 0.588)
    (55, 4, 41)
    >>> counts(0.97, 1.04)
    (97, 3, 0)
    """
    low, high = (round(100 * min(1.0, max(0.0, share))) for share in (lower, upper))
    return low, high - low, 100 - high


def people(
    lower: float, upper: float, *, title: str, description: str, name: str, columns: int = 20
) -> str:
    """Return the drawing for a page, in its colours.

    Parameters
    ----------
    lower, upper
        The limits, shares.
    title, description
        What it shows, and its finding.
    name
        Beginning of its identifiers, once on a page.
    columns
        People in a row: 20 on a page, 10 on a phone.
    """
    width, height = 34 * columns, 37 * (100 // columns) + 1
    size = "wide" if columns == 20 else "narrow"
    drawn = "".join(
        f'<g class="{_LOOKS[look]}" transform="translate({x} {y})"><circle {_HEAD.format(x=17)}/>'
        f'<path d="{_BODY.format(left=8)}"/></g>'
        for x, y, look in _placed(lower, upper, columns)
    )
    return (
        f'<svg class="chart {size}" role="img" aria-labelledby="{name}-t {name}-d" '
        f'viewBox="0 0 {width} {height}"><title id="{name}-t">{escape(title)}</title>'
        f'<desc id="{name}-d">{escape(description)}</desc>{drawn}</svg>'
    )


def standing_alone(
    lower: float, upper: float, *, title: str, description: str, lines: list[str], synthetic: str
) -> str:
    """Return the drawing as a file of its own, with its text inside.

    Parameters
    ----------
    lower, upper, title, description
        As for ``people``.
    lines
        Sentences below the drawing.
    synthetic
        What says that the data are invented, burned in; empty where they are not.
    """
    top = 70 if synthetic else 44
    height = top + 37 * 5 + 14 + 20 * len(lines) + 12
    drawn = "".join(
        f'<g {_FILLS[look]} transform="translate({x} {y + top})"><circle {_HEAD.format(x=17)}/>'
        f'<path d="{_BODY.format(left=8)}"/></g>'
        for x, y, look in _placed(lower, upper, 20)
    )
    font = f'font-family="{escape(SANS)}"'
    note = (
        f'<rect x="14" y="38" width="420" height="22" fill="{NOTE_PAPER}" stroke="{NOTE_EDGE}"/>'
        f'<text x="22" y="53" {font} font-size="13" font-weight="600" fill="{INK}">'
        f"{escape(synthetic)}</text>"
        if synthetic
        else ""
    )
    text = "".join(
        f'<text x="14" y="{top + 37 * 5 + 22 + 20 * k}" {font} font-size="13" fill="{INK}">'
        f"{escape(line)}</text>"
        for k, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="708" height="{height}" '
        f'viewBox="0 0 708 {height}" role="img" aria-labelledby="t d"><title id="t">'
        f'{escape(title)}</title><desc id="d">{escape(description)}</desc><defs>'
        f'<pattern id="half" width="4" height="4" patternUnits="userSpaceOnUse">'
        f'<rect width="4" height="4" fill="{PAPER}"/><rect width="4" height="2" '
        f'fill="{SERIES[0]}"/></pattern></defs><rect width="708" height="{height}" '
        f'fill="{PAPER}"/><text x="14" y="26" {font} font-size="18" font-weight="600" '
        f'fill="{INK}">{escape(title)}</text>{note}{drawn}{text}</svg>'
    )


def _placed(lower: float, upper: float, columns: int) -> list[tuple[int, int, int]]:
    """Return column, row and look of each of the hundred."""
    full, half, _ = counts(lower, upper)
    return [
        (34 * (k % columns), 37 * (k // columns), 0 if k < full else 1 if k < full + half else 2)
        for k in range(100)
    ]
