"""The portal's texts in its languages: what is to be translated, what is, and what is wrong.

``python scripts/catalogues.py`` brings the catalogues in line with the sources and says what is
left to do: translate the empty entries in ``portal/locale/*/LC_MESSAGES/django.po``, then run it
again to compile them. It ends with 1 as long as something is left.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.template.base import DebugLexer, TokenType
from django.utils.translation.template import templatize

from rarecare.portal.languages import CODES, FALLBACK

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "rarecare"
PORTAL, FIGURES = PACKAGE / "portal", PACKAGE / "figures"
LOCALE = PORTAL / "locale"
LANGUAGES = tuple(code for code in CODES if code != FALLBACK)
FUNCTIONS = {
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2),
    "say": None, "to_say": None,
    "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
PLURALS = {
    "it": "n != 1", "fr": "n > 1", "de": "n != 1", "es": "n != 1", "nl": "n != 1",
    "sl": "n%100==1 ? 0 : n%100==2 ? 1 : n%100==3 || n%100==4 ? 2 : 3", "bg": "n != 1",
}  # fmt: skip
"""Which form a number takes, as gettext writes it; Slovene has a dual and one for 3 and 4."""
FORMS = {language: 4 if language == "sl" else 2 for language in LANGUAGES}

Key = tuple[str | None, str | tuple[str, ...]]
"""Context and text; singular and plural where there are two."""


class Texts(Catalog):
    """A catalogue whose header has no dates and no people: the same texts are the same bytes."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """What gettext must know, no more."""
        language = str(self.locale)
        return [
            ("Project-Id-Version", "rarecare"),
            ("Language", language),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", f"nplurals={FORMS[language]}; plural=({PLURALS[language]});"),
        ]

    @mime_headers.setter
    def mime_headers(self, headers: object) -> None:
        """Ignore what a file says of itself."""


def templates() -> Iterator[Path]:
    """Yield the templates of the portal."""
    for path in sorted(PORTAL.rglob("templates/**/*")):
        if path.suffix in (".html", ".txt"):
            yield path


def sources() -> dict[Key, list[str]]:
    """Return every text to translate, with the files that use it."""
    found: dict[Key, list[str]] = {}
    for path in [*sorted(PORTAL.rglob("*.py")), *sorted(FIGURES.glob("*.py")), *templates()]:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":  # as Python, a line for a line
            lines = templatize(text, origin=str(path)).split("\n")
            text = "\n".join(line.strip() for line in lines)
        name = path.relative_to(PORTAL if PORTAL in path.parents else PACKAGE).as_posix()
        for _line, words, _notes, context in extract(
            "python", io.BytesIO(text.encode()), FUNCTIONS
        ):
            files = found.setdefault((context, words), [])
            if name not in files:
                files.append(name)
    return found


def path_of(language: str, suffix: str = "po") -> Path:
    """Return the file of a language's texts."""
    return LOCALE / language / "LC_MESSAGES" / f"django.{suffix}"


