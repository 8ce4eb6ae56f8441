"""What pages and reports share: colours and measures, rules of reports, fonts."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files

_FONTS = {
    "Literata Variable": "fonts/literata-latin-wght-normal.woff2",
    "Source Sans 3 Variable": "fonts/source-sans-3-latin-wght-normal.woff2",
}

__all__ = ["asset", "font_faces", "style"]


def asset(name: str) -> bytes:
    """Return a shared file: ``tokens.css``, ``report.css``, ``fonts/NAME.woff2``."""
    return files("rarecare.look").joinpath("files", name).read_bytes()


def style(name: str) -> str:
    """Return a shared style sheet.

    >>> style("tokens.css").startswith("/*")
    True
    """
    return asset(name).decode("utf-8")


@cache
def font_faces() -> str:
    """Return the fonts of a page that stands alone, in its style sheet."""
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: 200 900; '
        f"src: url(data:font/woff2;base64,{base64.b64encode(asset(name)).decode('ascii')}) "
        f'format("woff2"); }}'
        for family, name in _FONTS.items()
    )
