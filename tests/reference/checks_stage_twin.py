"""The checks of TNM, stage and treatment, and of what is missing, in plain Python.

Each is a function of a dict; None anywhere it needs a value raises, which counts as "cannot tell".
T, N and M are read letter by letter, not by the package's numbers.
"""

from tests.reference import stage_twin

SIDES = {part: (f"tnm_c{part}", f"tnm_p{part}") for part in "tnm"}
TNM_STAGES = {"S", "cIS", "paS", "cpS", "coS", "esS"}
TREATED = (
    *("surgery", "radiotherapy", "chemotherapy", "targeted", "immunotherapy", "hormonal"),
    *("other", "stem_cell"),
)
FIRST_YEARS = {4: 1987, 5: 1997, 6: 2002, 7: 2009, 8: 2016}
MOST_NODES = {
    ("C18", 7): 2, ("C18", 8): 2, ("C64", 7): 1, ("C64", 8): 1, ("C25", 7): 1, ("C25", 8): 2,
    ("C56", 7): 1, ("C56", 8): 1,
}  # fmt: skip
MOST_T = {("C56", 7): 3, ("C56", 8): 3}


def code(record, name):
    """The code without prefixes and part letter: "T1a" and "pT1a" are "1a"; None is unknown."""
    text = record[name]
    if text is None:
        return None
    text = text.strip().lower()
    while text and text[0] in "cpyr" and text != "c":
        text = text[1:]
    text = text.removeprefix(name[-1])
    return None if text in ("x", "9") else text


def digit(record, name):
    text = code(record, name)
    return int(text[0]) if text and text[0].isdigit() and valid(name[-1], text) else None


def valid(part, text):
    tops = {"t": "01234", "n": "0123", "m": "01"}
    if text in ("is", "a") and part == "t":
        return True
    if not text or text[0] not in tops[part]:
        return False
    letter = text[1:]
    if text[0] == "0":
        return letter == ""
    allowed = {"t": ("", *"abcde", "mi", "mic"), "n": ("", *"abcd", "mi"), "m": ("", *"abcde")}
    return letter in allowed[part]


def invalid(part):
    def rule(record):
        texts = [code(record, name) for name in SIDES[part]]
        return any(text is not None and not valid(part, text) for text in texts)

    return rule


def either(record, part, digits):
    return any(digit(record, name) in digits for name in SIDES[part])


def site(record):
    return int(record["topography"][1:3])


def any_tnm(record):
    return any(record[name] is not None for names in SIDES.values() for name in names)


def certain(*conditions):
    """Whether one of the conditions holds; one that cannot be told does not."""
    for holds in conditions:
        try:
            if holds():
                return True
        except (TypeError, ValueError):
            continue
    return False


def not_applicable(record):
    return any_tnm(record) and certain(
        lambda: record["morphology"] + 0 >= 9590,
        lambda: site(record) in {42, 70, 71, 72, 76, 77, 80},
    )


def m1_stage(record):
    if not (record["stage_type"] in TNM_STAGES and 0 <= record["stage_code"] <= 3):
        return False
    if not either(record, "m", {1}) or site(record) in {58, 62}:
        return False
    if site(record) != 73:
        return True
    m, age = record["morphology"], record["age"]
    young = None if age is None else age < 55
    papillary = None if m is None else m == 8050 or 8260 <= m <= 8263 or 8290 <= m <= 8350
    return young is False or papillary is False


def stage_in_situ(record):
    return certain(
        lambda: record["behaviour"] == 2 and record["stage_code"] >= 1,
        lambda: (
            record["behaviour"] == 3
            and record["stage_code"] == 0
            and site(record) not in {65, 66, 67, 68}
        ),
    )


def lymphoma(m):
    return (
        9590 <= m <= 9729 or 9735 <= m <= 9738 or 9811 <= m <= 9819 or m in {9761, 9823, 9827, 9837}
    )