def read(language: str) -> Catalog:
    """Return the texts of a language as they lie there."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def entries(catalogue: Catalog) -> dict[Key, Message]:
    """Return the entries of a catalogue without its header."""
    return {
        (one.context, one.id if isinstance(one.id, str) else tuple(one.id)): one
        for one in catalogue
        if one.id
    }


def brought_up(language: str, wanted: dict[Key, list[str]]) -> Catalog:
    """Return the texts of a language with what the sources hold now: new ones are empty."""
    known = entries(read(language)) if path_of(language).is_file() else {}
    made = Texts(
        locale=language, fuzzy=False,
        header_comment="# Texts of the portal. Translated; reviewed only where the portal says so.",
    )  # fmt: skip
    for (context, words), files in sorted(wanted.items(), key=lambda one: (one[1][0], str(one[0]))):
        old = known.get((context, words))
        text = old.string if old is not None else ("",) * FORMS[language]
        if isinstance(words, str):
            text = text if isinstance(text, str) else ""
        entry = made.add(
            words, text, [(name, 0) for name in files], context=context,
            flags=set(old.flags) if old is not None else (),
        )  # fmt: skip
        if not re.search(r"%\(\w+\)", str(words)):
            entry.flags.discard("python-format")
    return made


def compiled(language: str) -> bytes:
    """Return the texts of a language as gettext reads them."""
    out, texts = io.BytesIO(), Texts(locale=language)
    for one in entries(read(language)).values():
        texts.add(one.id, one.string, context=one.context, flags=one.flags)
    write_mo(out, texts)
    return out.getvalue()


PLACE = re.compile(r"%\((\w+)\)([sd])|%(%)|<(/?\w+)")


def problems(message: Message, language: str) -> list[str]:
    """Return what is wrong with an entry."""
    sources_ = [message.id] if isinstance(message.id, str) else list(message.id)
    texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
    found = []
    if not all(text.strip() for text in texts):
        found.append("empty")
    if message.fuzzy:
        found.append("fuzzy")
    if len(texts) != (1 if isinstance(message.id, str) else FORMS[language]):
        found.append(f"{len(texts)} forms")
    interpolated = any("%(" in source for source in sources_)
    # A singular may say "one" without its number; a translation has them all.
    wanted = max((_places(source) for source in sources_), key=len)
    for text in texts:
        single = isinstance(message.id, tuple) and text is texts[0]
        allowed = [wanted, _places(sources_[0])] if single and language != "sl" else [wanted]
        if _places(text) not in allowed:
            found.append(f"placeholders {_places(text)} for {wanted}")
        if interpolated and re.search(r"%(?!\(\w+\)[sd]|%)", text.replace("%%", "")):
            found.append("a lone %")
        for edge in (0, -1):
            if text and text[edge].isspace() != sources_[-1][edge].isspace():
                found.append("space at an end")
    return found


def _places(text: str) -> list[str]:
    return sorted("".join(part) for part in PLACE.findall(text) if part[2] != "%" or "%(" in text)


# --- text that nobody marked ------------------------------------------------------------------

WORD = re.compile(r"[^\W\d_]{2,}")
SPOKEN = re.compile(r'\b(?:alt|title|aria-label|placeholder|content)="([^"]*)"')
NAMES = {
    "Rarecare", "ICD", "CSV", "JSON", "PNG", "SVG", "Parquet", "OpenAPI", "ETag", "SHA", "Natural",
    "Earth", "km", "en", "width", "device", "initial", "scale", "noindex", "nofollow", "website",
    "article", "summary", "light", "dark", "rarecare", "Pohar", "Perme", "TOML", "Python",
}  # fmt: skip
"""Names and words for machines; they are the same in every language."""


def unmarked() -> list[str]:
    """Return text of templates that is not marked for translation."""
    return [
        f"{path.relative_to(PORTAL).as_posix()}: {piece}"
        for path in templates()
        for piece in unmarked_in(path.read_text(encoding="utf-8"))
    ]


def unmarked_in(source: str) -> list[str]:
    """Return the words of a template that stand outside its marks."""
    inside, text = False, ""
    for token in DebugLexer(source).tokenize():
        if token.token_type == TokenType.BLOCK:
            word = token.contents.split()[0]
            inside = word in ("blocktranslate", "blocktrans", "comment") or (
                inside and not word.startswith("end")
            )
        if token.token_type == TokenType.TEXT and not inside:
            text += token.contents
        elif token.token_type != TokenType.TEXT:
            text += "\0"
    plain = re.sub(r"<script\b.*?</script>|<svg\b.*?</svg>|<!--.*?-->", " ", text, flags=re.S)
    plain = re.sub(r"<(?:code|kbd)\b[^>]*>.*?</(?:code|kbd)>|<[^>]*>", "\n", plain, flags=re.S)
    pieces = [*SPOKEN.findall(text), *re.split(r"[\0\n]", plain)]
    return [piece.strip() for piece in pieces if {*WORD.findall(piece)} - NAMES]


def main() -> int:
    """Bring the catalogues in line, compile them, say what is left."""
    wanted, left = sources(), 0
    for language in LANGUAGES:
        made = brought_up(language, wanted)
        path_of(language).parent.mkdir(parents=True, exist_ok=True)
        with path_of(language).open("wb") as file:
            write_po(file, made, width=100, include_lineno=False)
        path_of(language, "mo").write_bytes(compiled(language))
        for one in entries(made).values():
            for problem in problems(one, language):
                left += 1
                print(f"{language}: {problem}: {one.id}")
    for piece in unmarked():
        left += 1
        print(f"not marked: {piece}")
    print(f"{len(wanted)} texts, {len(LANGUAGES)} languages, {left} left to do.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
