"""The operations of the interface. Each reads; none writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from ninja import NinjaAPI
from ninja.errors import Throttled, ValidationError
from ninja.throttling import AnonRateThrottle

from rarecare.codes import default_list
from rarecare.errors import FileError, RarecareError
from rarecare.portal.api import answering, described
from rarecare.portal.api.asking import Question, columns_of, values_of
from rarecare.portal.api.refused import RefusedError, problem
from rarecare.portal.directory import standing
from rarecare.portal.directory.models import Kind
from rarecare.portal.directory.search import find
from rarecare.portal.opened import Entity, OpenedRelease
from rarecare.portal.releases import store
from rarecare.study import schema
from rarecare.study.release import MANIFEST

RATE = "600/m"
"""Requests of one address a minute, in each process."""

throttle = AnonRateThrottle(RATE)
api = NinjaAPI(
    title="Rarecare",
    version="1.0.0",
    description=(
        "Rare cancers: estimates of a release with their intervals, the list of cancers, the "
        "quality of the data, and the public directory. Read only, without an account. "
        "The list is derived and unofficial. A synthetic release is invented."
    ),
    docs_url=None,
    throttle=throttle,
)
_OTHERS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_ENTITY = {
    "type": "object",
    "required": ["entity_id", "name"],
    "properties": {"entity_id": {"type": "string"}, "name": {"type": "string"}},
}
_ANY: dict[str, Any] = {}
View = Callable[..., HttpResponse]


def reads(
    path: str, name: str, extra: dict[str, Any], tags: Sequence[str]
) -> Callable[[View], View]:
    """Make a view an operation: read it is, with its body or without; nothing else."""

    def decorate(view: View) -> View:
        words = (view.__doc__ or "").split("\n\n", maxsplit=1)[0]
        api.api_operation(
            ["GET"], path, operation_id=name, summary=words, tags=list(tags),
            openapi_extra=extra, url_name=name,
        )(view)  # fmt: skip
        api.api_operation(
            ["HEAD"], path, operation_id=f"{name}_head", include_in_schema=False
        )(view)  # fmt: skip
        api.api_operation(
            _OTHERS, path, operation_id=f"{name}_other", include_in_schema=False
        )(_only_read(path))  # fmt: skip
        return view

    return decorate


def _only_read(path: str) -> View:
    """Return the answer to a method that would write; it takes what the path holds."""
    arguments = [part.strip("{}") for part in path.split("/") if part.startswith("{")]

    def answer(request: HttpRequest, **_rest: Any) -> HttpResponse:
        raise RefusedError(
            "this can only be read", value=request.method, allowed="GET, HEAD", status=405
        )

    if arguments:
        from inspect import Parameter, Signature, signature  # noqa: PLC0415

        own = [Parameter(name.split(":")[-1], Parameter.POSITIONAL_OR_KEYWORD, annotation=str)
               for name in arguments]  # fmt: skip
        first = signature(answer).parameters["request"]
        answer.__signature__ = Signature([first, *own])  # type: ignore[attr-defined]
    return answer


# --- what is wrong ----------------------------------------------------------------------------


def told(request: HttpRequest, status: int, detail: str, parts: Any = None) -> HttpResponse:
    """Return an error as JSON."""
    del request
    response = HttpResponse(
        json.dumps(problem(status, detail, parts), ensure_ascii=False), status=status,
        content_type=answering.TYPES["problem"],
    )  # fmt: skip
    if status == 405:
        response.headers["Allow"] = "GET, HEAD"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@api.exception_handler(RefusedError)
def _refused(request: HttpRequest, error: RefusedError) -> HttpResponse:
    return told(request, error.status, str(error), error.parts)


@api.exception_handler(RarecareError)
def _wrong(request: HttpRequest, error: RarecareError) -> HttpResponse:
    return told(request, 503 if isinstance(error, FileError) else 400, str(error))


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return told(request, 400, "; ".join(str(one.get("msg")) for one in error.errors))


@api.exception_handler(Http404)
def _absent(request: HttpRequest, error: Http404) -> HttpResponse:
    said = str(error.args[0]) if error.args else f"There is nothing at {request.path}."
    return told(request, 404, said)


@api.exception_handler(Throttled)
def _throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    wait = max(1, round(error.wait or 60))
    response = told(request, 429, f"More than {RATE.removesuffix('/m')} requests in a minute. "
                    f"Wait {wait} s, or take whole tables as CSV or Parquet.")  # fmt: skip
    response.headers["Retry-After"] = str(wait)
    return response


def nothing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer an address of the interface that does not exist."""
    known = sorted(path for path in api.get_openapi_schema()["paths"] if "{" not in path)
    error = RefusedError("there is nothing at this address", value=f"/api/v1/{rest}"[:200],
                    allowed=known, status=404)  # fmt: skip
    return told(request, 404, str(error), error.parts)