def stage_of_known(record):
    """Of carcinomas whose T, N and M are known on one side alone; others are not judged here."""
    if record["stage_type"] not in {"S", "cIS", "cpS"}:
        return False
    texts = {part: code(record, f"tnm_c{part}") for part in "tnm"}
    named = {"C18": "colon and rectum", "C64": "kidney", "C56": "ovary", "C25": "pancreas"}
    name = named[record["topography"][:3]]
    if texts["m"] != "0" or not all(valid(part, texts[part]) for part in "tn"):
        return False
    possible = stage_twin.stages(name, record["tnm_edition"] + 0, texts["t"], texts["n"])
    return bool(possible) and record["stage_code"] + 0 not in possible


def beyond(record):
    place = record["topography"][:3], record["tnm_edition"] + 0
    return any(
        (digit(record, name) or 0) > most.get(place, 4)
        for part, most in (("t", MOST_T), ("n", MOST_NODES))
        for name in SIDES[part]
    )


RULES = {
    "t-invalid": invalid("t"),
    "n-invalid": invalid("n"),
    "m-invalid": invalid("m"),
    "m-edition": lambda r: (
        r["tnm_edition"] + 0 < 8 and any(code(r, name) in ("1d", "1e") for name in SIDES["m"])
    ),
    "tnm-edition-year": lambda r: r["incidence_date"].year < FIRST_YEARS[r["tnm_edition"] + 0],
    "tnm-no-edition": lambda r: r["tnm_edition"] is None and any_tnm(r),
    "tnm-not-applicable": not_applicable,
    "tnm-in-situ": lambda r: (
        r["behaviour"] + 0 == 3 and code(r, "tnm_pt") == "is" and site(r) not in {65, 66, 67, 68}
    ),
    "in-situ-spread": lambda r: (
        r["behaviour"] + 0 == 2
        and (either(r, "t", {1, 2, 3, 4}) or either(r, "n", {1, 2, 3}) or either(r, "m", {1}))
    ),
    "m1-stage": m1_stage,
    "stage-in-situ": stage_in_situ,
    "stage-without-system": lambda r: r["stage_type"] is None and r["stage_code"] is not None,
    "ann-arbor": lambda r: r["stage_type"] == "A" and not lymphoma(r["morphology"] + 0),
    "figo": lambda r: (
        r["stage_type"] == "F"
        and not (51 <= site(r) <= 58 or r["topography"] in ("C48.1", "C48.2"))
    ),
    "dukes": lambda r: r["stage_type"] == "D" and site(r) not in {18, 19, 20},
    "toronto": lambda r: r["stage_type"] in ("T1", "T2") and r["age"] + 0 >= 20,
    "no-surgery-pathological": lambda r: (
        r["treatment_surgery"] == 0 and (r["tnm_pt"] is not None or r["tnm_pn"] is not None)
    ),
    "stem-cell-solid": lambda r: (
        r["treatment_stem_cell"] == 1 and r["morphology"] + 0 < 9590 and r["age"] + 0 >= 20
    ),
    "hormones-site": lambda r: r["treatment_hormonal"] == 1 and site(r) not in {50, 54, 61, 73},
    "dco-treated": lambda r: (
        r["basis_of_diagnosis"] == 0 and any((r[f"treatment_{name}"] or 0) >= 1 for name in TREATED)
    ),
    "follow-up-negative": lambda r: r["follow_up_days"] + 0 < 0,
    "autopsy-follow-up": lambda r: r["autopsy"] == 1 and r["follow_up_days_given"] + 0 != 0,
    "prostate-young": lambda r: (
        r["age"] + 0 < 40 and site(r) == 61 and not 8140 <= r["morphology"] + 0 <= 8149
    ),
    **{
        f"missing-{name.replace('_', '-')}": lambda r, name=name: r[name] is None
        for name in (
            *("patient_id", "tumour_id", "sex", "birth_date", "incidence_date", "age"),
            *("basis_of_diagnosis", "topography", "morphology", "behaviour", "autopsy"),
            *("vital_status", "last_date", "follow_up_days"),
        )
    },
}
"""Code: whether a record breaks it."""

OF_SOME_SITES = {"stage-tnm": stage_of_known, "tnm-site-edition": beyond}
"""Judged only for carcinomas of colon, kidney, ovary and pancreas, editions 7 and 8."""


def breaks(record, rules):
    """Codes of the rules that the record breaks."""
    broken = set()
    for name, rule in rules.items():
        try:
            if rule(record):
                broken.add(name)
        except (TypeError, AttributeError, KeyError):
            continue
    return broken
