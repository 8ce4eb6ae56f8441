"""Files of comparisons: drawings and their rows."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from rarecare.portal.comparing import drawing, sides
from rarecare.portal.comparing.measures import measures
from rarecare.portal.comparing.views import readable
from rarecare.portal.comparing.ways import area_of, area_slug
from rarecare.portal.estimates import pictures
from rarecare.portal.estimates.files import as_csv, file_name, sent
from rarecare.portal.estimates.views import found
from rarecare.portal.opened import OpenedRelease

_SIZES = {"wide": False, "narrow": True}


@readable
def figure(
    request: Any, name: str, code: str, *, figure: str, suffix: str, size: str | None = None
) -> HttpResponse:
    """Give a figure of a comparison, or its rows."""
    release: OpenedRelease = request.release
    entity = found(release, name)
    every = measures(release)
    if code not in every:
        raise Http404(_("This cannot be compared; there are: %(all)s.") % {"all": ", ".join(every)})
    if figure not in drawing.NAMES:
        raise Http404(
            _("There is no figure “%(name)s”; there are: %(all)s.")
            % {"name": figure[:40], "all": ", ".join(drawing.NAMES)}
        )
    what = f"{code}-{figure}"
    if suffix == "csv":
        rows = list(drawing.rows_of(release, entity, every[code], figure).values())
        return sent(request, as_csv(rows), "csv", file_name(release, entity, what, "csv"))
    narrow = _SIZES.get(size or "", False)
    if suffix == "json":
        return _explored(request, drawing.specification(
            release, entity, code, figure, narrow=narrow, bare=size is not None))  # fmt: skip
    svg = drawing.drawing(release, entity, code, figure, narrow=narrow, bare=size is not None)
    place = drawing.size(release, entity, code, figure, narrow=narrow) if size else None
    return _drawn(request, svg, suffix, place, file_name(release, entity, what, suffix))


@readable
def cancers(
    request: Any, name: str, code: str, *, suffix: str, family: str | None = None,
    size: str | None = None,
) -> HttpResponse:  # fmt: skip
    """Give the cancers of a country as a drawing, or their rows."""
    release: OpenedRelease = request.release
    area = area_of(release, name)
    if area is None:
        raise Http404(_("This release has no such country."))
    if code not in measures(release):
        raise Http404(_("This cannot be compared; there are: %(all)s.")
                      % {"all": ", ".join(measures(release))})  # fmt: skip
    if family is not None and family not in release.entities:
        raise Http404(_("The list of this release has no such cancer."))
    mark = "invented-" if release.synthetic else ""
    title = f"{mark}{area_slug(area)}-{code}-{family or 'families'}-{release.name}.{suffix}"
    if suffix == "csv":
        rows = [row for _entity, row in sides.rows_of(release, area, code, family)]
        return sent(request, as_csv(rows), "csv", title)
    narrow = _SIZES.get(size or "", False)
    if suffix == "json":
        return _explored(request, sides.specification(
            release, area, code, family, narrow=narrow, bare=size is not None))  # fmt: skip
    svg = sides.drawn(release, area, code, family, narrow=narrow, bare=size is not None)
    place = sides.size(release, area, code, family, narrow=narrow) if size else None
    return _drawn(request, svg, suffix, place, title)


def _explored(request: Any, body: bytes | None) -> HttpResponse:
    if body is None:
        raise Http404(_("Too few numbers of this figure can be shown to draw it."))
    return sent(request, body, "json", None)


def _drawn(
    request: Any, svg: str | None, suffix: str, place: tuple[int, int] | None, title: str
) -> HttpResponse:  # fmt: skip
    if svg is None:
        raise Http404(_("Too few numbers of this figure can be shown to draw it."))
    if suffix == "png":
        return sent(request, pictures.png(svg), "png", title)
    if place is None:
        return sent(request, svg.encode(), "svg", title)
    response = sent(request, pictures.for_page(svg, place).encode(), "svg", None)
    response.headers["Content-Security-Policy"] = pictures.PICTURE_POLICY
    return response
