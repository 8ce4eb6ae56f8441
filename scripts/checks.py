"""Write docs/checks.md and the message catalogs from the checks themselves.

Catalogs: new messages are added without a translation, those no longer said are dropped, and each
``.po`` is compiled to its ``.mo``. A test refuses messages that lack a translation.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from rarecare.registry.checks import CHECKS
from rarecare.registry.checks.documentation import page
from rarecare.registry.checks.messages import TRANSLATED
from rarecare.registry.report.words import texts

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "checks.md"
LOCALE = ROOT / "src" / "rarecare" / "registry" / "checks" / "locale"
REVIEW = "not yet reviewed by a named person"
_WRITTEN = datetime(2026, 11, 28, tzinfo=UTC)
_HEADER = f"""\
# Messages of the data checks, in LANGUAGE.
# {REVIEW[0].upper()}{REVIEW[1:]}: whoever reviews this catalog puts name and date here and in
# Last-Translator.
#"""


def messages() -> dict[str, list[str]]:
    """Return each English text and where it stands: ``{"Birth …": ["why of …"]}``."""
    said: dict[str, list[str]] = {}
    for kind in ("title", "why", "remedy"):
        for check in CHECKS:
            said.setdefault(getattr(check, kind), []).append(f"{kind} of {check.code}")
    for text in texts():
        said.setdefault(text, []).append("page of the report")
    return said


def path(language: str, suffix: str = "po") -> Path:
    """Return the catalog of a language."""
    return LOCALE / language / "LC_MESSAGES" / f"checks.{suffix}"


def read(language: str) -> Catalog:
    """Return the catalog of a language as it stands; empty where there is none."""
    file = path(language)
    if not file.is_file():
        return Catalog(locale=language)
    with file.open("rb") as stream:
        return read_po(stream, locale=language, domain="checks")


def renewed(language: str, said: dict[str, str]) -> bytes:
    """Return a catalog of every message in the register, with the translations given."""
    catalog = Catalog(
        locale=language,
        domain="checks",
        header_comment=_HEADER,
        project="rarecare",
        version="1",
        creation_date=_WRITTEN,
        revision_date=_WRITTEN,
        last_translator=REVIEW,
        language_team=REVIEW,
        msgid_bugs_address="the issues of the project",
        fuzzy=False,
    )
    for text, places in messages().items():
        catalog.add(text, said.get(text, ""), auto_comments=places[:3])
    stream = io.BytesIO()
    write_po(stream, catalog, width=100)
    return stream.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """Return the catalog as gettext reads it."""
    stream = io.BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def main() -> None:
    """Write everything."""
    PAGE.write_text(page(), encoding="utf-8")
    for language in TRANSLATED:
        said = {m.id: m.string for m in read(language) if m.id and isinstance(m.id, str)}
        path(language).parent.mkdir(parents=True, exist_ok=True)
        path(language).write_bytes(renewed(language, said))
        path(language, "mo").write_bytes(compiled(read(language)))
    print(f"{PAGE.name}, {len(messages())} messages in {len(TRANSLATED)} languages")


if __name__ == "__main__":
    main()