# --- a release --------------------------------------------------------------------------------


def _current() -> OpenedRelease:
    return store().current()


def _nothing_asked(request: HttpRequest) -> None:
    """Refuse parameters where there are none."""
    for name in request.GET:
        raise RefusedError(
            "this cannot be asked for more", value=name[:200], allowed="no parameters"
        )


@reads("/release", "release", described.of_one({
    "hash": {"type": "string"}, "study": {"type": "object"}, "created": {"type": "string"},
    "schema_version": {"type": "integer"}, "manifest": {"type": "string"},
    "files": {"type": "object"}, "tables": {"type": "array", "items": {"type": "string"}},
    "provenance": {"type": "object"},
}), ["release"])  # fmt: skip
def release(request: HttpRequest) -> HttpResponse:
    """Give the release shown: study, period, choices, inputs with their hashes, files."""
    _nothing_asked(request)
    opened = _current()
    manifest = opened.manifest
    base = f"/api/v1/releases/{opened.name}/"
    left = ("files", "study", "created", "schema_version", "models")
    return answering.one(request, opened, {
        "hash": opened.hash, "study": manifest["study"], "created": manifest["created"],
        "schema_version": manifest["schema_version"], "manifest": base + MANIFEST,
        "files": {name: {"address": base + name, "sha256": digest}
                  for name, digest in manifest["files"].items()},
        "tables": list(schema.TABLES),
        "provenance": {name: value for name, value in manifest.items() if name not in left},
    })  # fmt: skip


@reads("/release/manifest.json", "current_manifest", {
    "responses": {302: {"description": "The manifest of the current release, by its name."},
                  **described.errors(400, 429)},
}, ["release"])  # fmt: skip
def current_manifest(request: HttpRequest) -> HttpResponse:
    """Lead to the manifest of the current release, by its name; files beside it stay its own."""
    _nothing_asked(request)
    response = HttpResponseRedirect(f"/api/v1/releases/{_current().name}/{MANIFEST}")
    response.headers["Cache-Control"] = "no-cache"
    return response


@reads("/releases/{name}/{path:file}", "release_file", {
    "responses": {200: {"description": "The file, byte for byte as its hash says.",
                        "content": {"application/octet-stream": {}, "application/json": {},
                                    "text/html": {}}},
                  304: {"description": "The file you have is still good (If-None-Match)."},
                  **described.errors(400, 404, 429)},
}, ["release"])  # fmt: skip
def release_file(request: HttpRequest, name: str, file: str) -> HttpResponse:
    """Give a file of a release: manifest.json, its tables in Parquet, its models, its report."""
    _nothing_asked(request)
    current = _current()
    opened = store().named(name)
    if opened is None:
        raise RefusedError("this release is not kept here", value=name[:200],
                           allowed=[current.name], status=404)  # fmt: skip
    files = [MANIFEST, *opened.manifest["files"]]
    if file not in files:
        raise RefusedError(
            "the release has no such file", value=file[:200], allowed=files, status=404
        )
    assert opened.release.folder is not None
    body = (opened.release.folder / file).read_bytes()
    suffix = file.rpartition(".")[2]
    kind = {"json": answering.TYPES["json"], "html": "text/html; charset=utf-8"}
    mark = "invented-" if opened.synthetic else ""
    return answering.sent(
        request, body, kind.get(suffix, "application/octet-stream"),
        tag=answering.tag_of_body(body), synthetic=opened.synthetic, pinned=True,
        name=f"{mark}{opened.name}-{file.rpartition('/')[2]}",
    )  # fmt: skip


