"""The glossary that comes with the package, kept as pages that editors may write anew."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from rarecare.portal.knowledge.models import Audience, Kind, Page, Version
from rarecare.portal.languages import FALLBACK


def store_glossary() -> None:
    """Keep each word as a page; a changed text becomes a new version unless an editor wrote one."""
    text = (files("rarecare.portal.knowledge") / "glossary.toml").read_text(encoding="utf-8")
    shipped = tomllib.loads(text)
    author, written = shipped["author"], shipped["written"]
    held = {
        page.subject: page
        for page in Page.objects.filter(kind=Kind.GLOSSARY, language=FALLBACK)
        .prefetch_related("versions")
    }  # fmt: skip
    for slug, word in shipped["words"].items():
        page = held.get(slug) or Page.objects.create(
            kind=Kind.GLOSSARY, subject=slug, audience=Audience.ALL, language=FALLBACK
        )
        last = max(page.versions.all(), key=lambda one: one.number, default=None)
        same = last is not None and (last.title, last.text) == (word["title"], word["text"])
        if same or (last is not None and last.author_name != author):
            continue
        Version.objects.create(
            page=page, number=last.number + 1 if last else 1, title=word["title"],
            text=word["text"], sources=word.get("sources", ""), author_name=author,
            written=written, published=True,
        )  # fmt: skip
