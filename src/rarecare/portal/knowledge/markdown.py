"""Markdown of pages as HTML: HTML in it is text, pictures are not loaded, headings begin at h3."""

from __future__ import annotations

from functools import cache

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

_BELOW = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h4", "h5": "h4", "h6": "h4"}


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False})
    return reader.enable("table").disable(["image", "html_block", "html_inline"])


def html(text: str) -> SafeString:
    r"""Return a text as HTML.

    >>> html("*Rare* <script>alert(1)</script>")
    '<p><em>Rare</em> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n'
    """
    tokens = _reader().parse(text)
    for token in tokens:
        token.tag = _BELOW.get(token.tag, token.tag)
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("rel", "noopener nofollow")
    made = _reader().renderer.render(tokens, _reader().options, {})
    # every part of it was written by the renderer, which escapes all that is text
    return SafeString(made)  # nosec B308 B703