# --- tables -----------------------------------------------------------------------------------


def _of_table(table: str) -> View:
    def answer(request: HttpRequest) -> HttpResponse:
        opened = _current()
        return answering.table(request, opened, Question.of(opened, table, request.GET))

    answer.__name__ = table
    answer.__doc__ = f"Give rows of {table}.parquet of the release, filtered by their columns."
    return answer


for _table in schema.TABLES:
    reads(f"/{_table}", _table, described.of_table(_table), ["tables"])(_of_table(_table))


@reads("/values/{table}", "values", described.of_one(
    {"table": {"type": "string"}, "values": {"type": "object"}}, not_found=True
), ["tables"])  # fmt: skip
def values(request: HttpRequest, table: str) -> HttpResponse:
    """Say what each column of a table can be asked for."""
    _nothing_asked(request)
    if table not in schema.TABLES:
        raise RefusedError("the release has no such table", value=table[:200],
                      allowed=list(schema.TABLES), status=404)  # fmt: skip
    opened = _current()
    found = {name: list(values_of(opened, table, name)) for name in columns_of(table)}
    return answering.one(request, opened, {"table": table, "values": found})


@reads("/entities/{entity_id}", "entity", described.of_one({
    "entity": {"type": "object"}, "above": {"type": "array", "items": _ENTITY},
    "below": {"type": "array", "items": _ENTITY}, "rules": {"type": "array"},
    "statement": {"type": ["string", "null"]}, "page": {"type": "string"},
    "estimates": {"type": "string"},
}, not_found=True), ["entities"])  # fmt: skip
def entity(request: HttpRequest, entity_id: str) -> HttpResponse:
    """Give a cancer of the list: what it belongs to, what lies below it, its rules in ICD-O-3."""
    _nothing_asked(request)
    opened = _current()
    one = opened.entities.get(entity_id)
    if one is None:
        raise RefusedError("the list of this release has no such cancer", value=entity_id[:200],
                      allowed=list(opened.entities), status=404)  # fmt: skip
    listed = default_list()
    known = opened.manifest["list_sha256"] == listed.hash
    rules = listed.rules.filter(entity_id=entity_id).to_dicts() if known else []
    return answering.one(request, opened, {
        "entity": {name: getattr(one, name) for name in schema.ENTITIES},
        "above": [_named(each) for each in opened.line(one)],
        "below": [_named(each) for each in opened.children.get(entity_id, [])],
        "rules": rules, "statement": listed.statement if known else None,
        "page": f"/r/{opened.name}/cancers/{one.slug}/",
        "estimates": f"/api/v1/estimates?entity_id={entity_id}",
    })  # fmt: skip


def _named(one: Entity) -> dict[str, str]:
    return {"entity_id": one.entity_id, "name": one.name}


