"""The static edition: read without a server and without a script, every link leads somewhere."""

import json
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import rarecare
from rarecare.errors import UsageError
from rarecare.portal.numbers import rate
from rarecare.portal.publish import MARK, broken_links, write_site
from rarecare.portal.static_pages import Address, Page
from rarecare.study.release import open_release


@pytest.fixture
def site(portal, tmp_path):
    """An edition in two languages, of one cancer."""
    return write_site(tmp_path / "site", languages=["en", "sl"], cancers=["08.02"])


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags_of(path):
    parser = _Tags()
    parser.feed(path.read_text("utf-8"))
    return parser.found


def test_an_edition(site, opened, portal):
    # one test for all that an edition must be: it takes its time to write
    sheet = site / "en/cancers/08.02-bone-sarcoma/index.html"
    pages = [path for path in site.rglob("*.html") if "api" not in path.parts]
    assert len(pages) > 60
    assert broken_links(site) == []

    # no script, no form, no address that begins at a server's root
    for path in pages:
        for tag, own in tags_of(path):
            assert tag not in ("script", "form")
            assert not any(name.startswith("hx-") for name in own)
            for name in ("href", "src", "srcset"):
                assert not (own.get(name) or "").startswith("/"), (path, own)

    # each reader and the choice of survival are files of their own
    crude = opened.row("08.02", "incidence", standard="none", age_group="all", period=opened.period)
    for name in ("index", "survival-show", "for-gp", "for-oncologist", "for-researcher",
                 "for-authority"):  # fmt: skip
        text = sheet.with_name(f"{name}.html").read_text("utf-8")
        assert rate(crude["estimate"]) in text
        assert "noindex" in text  # of invented data
    assert "Pohar" not in sheet.read_text("utf-8")

    # a reader who goes on stays this reader
    gp = sheet.with_name("for-gp.html")
    own = [own["href"] for tag, own in tags_of(gp) if tag == "a" and own.get("href")]
    assert any(link.endswith("for-oncologist.html") for link in own)

    # languages, permanent addresses and the start lead on
    assert (site / "sl/cancers/08.02-bone-sarcoma/index.html").is_file()
    assert not (site / "it").exists()
    assert "url=en/index.html" in (site / "index.html").read_text("utf-8")
    kept = site / f"r/{opened.name}/cancers/08.02-bone-sarcoma/index.html"
    assert "url=../../../../en/cancers/08.02-bone-sarcoma/index.html" in kept.read_text("utf-8")

    # other cancers are named, and not linked
    tree = (site / "en/cancers/index.html").read_text("utf-8")
    assert "Head and neck" in tree
    assert not list((site / "en/cancers").glob("01*"))

    # figures and their rows
    assert (site / "en/cancers/08.02-bone-sarcoma/figures/age.csv").is_file()
    assert list((site / "en/compare/08.02-bone-sarcoma/incidence").glob("countries-*.svg"))
    told = json.loads((site / MARK).read_text("utf-8"))
    assert (told["release"], told["synthetic"]) == (opened.name, True)
    assert "Disallow: /" in (site / "robots.txt").read_text("utf-8")

    # programs open it like the portal
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        there = rarecare.open_release(f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()
    assert there.estimates.equals(open_release(opened.release.folder).estimates)

    # a broken link is seen
    (site / "en/cancers/08.02-bone-sarcoma/figures/age.csv").unlink()
    assert any(link.endswith("figures/age.csv") for link in broken_links(site))
    sheet.write_text('<a href="index.html#nowhere">x</a>', "utf-8")
    assert f"{sheet.relative_to(site).as_posix()}: index.html#nowhere" in broken_links(site)


def test_something_else_is_not_replaced(portal, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/one.txt").write_text("dear")
    with pytest.raises(UsageError, match="not a static edition"):
        write_site(tmp_path / "letters")
    assert (tmp_path / "letters/one.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"languages": ["xx"]}, "no such language"), ({"languages": []}, "no language"),
     ({"cancers": ["08.99"]}, "no such cancer")],
)  # fmt: skip
def test_what_is_not_known_is_refused(portal, tmp_path, asked, said):
    with pytest.raises(UsageError, match=said):
        write_site(tmp_path / "site", **asked)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("link", "page", "file"),
    [
        ("/en/", "/en/", "en/index.html"),
        ("?for=gp", "/en/cancers/x/", "en/cancers/x/for-gp.html"),
        ("/en/x/?survival=show&for=gp&utm=1", "/", "en/x/for-gp_survival-show.html"),
        ("../a.svg", "/en/b/", "en/a.svg"),
        ("/en/qu%C4%8Da/", "/", "en/quča/index.html"),
        ("#top", "/en/", "en/index.html"),
    ],
)
def test_files_of_addresses(link, page, file):
    assert Address.of(link, page).file == file


@pytest.mark.parametrize("link", ["https://example.org/", "mailto:a@example.org", "//x/y",
                                  "data:image/png;base64,x"])  # fmt: skip
def test_what_leads_elsewhere_stays(link):
    assert Address.of(link, "/en/") is None


def test_a_page_without_its_scripts_and_forms():
    html = (
        '<!doctype html><p hx-get="/x">A&nbsp;&amp;&#8211;<script>var a = "<p>";</script>'
        '<form action="/s"><input name="q"><b>gone</b></form><a href="/in">in</a>'
        '<a href="/out">out</a><a href="/out" download>file</a><svg viewBox="0 0 1 1"/><br>'
    )
    page = Page(lambda link: "in.html" if link == "/in" else None, "<i>names</i>")
    assert page.rewritten(html) == (
        '<!doctype html><p>A&nbsp;&amp;&#8211;<i>names</i><a href="in.html">in</a>'
        '<span>out</span><svg viewBox="0 0 1 1"/><br>'
    )
