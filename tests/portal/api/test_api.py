"""The interface for programs: its numbers are the release's, and its refusals help."""

import gzip
import io
import json
from urllib.error import HTTPError

import polars as pl
import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.test import Client

import rarecare
from rarecare.portal.api.asking import Question
from rarecare.portal.api.refused import RefusedError
from rarecare.portal.api.views import api, throttle
from rarecare.portal.directory.models import Organisation
from rarecare.study import schema
from rarecare.study.release import MANIFEST, open_release
from tests.portal.actors import organisation

API = "/api/v1"


@pytest.fixture(autouse=True)
def _no_visits_before():
    cache.clear()
    yield
    cache.clear()


def read(visitor, address, status=200):
    response = visitor.get(f"{API}{address}")
    assert response.status_code == status, response.content[:300]
    return json.loads(response.content)


def test_estimates_are_the_releases_rows(visitor, opened):
    found = read(visitor, "/estimates?measure=incidence&entity_id=08&area=IT&per_page=1000")
    own = opened.release.estimates.filter(measure="incidence", entity_id="08", area="IT")
    assert own.height > 1
    assert found["total"] == own.height == len(found["rows"])
    assert pl.DataFrame(found["rows"], schema=schema.ESTIMATES).equals(own)
    assert (found["release"], found["synthetic"]) == (opened.name, True)


def test_pages_put_together_are_the_whole(visitor, opened):
    rows, address = [], "/estimates?within=08.02&area=all&measure=incidence&per_page=7"
    while address:
        page = read(visitor, address)
        rows += page["rows"]
        address = page["next"] and page["next"].removeprefix(API)
    within = [one for one in opened.entities if one == "08.02" or one.startswith("08.02.")]
    own = opened.release.estimates.filter(
        pl.col("entity_id").is_in(within), measure="incidence", area="all"
    )
    assert own.height > 14
    assert pl.DataFrame(rows, schema=schema.ESTIMATES).equals(own)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_hold_all_rows(visitor, opened, kind):
    response = visitor.get(f"{API}/estimates?measure=incidence&area=SI&sex=all&format={kind}")
    own = opened.release.estimates.filter(measure="incidence", area="SI", sex="all")
    body = io.BytesIO(response.content)
    found = pl.read_csv(body, schema=schema.ESTIMATES) if kind == "csv" else pl.read_parquet(body)
    assert own.height > 100
    assert found.equals(own)
    assert response["content-disposition"].startswith('attachment; filename="invented-estimates-')


def test_a_time_is_asked_as_a_number(visitor):
    found = read(visitor, "/estimates?measure=net+survival&time_years=5&area=all&per_page=5")
    assert found["total"] > 0
    assert {row["time_years"] for row in found["rows"]} == {5.0}


def test_values_may_stand_several_times(visitor, opened):
    found = read(visitor, "/estimates?area=SI&area=MT&measure=prevalence&per_page=1")
    own = opened.release.estimates.filter(pl.col("area").is_in(["SI", "MT"]), measure="prevalence")
    assert found["total"] == own.height


@pytest.mark.parametrize("table", [name for name in schema.TABLES if name != "estimates"])
def test_every_table_is_there_and_says_that_it_is_invented(visitor, opened, table):
    found = read(visitor, f"/{table}?per_page=1000")
    assert found["total"] == opened.release.tables[table].height
    assert all(row["synthetic"] for row in found["rows"])


@pytest.mark.parametrize(
    ("address", "status", "said", "nearest"),
    [
        ("/estimates?measur=incidence", 400, "cannot be asked for this", "measure"),
        ("/estimates?measure=incidense", 400, "no such measure", "incidence"),
        ("/estimates?area=XX", 400, "no such area", None),
        ("/estimates?within=08.99", 400, "no such cancer", None),
        ("/estimates?page=0", 400, "page is not understood", None),
        ("/estimates?page=-1", 400, "page is not understood", None),
        ("/estimates?page=two", 400, "page is not understood", None),
        ("/estimates?page=99999999", 404, "no such page", None),
        ("/estimates?page=1&page=2", 400, "not given once", None),
        ("/estimates?format=", 400, "not given once", None),
        ("/estimates?per_page=1001", 400, "per_page is not understood", None),
        ("/estimates?format=xlsx", 400, "no such format", None),
        ("/estimates?area=%00%ff", 400, "no such area", None),
        ("/entities/08.0x", 404, "no such cancer", None),
        ("/values/estimate", 404, "no such table", "estimates"),
        ("/classification?topography=C40.2", 400, "a code is missing", None),
        ("/classification?topography=C99.2&morphology=9180/3", 400, "not an ICD-O-3 site", None),
        ("/classification?topography=C40.2&morphology=9180/3&sex=x", 400, "sex", None),
        ("/directory?kind=hospital", 400, "no such kind", None),
        ("/releases/other/manifest.json", 404, "not kept here", None),
        ("/nothing", 404, "nothing at this address", None),
        ("/release?x=1", 400, "cannot be asked for more", None),
    ],
)
def test_what_is_wrong_is_said(visitor, address, status, said, nearest):
    response = visitor.get(f"{API}{address}")
    problem = json.loads(response.content)
    assert (response.status_code, response["content-type"]) == (status, "application/problem+json")
    assert problem["status"] == status
    assert said in problem["detail"]
    assert nearest is None or problem["nearest"] == nearest


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_can_only_be_read(visitor, method):
    response = getattr(Client(enforce_csrf_checks=True), method)(f"{API}/estimates")
    assert response.status_code == 405
    assert response["allow"] == "GET, HEAD"
    assert json.loads(response.content)["allowed"] == "GET, HEAD"