@reads("/classification", "classification", {
    "parameters": [
        {"name": "topography", "in": "query", "required": True, "schema": {"type": "string"},
         "description": "Site in ICD-O-3.", "example": "C40.2"},
        {"name": "morphology", "in": "query", "required": True, "schema": {"type": "string"},
         "description": "Histology and behaviour in ICD-O-3.", "example": "9180/3"},
        {"name": "sex", "in": "query", "required": False,
         "schema": {"type": "string", "enum": ["male", "female"]},
         "description": "It decides carcinoma of the breast."},
    ],
    **described.of_one({
        "topography": {"type": "string"}, "morphology": {"type": "integer"},
        "behaviour": {"type": "integer"}, "family": {"type": ["string", "null"]},
        "tier1": {"type": ["object", "null"]}, "tier2": {"type": ["object", "null"]},
        "rare": {"type": ["boolean", "null"]}, "rule": {"type": ["object", "null"]},
        "confidence": {"type": ["string", "null"]}, "reason": {"type": ["string", "null"]},
        "nearest": {"type": "array"}, "words": {"type": "string"}, "statement": {"type": "string"},
    }),
}, ["classification"])  # fmt: skip
def classification(request: HttpRequest) -> HttpResponse:
    """Explain where a pair of ICD-O-3 codes falls, by which rule, and how sure that is.

    By the list of this program; ``version`` names it.
    """
    names = ("topography", "morphology", "sex")
    given: dict[str, str | None] = dict.fromkeys(names)
    for name in request.GET:
        if name not in names:
            raise RefusedError(
                "a pair of codes is not asked for this", value=name[:200], allowed=names
            )
        asked = request.GET.getlist(name)
        if len(asked) > 1:
            raise RefusedError(f"{name} is given twice", value=", ".join(asked)[:200],
                          allowed="one value")  # fmt: skip
        given[name] = asked[0][:200]
    topography, morphology = given["topography"], given["morphology"]
    if not topography or not morphology:
        raise RefusedError("a code is missing", allowed="topography and morphology",
                      remedy="Ask for instance ?topography=C40.2&morphology=9180/3.")  # fmt: skip
    found = default_list().explain(topography, morphology, sex=given["sex"])
    return answering.one(request, _current(), asdict(found) | {"words": str(found)})


# --- directory --------------------------------------------------------------------------------

_PUBLIC = ("slug", "kind", "name", "about", "country", "city", "address", "latitude", "longitude",
           "website", "email", "telephone", "languages", "referrals", "invented")  # fmt: skip


@reads("/directory", "directory", {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"},
         "description": words}
        for name, words in (
            ("kind", f"What it is: {', '.join(Kind.values)}."),
            ("country", "Its country by two letters."),
            ("entity_id", "A cancer: organisations for it, what it belongs to, or a part of it."),
            ("q", "Words of its name, place or description."),
        )
    ],
    **described.of_one({"total": {"type": "integer"},
                        "organisations": {"type": "array", "items": {"type": "object"}}}),
}, ["directory"])  # fmt: skip
def directory(request: HttpRequest) -> HttpResponse:
    """Give centres, patient organisations, registries and research groups that are shown.

    With designations in force; contacts are those of organisations, never of persons.
    """
    names = ("kind", "country", "entity_id", "q")
    given = dict.fromkeys(names, "")
    for name in request.GET:
        if name not in names:
            raise RefusedError(
                "the directory cannot be asked for this", value=name[:200], allowed=names
            )
        given[name] = request.GET[name][:200]
    _known("kind", given["kind"], Kind.values)
    shown = standing.shown_organisations()
    _known("country", given["country"], sorted(set(shown.values_list("country", flat=True))))
    opened = _current()
    _known("entity_id", given["entity_id"], list(opened.entities))
    found = find(shown, words=given["q"], kind=given["kind"], country=given["country"],
                 entity=given["entity_id"])  # fmt: skip
    standings = standing.standings(timezone.localdate())
    rows = [
        {name: getattr(each.organisation, name) for name in _PUBLIC}
        | {"cancers": [one.entity_id for one in each.organisation.coverage.all()],
           "updated": each.organisation.updated.isoformat(),
           "designations": [
               {name: str(row[name]) for name in ("criteria", "decided", "expires") if name in row}
               for row in standing.in_force(standings.get(each.organisation.name, []))]}
        for each in found
    ]  # fmt: skip
    body = json.dumps(answering.about(opened) | {"total": len(rows), "organisations": rows},
                      ensure_ascii=False, default=str).encode()  # fmt: skip
    return answering.sent(request, body, answering.TYPES["json"],
                          tag=answering.tag_of_body(body), synthetic=opened.synthetic)  # fmt: skip


def _known(name: str, value: str, allowed: Sequence[str]) -> None:
    if value and value not in allowed:
        raise RefusedError(f"the directory has no such {name}", value=value, allowed=allowed)
