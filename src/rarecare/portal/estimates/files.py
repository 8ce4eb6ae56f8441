"""Files of a cancer: drawings, their rows, all its estimates."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import polars as pl
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from rarecare.figures import SYNTHETIC
from rarecare.portal.estimates import icons, pictures, words
from rarecare.portal.estimates.drawings import BY_NAME
from rarecare.portal.estimates.facts import Facts, ok
from rarecare.portal.estimates.figures import people_key
from rarecare.portal.estimates.sizes import size
from rarecare.portal.estimates.views import found
from rarecare.portal.kept import only_read, with_release
from rarecare.portal.knowledge.catalogue import reviewed_languages
from rarecare.portal.languages import FALLBACK
from rarecare.portal.names import name_text
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.study import schema

PEOPLE = "people"
WIDTHS = {"-wide": False, "-narrow": True}
TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_DAY = 86_400


@only_read
@with_release
def figure(request: Any, name: str, figure: str, suffix: str) -> HttpResponse:
    """Give a figure: its drawing for a page or as a file, its specification, or its rows."""
    release: OpenedRelease = request.release
    entity = found(release, name)
    plain = figure.removesuffix("-wide").removesuffix("-narrow")
    if plain not in BY_NAME and figure != PEOPLE:
        raise Http404(
            _("There is no figure “%(name)s”; there are: %(all)s.")
            % {"name": figure[:40], "all": ", ".join([*BY_NAME, PEOPLE])}
        )
    if suffix == "csv":
        rows = _people_rows(release, entity) if figure == PEOPLE else BY_NAME[plain].rows(
            release, entity
        )  # fmt: skip
        return sent(request, as_csv(rows), "csv", file_name(release, entity, plain, "csv"))
    narrow = figure.endswith("-narrow")
    if suffix == "json":
        body = None if figure == PEOPLE else pictures.specification(
            release, entity.entity_id, plain, narrow=narrow, bare=figure != plain
        )  # fmt: skip
        if body is None:
            raise Http404(_("Too few numbers of this figure can be shown to draw it."))
        return sent(request, body, "json", None)
    svg = (
        _people(release, entity) if figure == PEOPLE
        else pictures.drawing(
            release, entity.entity_id, plain, narrow=narrow, bare=figure != plain
        )
    )  # fmt: skip
    if svg is None:
        raise Http404(_("Too few numbers of this figure can be shown to draw it."))
    if suffix == "png":
        return sent(request, pictures.png(svg), "png", file_name(release, entity, plain, "png"))
    if figure != plain:
        place = size(release, entity.entity_id, plain, narrow=narrow)
        response = sent(request, pictures.for_page(svg, place).encode(), "svg", None)
        response.headers["Content-Security-Policy"] = pictures.PICTURE_POLICY
        return response
    return sent(request, svg.encode(), "svg", file_name(release, entity, plain, "svg"))


@only_read
@with_release
def estimates(request: Any, name: str, suffix: str) -> HttpResponse:
    """Give all estimates of a cancer, in the columns of the release."""
    release: OpenedRelease = request.release
    entity = found(release, name)
    frame = release.frame(entity.entity_id)
    if suffix == "csv":
        body = frame.write_csv().encode()
    elif suffix == "json":
        head = {"release": release.name, "synthetic": release.synthetic,
                "list": release.manifest["list_version"], "entity": entity.entity_id}  # fmt: skip
        body = json.dumps({**head, "estimates": frame.to_dicts()}, ensure_ascii=False).encode()
    else:
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        body = buffer.getvalue()
    return sent(request, body, suffix, file_name(release, entity, "estimates", suffix))


def as_csv(rows: Sequence[Any]) -> bytes:
    """Return rows in the columns of the release."""
    return pl.DataFrame(list(rows), schema=schema.ESTIMATES).write_csv().encode()


def file_name(release: OpenedRelease, entity: Entity, what: str, suffix: str) -> str:
    """Return the name of a file: it says what it is of, and when it is invented."""
    mark = "invented-" if release.synthetic else ""
    return f"{mark}{entity.slug[:60]}-{what}-{release.name}.{suffix}"


def sent(request: HttpRequest, body: bytes, suffix: str, name: str | None) -> HttpResponse:
    """Return a file; a name makes it a download."""
    response = HttpResponse(body, content_type=TYPES[suffix])
    if name is not None:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    pinned = bool(getattr(request, "places", None) and request.places.pinned)  # type: ignore[attr-defined]
    response.headers["Cache-Control"] = f"public, max-age={_DAY if pinned else 300}"
    if getattr(request, "release", None) is not None and request.release.synthetic:  # type: ignore[attr-defined]
        response.headers["X-Robots-Tag"] = "noindex"
    return response


def _people_rows(release: OpenedRelease, entity: Entity) -> list[Any]:
    at = Facts.of(release, entity).at
    return [] if at is None else [at]


def _people(release: OpenedRelease, entity: Entity) -> str | None:
    """Return the hundred people as a file: in English where no one has reviewed the language."""
    facts = Facts.of(release, entity)
    row = facts.at
    if row is None or not ok(row):
        return None
    here = get_language() or FALLBACK
    with override(here if here in reviewed_languages() else FALLBACK):
        title = _("Out of 100 people with %(name)s") % {"name": name_text(entity.name)}
        finding = words.survival(words.PATIENT, row, facts.spoken_of)
        return icons.standing_alone(
            row["lower"], row["upper"], title=title,
            description=words.said(finding, synthetic=release.synthetic),
            lines=[words.said(finding, synthetic=release.synthetic),
                   *(text for _look, text in people_key(row))],
            synthetic=_(SYNTHETIC) if release.synthetic else "",
        )  # fmt: skip