def test_what_has_not_changed_is_not_sent_again(visitor):
    first = visitor.get(f"{API}/quality")
    again = visitor.get(f"{API}/quality", headers={"if-none-match": first["etag"]})
    other = visitor.get(f"{API}/quality?registry=SI", headers={"if-none-match": first["etag"]})
    assert (again.status_code, again.content, again["etag"]) == (304, b"", first["etag"])
    assert other.status_code == 200


def test_a_head_is_the_answer_without_its_body(visitor):
    assert visitor.head(f"{API}/quality")["etag"] == visitor.get(f"{API}/quality")["etag"]


def test_long_answers_are_compressed(visitor):
    plain = visitor.get(f"{API}/quality")
    small = visitor.get(f"{API}/quality", headers={"accept-encoding": "gzip"})
    assert small["content-encoding"] == "gzip"
    assert gzip.decompress(small.content) == plain.content


def test_too_many_requests_are_told_to_wait(visitor, monkeypatch):
    monkeypatch.setattr(throttle, "num_requests", 2)
    answers = [visitor.get(f"{API}/release") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1]["retry-after"]) <= 60
    assert json.loads(answers[-1].content)["title"] == "Too many requests"


def test_a_stranger_cannot_pass_for_others(visitor, monkeypatch):
    monkeypatch.setattr(throttle, "num_requests", 1)
    codes = [
        visitor.get(f"{API}/release", headers={"x-forwarded-for": f"10.0.0.{k}"}).status_code
        for k in range(2)
    ]
    assert codes == [200, 429]


def test_a_file_too_large_is_refused(visitor, monkeypatch):
    monkeypatch.setattr("rarecare.portal.api.answering.MOST_ROWS", 10)
    found = read(visitor, "/estimates?format=csv", 413)
    assert "estimates.parquet" in found["remedy"]


def test_a_pair_of_codes_is_explained(visitor):
    found = read(visitor, "/classification?topography=C40.2&morphology=9180/3")
    assert found["tier2"] == {"entity_id": "08.02.01", "name": found["tier2"]["name"]}
    assert found["rule"]["entity"]["entity_id"] == "08.02.01"
    assert found["confidence"] == "derived"
    assert "rules.csv, line" in found["words"]


def test_a_cancer_with_what_is_above_and_below(visitor, opened):
    found = read(visitor, "/entities/08.02")
    assert [one["entity_id"] for one in found["above"]] == ["08"]
    assert [one["entity_id"] for one in found["below"]] == [
        one.entity_id for one in opened.children["08.02"]
    ]


def test_the_directory_shows_what_is_listed_and_nothing_else(visitor):
    organisation("Hospital A")
    hidden = organisation("Hospital B")
    Organisation.objects.filter(pk=hidden.pk).update(listed=False)
    found = read(visitor, "/directory")
    assert [one["name"] for one in found["organisations"]] == ["Hospital A"]
    assert found["total"] == 1


def test_files_of_a_release_are_its_files(visitor, opened):
    first = visitor.get(f"{API}/release/{MANIFEST}")
    assert first.status_code == 302
    folder = opened.release.folder
    for name in (MANIFEST, "estimates.parquet", "report.html"):
        body = visitor.get(f"{API}/releases/{opened.name}/{name}").content
        assert body == (folder / name).read_bytes()
    refused = visitor.get(f"{API}/releases/{opened.name}/../secret_key")
    assert refused.status_code == 404


def test_open_release_reads_a_portal(visitor, release_folder, monkeypatch):
    """The client against the portal itself, its requests answered without a network."""

    class Answer(io.BytesIO):
        url = ""

    def get(request, timeout):
        del timeout
        response = visitor.get(request.full_url.removeprefix("http://portal"), follow=True)
        if response.status_code == 404:
            raise HTTPError(request.full_url, 404, "Not Found", {}, None)
        answer = Answer(response.content)
        last = response.redirect_chain[-1][0] if response.redirect_chain else None
        answer.url = f"http://portal{last}" if last else request.full_url
        return answer

    monkeypatch.setattr("rarecare.study.served.urlopen", get)
    there, here = rarecare.open_release("http://portal/"), open_release(release_folder)
    assert there.manifest == here.manifest
    for name, table in here.tables.items():
        assert there.tables[name].equals(table)


def test_a_question_goes_into_an_address_and_back(opened):
    asked = Question(
        "estimates", {"area": ("SI", "MT"), "time_years": ("5",)}, "08.02", 3, 50, "csv"
    )
    assert Question.of(opened, "estimates", QueryDict(asked.query()[1:])) == asked
    with pytest.raises(RefusedError, match="no such area"):
        Question.of(opened, "estimates", QueryDict("area=SL"))


def test_the_description_names_every_operation():
    paths = api.get_openapi_schema()["paths"]
    assert {f"/api/v1/{table}" for table in schema.TABLES} < set(paths)
    names = [op["operationId"] for path in paths.values() for op in path.values()]
    assert len(names) == len(set(names))
    assert all(set(path) == {"get"} for path in paths.values())
