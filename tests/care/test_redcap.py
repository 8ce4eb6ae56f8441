"""REDCap's data dictionary, the template, JSON Schema, form and documentation of a kit."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from rarecare.care.dictionary import COLUMNS as DICTIONARY_COLUMNS
from rarecare.care.dictionary_reading import kits, read_dictionary, study_kit
from rarecare.care.form import entry_form, write_form
from rarecare.care.kit_documentation import documentation, documentation_html
from rarecare.care.redcap import COLUMNS, redcap_csv, write_redcap
from rarecare.care.template import blank_template, json_schema, json_schema_text, write_template
from rarecare.errors import UsageError
from tests.reference.kit_twin import full_record, valid
from tests.reference.redcap_rules import faults

KITS = list(kits())


def lines(kit):
    return {row[COLUMNS[0]]: row for row in csv.DictReader(io.StringIO(redcap_csv(kit)))}


def test_the_columns_are_those_of_redcap():
    header = next(csv.reader(io.StringIO(redcap_csv(study_kit("core")))))
    # the header line that REDCap exports and imports
    assert ",".join(header) == (
        "Variable / Field Name,Form Name,Section Header,Field Type,Field Label,Choices, "
        "Calculations, OR Slider Labels,Field Note,Text Validation Type OR Show Slider Number,"
        "Text Validation Min,Text Validation Max,Identifier?,Branching Logic (Show field only if..."
        "),Required Field?,Custom Alignment,Question Number (surveys only),Matrix Group Name,"
        "Matrix Ranking?,Field Annotation"
    )
    assert len(header) == 18


def test_lines_by_hand():
    found = lines(study_kit("core"))
    assert next(iter(found)) == "record_id"
    surgery = found["surgery"]
    assert (surgery[COLUMNS[3]], surgery[COLUMNS[5]]) == ("radio", "0, no | 1, yes | 9, unknown")
    assert surgery[COLUMNS[12]] == "y"
    margins = found["margins"]
    assert margins["Branching Logic (Show field only if...)"] == "[surgery] = '1'"
    assert margins[COLUMNS[5]].startswith("R0, R0, no residual tumour | R1, R1, microscopic")
    assert found["date_surgery"][COLUMNS[7]] == "date_ymd"
    # 99 is unknown and above the range: REDCap gets no upper limit
    revisions = found["n_revisions"]
    assert [revisions[c] for c in COLUMNS[7:10]] == ["integer", "0", ""]
    dose = found["rt_dose"]
    assert [dose[c] for c in COLUMNS[7:10]] == ["number", "0", "150"]
    assert found["patient_id"]["Identifier?"] == "y"
    assert found["country"]["Identifier?"] == ""


@pytest.mark.parametrize("name", KITS)
def test_redcap_takes_every_line(name):
    kit = study_kit(name)
    rows = lines(kit)
    assert list(rows) == ["record_id", *kit.names]
    forms = [row["Form Name"] for row in rows.values()]
    # the lines of a form stand together
    assert len(set(forms)) == sum(a != b for a, b in zip(forms, ["", *forms], strict=False))
    for field, row in rows.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", field)
        assert "__" not in field
        assert re.fullmatch(r"[a-z][a-z0-9_]*", row["Form Name"])
        assert row["Field Type"] in ("text", "radio", "dropdown")
        choices = row[COLUMNS[5]].split(" | ") if row[COLUMNS[5]] else []
        assert bool(choices) == (row["Field Type"] != "text")
        codes = [choice.partition(", ")[0] for choice in choices]
        assert all(re.fullmatch(r"\w+", code) for code in codes)
        assert row[COLUMNS[7]] in ("", "date_ymd", "integer", "number")
        logic = row["Branching Logic (Show field only if...)"]
        assert logic.count("(") == logic.count(")")
        for other, code in re.findall(r"\[(\w+)\] = '(\w+)'", logic):
            assert f"{code}, " in rows[other][COLUMNS[5]]


@pytest.mark.parametrize("name", KITS)
def test_redcaps_own_rules_find_no_fault(name):
    assert faults(redcap_csv(study_kit(name))) == []


@pytest.mark.parametrize(
    ("field", "column", "value", "fault"),
    [
        ("margins", 0, "Margins", "Margins: name"), ("margins", 0, "2nd_margins", "name"),
        ("margins", 0, "margins__2", "name"), ("margins", 0, "a" * 101, "name"),
        ("margins", 0, "redcap_event_name", "name"), ("margins", 0, "surgery", "double surgery"),
        ("margins", 1, "Treatment form", "form"), ("margins", 1, "patient", "form in two places"),
        ("margins", 3, "select one", "type"), ("margins", 4, "", "label"),
        ("margins", 5, "", "choices"), ("sex", 5, "1, male | 1, female", "codes"),
        ("sex", 5, "1 male | 2, female", "labels of choices"),
        ("sex", 5, "male (m), male | f, female", "codes"),
        ("n_revisions", 7, "whole", "validation"), ("margins", 7, "integer", "validation"),
        ("n_revisions", 8, "few", "range"), ("rt_dose", 8, "200", "range"),
        ("hospital_surgery", 9, "3", "range without a validation"), ("sex", 12, "yes", "flag"),
        ("margins", 11, "[surgery] = 1 and", "grammar"), ("margins", 11, "[surgery = '1'", "read"),
        ("margins", 11, "([surgery] = '1'", "grammar"),
        ("margins", 11, "[srgery] = '1'", "no field"),
        ("margins", 11, "[surgery] = '7'", "has no code 7"),
        ("margins", 11, "[margins] = 'R0'", "of itself"),
        ("record_id", 11, "[surgery] = '1'", "first field"),
    ],
)  # fmt: skip
def test_redcaps_rules_find_each_fault(field, column, value, fault):
    """The rules are tried too: a dictionary with one fault has that one named."""
    header, *rows = csv.reader(io.StringIO(redcap_csv(study_kit("core"))))
    row = next(one for one in rows if one[0] == field)
    assert row[column] != value
    row[column] = value
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    assert any(fault in found for found in faults(text.getvalue()))


def test_a_field_of_redcaps_own_name_is_refused():
    row = dict.fromkeys(DICTIONARY_COLUMNS, "") | {
        "variable": "record_id", "type": "text", "required": "optional", "grade": "D",
    }  # fmt: skip
    own = read_dictionary([study_kit("core").table(), pl.DataFrame([row])])
    with pytest.raises(UsageError, match=r"numbers its records by.*record_id"):
        redcap_csv(own)


@pytest.mark.parametrize("name", KITS)
def test_full_records_keep_the_schema(name):
    kit = study_kit(name)
    schema = json_schema(kit)
    assert json.loads(json_schema_text(kit)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    rng = np.random.default_rng(1)
    for _ in range(15):
        record = as_json(kit, full_record(kit, rng))
        assert valid(schema, record)
        broken = record | {"margins": "R9"}
        assert not valid(schema, broken)
        assert not valid(schema, record | {"marginz": "R0"})
        assert not valid(schema, {k: v for k, v in record.items() if k != "patient_id"})
        assert not valid(schema, record | {"age": 121})
        assert valid(schema, record | {"age": 999})
        assert not valid(schema, record | {"incidence_date": "2012-13-01"})
        assert valid(schema, record | {"incidence_date": "2012"})


def as_json(kit, record):
    numbers = {n: float(record[n]) for n in kit.numbers if n in record}
    return record | numbers


def test_conditions_in_the_schema():
    kit = study_kit("core")
    schema = json_schema(kit)
    record = as_json(kit, full_record(kit, np.random.default_rng(2)))
    operated = {k: v for k, v in record.items() if kit[k].condition is None} | {
        "surgery": "1", "date_surgery": "2013-01-01", "hospital_surgery": "H", "margins": "R0",
        "n_revisions": 99, "adjuvant": "0", "treated": "9", "radiotherapy": "0", "systemic": "0",
        "vital_status": "alive",
    }  # fmt: skip
    assert valid(schema, operated)
    assert not valid(schema, operated | {"margins": None})
    assert not valid(schema, {k: v for k, v in operated.items() if k != "margins"})
    # a date of revision where the number is unknown, margins where nothing was operated
    assert not valid(schema, operated | {"date_revision_1": "2013-02-01"})
    assert valid(schema, operated | {"n_revisions": 1, "date_revision_1": "2013-02-01"})
    assert not valid(schema, operated | {"surgery": "0"})


def test_files_are_written(tmp_path):
    kit = study_kit("sarcoma")
    write_template(kit, tmp_path / "sarcoma.csv")
    assert (tmp_path / "sarcoma.csv").read_text() == ",".join(kit.names) + "\n"
    write_redcap(kit, tmp_path / "redcap.csv")
    assert (tmp_path / "redcap.csv").read_bytes().decode() == redcap_csv(kit)
    write_form(kit, tmp_path / "form.html")
    assert (tmp_path / "form.html").read_text(encoding="utf-8") == entry_form(kit)
    with pytest.raises(UsageError, match="no such folder"):
        write_form(kit, tmp_path / "none" / "form.html")
    assert blank_template(kit).count("\n") == 1


class Page(HTMLParser):
    """What a page holds: labels, controls, groups, ids, addresses."""

    def __init__(self, text):
        super().__init__()
        self.labels, self.controls, self.ids, self.addresses = [], [], [], []
        self.legends, self.described, self.open, self.script, self.inside = 0, [], [], "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.inside = tag
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("src", "href", "action"):
            if name in given:
                self.addresses.append(given[name])
        if "aria-describedby" in given:
            self.described += given["aria-describedby"].split()
        if tag == "label":
            self.open.append(tag)
            self.labels.append(given.get("for"))
        if tag in ("input", "select"):
            self.controls.append((given, bool(self.open)))
        self.legends += tag == "legend"

    def handle_endtag(self, tag):
        if tag == "label":
            self.open.pop()
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.script += data


@pytest.mark.parametrize("name", KITS)
def test_the_form_asks_for_every_variable_and_labels_it(name):
    kit = study_kit(name)
    text = entry_form(kit)
    assert text == entry_form(kit)
    page = Page(text)
    assert list(dict.fromkeys(given["name"] for given, _ in page.controls)) == list(kit.names)
    for given, within in page.controls:
        assert within or given["id"] in page.labels
    assert len(page.ids) == len(set(page.ids))
    assert set(page.described) <= set(page.ids)
    choices = [v for v in kit.variables if v.codes and v.type in ("code", "yesno")]
    radios = [v for v in choices if len(v.codes) <= 5]
    assert page.legends == len(kit.sections) + len(radios)
    for v in radios:
        own = [given["value"] for given, _ in page.controls if given["name"] == v.name]
        assert own == list(v.codes)
    required = [v for v in kit.variables if v.need == "required"]
    assert text.count('<span class="need ">required</span>') == len(required)


def test_the_form_needs_no_network():
    page = Page(entry_form(study_kit("head_neck")))
    assert all(address.startswith("#") for address in page.addresses)
    text = entry_form(study_kit("core"))
    assert "default-src 'none'" in text
    assert not re.findall(r"https?://|@import|fetch\(|XMLHttp|WebSocket|sendBeacon", text)


def test_the_form_knows_the_rules():
    kit = study_kit("core")
    text = entry_form(kit)
    data = json.loads(re.search(r'id="kit">(.*?)</script>', text, re.S).group(1))
    assert [v["name"] for v in data["variables"]] == list(kit.names)
    assert ["birth_date", "incidence_date", []] in data["pairs"]
    margins = next(v for v in data["variables"] if v["name"] == "margins")
    assert margins["condition"] == [[["surgery", "=", ["1"]]]]


def test_words_of_a_dictionary_are_no_markup():
    rows = study_kit("core").table().to_dicts()
    rows[4]["label"] = "Sex </script><b>&"
    kit = read_dictionary(pl.DataFrame(rows))
    for text in (entry_form(kit), documentation_html(kit)):
        assert "</script><b>" not in text
        assert "Sex &lt;/script&gt;&lt;b&gt;&amp;" in text


@pytest.mark.parametrize("name", KITS)
def test_the_document_has_every_variable_with_its_source(name):
    kit = study_kit(name)
    text, page = documentation(kit), documentation_html(kit)
    for v in kit.variables:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{v.name}` |"))
        assert row.replace("\\|", "").count("|") == 6
        assert f"{v.grade}: {v.source}" in row
        assert f"<code>{v.name}</code>" in page
    assert f"version {kit.version}" in text
    assert "Date of first treatment is not before: date of pathological confirmation." in text
