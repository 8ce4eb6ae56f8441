"""Colours, type, numbers and line breaks of every figure.

Values follow the project's visual guide: paper and ink, six categories in this order,
each with its own marker and dash, text of at least 12 px.
"""

from __future__ import annotations

from functools import cache

from rarecare.figures.words import say, to_say

INK, INK_SOFT, RULE, PAPER = "#16211d", "#4a5852", "#ccd6cf", "#fcfdfb"
OTHERS = "#ccd3cf"
KEY, KEY_EDGE = "#f2b134", "#16211d"
NOTE_PAPER, NOTE_EDGE, MISSING = "#fff3d6", "#a87a10", "#6f7a75"

SERIES = ("#0b8a72", "#a87a10", "#2c4fb8", "#7d2a12", "#c2489f", "#2b3236")
MARKERS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ([1, 0], [8, 3], [2, 3], [10, 3, 2, 3], [4, 4], [12, 4])
WITHHELD_SHAPE = "M-1,-1L1,-1L1,1L-1,1L-1,-1M-1,0L0,-1M-1,1L1,-1M0,1L1,0"
NOT_ESTIMABLE_SHAPE = (
    "M-1,-1L1,-1L1,1L-1,1L-1,-1M-.5,-.4L-.3,-.4M.3,-.4L.5,-.4M-.5,.4L-.3,.4M.3,.4L.5,.4"
)

SANS = "'Source Sans 3 Variable', 'Source Sans 3', 'Segoe UI', 'Noto Sans', system-ui, sans-serif"
SERIF = "'Literata Variable', Literata, Georgia, 'Noto Serif', serif"
TITLE, TEXT, LINE = 18, 13, 18
"""Size of the title and of all other text, and height of a line, in px."""

NARROW = 500
"""Figures less wide than this, in px, are laid out for a phone."""

SYNTHETIC = to_say("Synthetic data: not an estimate of anything")

_NARROW_LETTERS, _WIDE_LETTERS = frozenset("iljtfrI.,:;'|!()[]- \u00a0"), frozenset("mwMW@%—")


def text_width(text: str, *, size: float = TEXT) -> float:
    """Return about how wide a text is, in px; on the wide side, for the fallback fonts.

    >>> text_width("0", size=10)
    6.0
    """
    return sum(map(_units, text)) * size


@cache
def _units(letter: str) -> float:
    """Return about how wide a letter is, in its size."""
    if letter in _NARROW_LETTERS:
        return 0.36
    return 0.9 if letter in _WIDE_LETTERS else 0.7 if letter.isupper() else 0.6


def wrap(text: str, *, width: float, size: float = TEXT) -> list[str]:
    """Return the text in lines no wider than ``width`` px; a word too long is broken.

    >>> wrap("rates of rare cancers", width=60, size=10)
    ['rates of', 'rare', 'cancers']
    """
    lines: list[str] = []
    line = ""
    for given in text.split(" "):
        word = given
        while True:
            joined = f"{line} {word}" if line else word
            if text_width(joined, size=size) <= width:
                line = joined
                break
            if line:
                lines.append(line)
                line = ""
                continue
            fits = next(
                (k for k in range(len(word), 1, -1) if text_width(word[:k], size=size) <= width), 1
            )
            lines.append(word[:fits])
            word = word[fits:]
            if not word:
                break
    return [*lines, line] if line else lines


def whole(number: float) -> str:
    """Return a whole number with its thousands apart.

    >>> whole(3214) == "3\u00a0214"
    True
    """
    return f"{number:,.0f}".replace(",", "\u00a0")


def percent(share: float) -> str:
    """Return a share in whole percent.

    >>> percent(0.569)
    '57%'
    """
    return f"{100 * share:.0f}%"


def share_label(share: float) -> str:
    """Return a share in whole percent; what is not nothing is not shown as nothing.

    >>> share_label(0.569), share_label(0.002), share_label(0.0)
    ('57%', 'under 1%', '0%')
    """
    return "under 1%" if 0 < share < 0.005 else percent(share)


def capital(text: str) -> str:
    """Return the text with its first letter large.

    >>> capital("female")
    'Female'
    """
    return text[:1].upper() + text[1:]


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence.

    >>> listed(["male", "female", "all"])
    'male, female and all'
    """
    return f" {say('and')} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
