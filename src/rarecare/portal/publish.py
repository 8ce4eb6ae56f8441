"""The static edition: the public part of the portal as plain files for any web server."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote

from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from django.utils.translation import override

from rarecare.errors import DisagreementError, UsageError
from rarecare.portal.accounts.access import EVERYONE, asked_of
from rarecare.portal.estimates.rows import spoken_of
from rarecare.portal.languages import CODES, FALLBACK, LANGUAGES
from rarecare.portal.opened import OpenedRelease
from rarecare.portal.places import Places
from rarecare.portal.readers import READERS
from rarecare.portal.releases import store
from rarecare.portal.static_pages import Address, Page, relative
from rarecare.study.release import MANIFEST

_DRAWINGS = ("estimates:figure", "comparing:figure", "comparing:cancers-figure")
MARK = "rarecare-site.json"
"""What a folder of a static edition holds; only such a folder is replaced."""

PARTS = ("estimates", "comparing", "directory", "consensus", "knowledge")
LEFT_OUT = ("estimates:search", "comparing:query")
"""Pages that only a server can give."""

_IN_API = "api/v1/release"
_STATIC = "/static/"
_URL_IN_CSS = re.compile(r'url\("?([^")]+)"?\)')
_FOR, _SHEET = "for", "estimates:cancer"


def write_site(
    out: str | Path,
    *,
    languages: Sequence[str] = ("en",),
    cancers: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda _done, _left: None,
) -> Path:
    """Write the public part of the portal; it takes the place of what stood there, or nothing does.

    Parameters
    ----------
    out
        Folder; an earlier edition there is replaced.
    languages
        Of the pages; the first is what the start leads to.
    cancers
        Numbers of the list whose sheets and comparisons are written; all unless told.
    progress
        Told how many files are done, and how many are known to be left.

    Raises
    ------
    UsageError
        A language or a cancer is not known, or the folder holds something else.
    DisagreementError
        A page cannot be made, or leads to a file that is not there.
    """
    out = Path(out).absolute()
    release = store().current()
    _check(out, release, languages, cancers)
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        with override(languages[0]):  # each page sets its own language and leaves it set
            _Edition(made, release, languages, frozenset(cancers)).write(progress)
        broken = broken_links(made)
        if broken:
            raise DisagreementError(
                f"{len(broken)} links of the static edition lead nowhere", value=broken[0]
            )
        made.chmod(0o755)
        aside = made.with_name(f"{made.name}.old")
        if out.exists():
            out.rename(aside)
        made.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return out


def _check(
    out: Path, release: OpenedRelease, languages: Sequence[str], cancers: Sequence[str]
) -> None:  # fmt: skip
    if not languages:
        raise UsageError("no language is asked for", allowed=CODES)
    for language in languages:
        if language not in CODES:
            raise UsageError("the portal has no such language", value=language, allowed=CODES)
    for cancer in cancers:
        if cancer not in release.entities:
            raise UsageError("the list of this release has no such cancer", value=cancer,
                             allowed=list(release.entities))  # fmt: skip
    if out.exists() and not (out / MARK).is_file() and (out.is_file() or any(out.iterdir())):
        raise UsageError(
            "the folder holds something that is not a static edition", value=str(out),
            allowed="a new folder, or an earlier edition",
        )  # fmt: skip


class _Edition:
    """An edition in the making."""

    def __init__(
        self, folder: Path, release: OpenedRelease, languages: Sequence[str],
        cancers: frozenset[str],
    ) -> None:  # fmt: skip
        self.folder = folder
        self.release = release
        self.languages = languages
        self.cancers = cancers
        self.client = Client(SERVER_NAME="localhost")
        self.known: dict[str, Address] = {}
        self.local: dict[tuple[Address, str, str | None], Address | None] = {}
        self.waiting: deque[Address] = deque()
        spoken = f"survival-{spoken_of(release):g}y"
        self.compared = ("incidence", spoken)

    def write(self, progress: Callable[[int, int], None]) -> None:
        for language in self.languages:
            places = Places(language, self.release.name)
            for path in (places.home, places.cancers, f"{places.home}names/",
                         f"{places.home}compare/", f"{places.home}quality/"):  # fmt: skip
                self._want(Address(path))
        for path in ("/robots.txt", "/favicon.svg"):
            self._want(Address(path))
        done = 0
        while self.waiting:
            self._write(self.waiting.popleft())
            done += 1
            progress(done, len(self.waiting))
        self._release()
        self._start()
        self._permanent()
        facts = {"release": self.release.name, "synthetic": self.release.synthetic,
                 "languages": list(self.languages), "files": done}  # fmt: skip
        self._put(MARK, json.dumps(facts, indent=1).encode())

    def _want(self, address: Address) -> str:
        """Return the file of an address, which is written sooner or later."""
        plain = Address(address.path, address.query)
        if plain.file not in self.known:
            self.known[plain.file] = plain
            self.waiting.append(plain)
        return plain.file

    def _write(self, address: Address) -> None:
        if address.path.startswith(_STATIC):
            self._put_static(address.path)
            return
        response = self.client.get(address.asked, headers={"accept-encoding": "identity"})
        if response.status_code != 200:
            raise DisagreementError(
                f"a page of the static edition answers with {response.status_code}",
                value=address.asked,
            )
        body: bytes = response.content
        if response.headers["content-type"].startswith("text/html"):
            body = self._rewritten(address, body.decode()).encode()
        self._put(address.file, body)

    def _rewritten(self, address: Address, html: str) -> str:
        language = address.path.split("/")[1]
        reader = dict(address.query).get(_FOR)
        places = Places(language, self.release.name)

        def lead(link: str) -> str | None:
            found = Address.of(link, address.path)
            if found is None:
                return link
            if found.path == address.path and not found.query and link.startswith("#"):
                return link
            unpinned = found.path.replace(f"/r/{self.release.name}/", f"/{language}/", 1)
            if unpinned == address.path and not found.query and found.fragment:
                found = Address(address.path, address.query, found.fragment)  # this very page
            else:
                key = (found, language, reader)
                if key not in self.local:
                    self.local[key] = self._local(found, language, reader)
                found = self.local[key]
            if found is None:
                return None
            way = quote(relative(self._want(found), address.file), safe="/.-_~")
            return way + (f"#{found.fragment}" if found.fragment else "")

        with override(language):
            instead = " · ".join(
                f'<a href="{path}">{escape(name)}</a>'
                for path, name in ((f"{places.home}names/", _("Names from A to Z")),
                                   (places.cancers, _("Cancers")))
            )  # fmt: skip
        instead = re.sub(r'href="([^"]*)"', lambda m: f'href="{lead(m[1])}"', instead)
        return Page(lead, f'<p class="hint">{instead}</p>').rewritten(html)

    def _local(self, found: Address, language: str, reader: str | None) -> Address | None:
        """Return the address as it is in the edition, or None where it has no place there."""
        if found.path.startswith(_STATIC) or found.path in ("/favicon.svg", "/robots.txt"):
            return Address(found.path)
        pinned = f"/r/{self.release.name}/"
        if found.path.startswith(pinned):
            found = Address(f"/{language}/{found.path.removeprefix(pinned)}", found.query,
                            found.fragment)  # fmt: skip
        own = found.path.split("/")[1]
        try:
            # an address is known in its own language alone
            with override(own if own in dict(settings.LANGUAGES) else language):
                match = resolve(found.path)
        except Resolver404:
            return None
        view, parts = match.view_name, found.path.split("/")
        drawn = view in _DRAWINGS and parts[1] == FALLBACK  # numbers for patients may be so
        if (
            not (parts[1] in self.languages or drawn)
            or "release" in match.kwargs or view in LEFT_OUT
            or match.namespace not in PARTS or asked_of(view) != EVERYONE
            or not self._of_these(match.kwargs, view)
        ):  # fmt: skip
            return None
        query = dict(found.query)
        if view == _SHEET:
            chosen = query.get(_FOR, reader)
            query = {name: value for name, value in query.items() if name != _FOR}
            if chosen is not None and chosen != READERS[0].code:
                query[_FOR] = chosen
            if _FOR in query:
                query.pop("survival", None)  # shown to this reader as it is
        else:
            query.pop(_FOR, None)
        if not found.path.endswith("/"):
            query = {}
        kept = tuple((name, query[name]) for name in ("for", "survival", "map") if name in query)
        if ("map", "observed") in kept:
            kept = tuple(pair for pair in kept if pair[0] != "map")
        return Address(found.path, kept, found.fragment)

    def _of_these(self, arguments: dict[str, str], view: str) -> bool:
        """Return whether a page is of the cancers and measures asked for."""
        code = arguments.get("code")
        if code is not None and code not in self.compared:
            return False
        if arguments.get("suffix") == "png":
            return False
        if self.cancers and arguments.get("family") not in (None, *self.cancers):
            return False
        if not self.cancers or view not in ("estimates:cancer", "estimates:figure",
                                            "estimates:estimates", "comparing:compare",
                                            "comparing:figure", "comparing:data"):  # fmt: skip
            return True
        return arguments["name"].partition("-")[0] in self.cancers

    def _put_static(self, path: str) -> None:
        found = finders.find(unquote(path.removeprefix(_STATIC)))
        if found is None:
            raise DisagreementError("a file of the portal is missing", value=path)
        body = Path(str(found)).read_bytes()
        if path.endswith(".css"):
            for link in _URL_IN_CSS.findall(body.decode()):
                inner = Address.of(link, path.rpartition("/")[0] + "/")
                if inner is not None and not link.startswith("#"):
                    self._want(inner)
        self._put(Address(path).file, body)

    def _release(self) -> None:
        """Copy the release: programs open the edition like the portal."""
        folder = self.release.release.folder
        assert folder is not None
        for name in (MANIFEST, *self.release.manifest["files"]):
            self._put(f"{_IN_API}/{name}", (folder / name).read_bytes())

    def _start(self) -> None:
        """Lead the first address to the first language, and name the others."""
        names = dict(LANGUAGES)
        links = "".join(f'<li><a href="{code}/index.html" lang="{code}">{names[code]}</a></li>'
                        for code in self.languages)  # fmt: skip
        self._put("index.html", _leading(f"{self.languages[0]}/index.html", f"<ul>{links}</ul>",
                                         self.languages[0]))  # fmt: skip

    def _permanent(self) -> None:
        """Let permanent addresses, which have no language, lead to the first language."""
        language = self.languages[0]
        for file in list(self.known):
            if file.startswith(f"{language}/") and file.endswith("/index.html"):
                here = f"r/{self.release.name}/{file.removeprefix(f'{language}/')}"
                way = relative(file, here)
                self._put(here, _leading(way, f'<p><a href="{way}">{way}</a></p>', language))

    def _put(self, name: str, body: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _leading(way: str, words: str, language: str) -> bytes:
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="0; url={escape(way)}">'
        f'<meta name="robots" content="noindex"><title>Rarecare</title></head>'
        f"<body>{words}</body></html>"
    ).encode()


_LINKED = re.compile(r'\s(?:href|src|srcset)="([^"]*)"')
_NAMED = re.compile(r'\sid="([^"]*)"')


def broken_links(site: Path) -> list[str]:
    """Return links of a static edition that lead nowhere, each with its page.

    Parameters
    ----------
    site
        Its folder.
    """
    pages = {path.relative_to(site).as_posix(): path for path in site.rglob("*.html")
             if not path.relative_to(site).as_posix().startswith(_IN_API)}  # fmt: skip
    names = {page: set(_NAMED.findall(path.read_text("utf-8"))) for page, path in pages.items()}
    broken = []
    for page, path in pages.items():
        for link in _links(path.read_text("utf-8")):
            target, _hash, fragment = link.partition("#")
            file = unquote(target)
            goal = (Path(page).parent / file).as_posix() if file else page
            goal = _plain(goal)
            if (
                goal.startswith("../")
                or not (site / goal).is_file()
                or (fragment and goal in names and unquote(fragment) not in names[goal])
            ):
                broken.append(f"{page}: {link}")
    return broken


def _links(html: str) -> Iterable[str]:
    from html import unescape  # noqa: PLC0415 - one line needs it

    for link in _LINKED.findall(html):
        plain = unescape(link)
        if not re.match(r"[a-z][a-z0-9+.-]*:|//", plain):
            yield plain


def _plain(path: str) -> str:
    import posixpath  # noqa: PLC0415 - one line needs it

    return posixpath.normpath(path)
