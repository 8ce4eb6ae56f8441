"""Pages as plain files: where each lies, and its links made relative to that place."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

KEPT = ("for", "survival", "map")
"""Parameters whose pages are files of their own, in the order of their names."""

_LINK = re.compile(r'(\s)(href|src|srcset)="([^"]*)"')
_OF_SCRIPTS = re.compile(r"""\s(?:hx-[a-z-]+|nonce)=(?:"[^"]*"|'[^']*')""")
_WITHOUT_END = frozenset(("input", "br", "img", "meta", "link", "hr", "source"))


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the portal.

    Attributes
    ----------
    path
        As asked.
    query
        Names and values, of ``KEPT`` alone.
    fragment
        The place on the page.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    fragment: str = ""

    @classmethod
    def of(cls, link: str, page: str) -> Address | None:
        """Return the address a link leads to from a page, or None where it leads elsewhere."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link.startswith("data:"):
            return None
        path = posixpath.normpath(posixpath.join(page, parts.path)) if parts.path else page
        if parts.path.endswith("/") and path != "/":
            path += "/"
        query = dict(parse_qsl(parts.query))
        kept = tuple((name, query[name]) for name in KEPT if name in query)
        return cls(path, kept, parts.fragment)

    @property
    def file(self) -> str:
        """Where it lies in the folder of the site.

        >>> Address("/en/cancers/08-sarcomas/", (("for", "gp"),)).file
        'en/cancers/08-sarcomas/for-gp.html'
        """
        path = unquote(self.path).lstrip("/")
        if not (path.endswith("/") or path == ""):
            return path
        parts = [f"{name}-{value}" for name, value in self.query]
        return f"{path}{'_'.join(parts) or 'index'}.html"

    @property
    def asked(self) -> str:
        """As it is asked of the portal."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")


class Page(HTMLParser):
    """A page without scripts and forms, its links as ``lead`` says.

    Parameters
    ----------
    lead
        Gives the new link for one on the page, or None where its page is not part of the site:
        the link's words stay.
    instead
        HTML in the place of a form.
    """

    def __init__(self, lead: Callable[[str], str | None], instead: str) -> None:
        super().__init__(convert_charrefs=False)
        self.lead = lead
        self.instead = instead
        self.out: list[str] = []
        self._skipped: str | None = None
        self._anchors: list[str] = []

    def rewritten(self, html: str) -> str:
        """Return the page."""
        self.feed(html)
        self.close()
        return "".join(self.out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take over a tag, its links made anew."""
        if self._skipped is not None:
            return
        own = dict(attrs)
        if tag in ("script", "form"):
            self._skipped = tag
            self.out.append(self.instead if tag == "form" else "")
            return
        if tag == "meta" and own.get("name") == "htmx-config":
            return
        raw = self.get_starttag_text() or ""
        if tag == "a" and own.get("href") is not None:
            new = self.lead(str(own["href"]))
            if new is None and "download" in own:
                self._skipped = "a"
                return
            if new is None:
                self._anchors.append("span")
                self.out.append("<span>")
                return
            self._anchors.append("a")
        elif tag == "a":
            self._anchors.append("a")
        if tag == "link" and own.get("href") is not None and self.lead(str(own["href"])) is None:
            return
        self.out.append(_LINK.sub(self._link, _OF_SCRIPTS.sub("", raw)))

    def _link(self, found: re.Match[str]) -> str:
        space, name, link = found.groups()
        new = self.lead(unescape(link))
        return f'{space}{name}="{escape(link if new is None else new)}"'

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take over a tag without content."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Take over the end of a tag, or end what is left out."""
        if self._skipped is not None:
            if tag == self._skipped:
                self._skipped = None
            return
        if tag == "a":
            self.out.append(f"</{self._anchors.pop() if self._anchors else 'a'}>")
        elif tag not in _WITHOUT_END:
            self.out.append(f"</{tag}>")

    def _text(self, text: str) -> None:
        if self._skipped is None:
            self.out.append(text)

    def handle_data(self, data: str) -> None:
        """Take over text."""
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        """Take over a named character."""
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Take over a numbered character."""
        self._text(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        """Take over the kind of document."""
        self._text(f"<!{decl}>")


def relative(target: str, page: str) -> str:
    """Return the way from a file to another, as a link.

    >>> relative("static/site.css", "en/cancers/index.html")
    '../../static/site.css'
    """
    return posixpath.relpath(target, posixpath.dirname(page) or ".")
