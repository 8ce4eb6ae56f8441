"""For each check what breaks it and its clean neighbour: as near as the rule allows."""

from datetime import date

# A woman born in May 1950, breast cancer in June 2010 at age 60, operated, alive at closing.
CLEAN = {
    "row": 2,
    "registry": "X",
    "patient_id": "p1",
    "tumour_id": "t1",
    "sex": "female",
    "birth_date": date(1950, 5, 15),
    "birth_date_precision": "month",
    "incidence_date": date(2010, 6, 15),
    "incidence_date_precision": "month",
    "age": 60,
    "age_given": 60,
    "last_date": date(2012, 12, 15),
    "last_date_given": date(2012, 12, 15),
    "last_date_precision": "month",
    "follow_up_days": 914,  # 15 June 2010 to 15 December 2012: 730 + 1 leap day + 183
    "follow_up_days_given": 914,
    "vital_status": "alive",
    "cause_of_death": None,
    "topography": "C50.4",
    "morphology": 8500,
    "behaviour": 3,
    "grade": 2,
    "basis_of_diagnosis": 7,
    "autopsy": 0,
    "region": "X1",
    "tnm_edition": 7,
    "tnm_ct": "2",
    "tnm_cn": "0",
    "tnm_cm": "0",
    "tnm_pt": "2",
    "tnm_pn": "1a",
    "tnm_pm": "0",
    "stage_type": "S",
    "stage_code": 2,
    "treatment_surgery": 3,
    "treatment_radiotherapy": 3,
    "treatment_chemotherapy": 0,
    "treatment_targeted": 0,
    "treatment_immunotherapy": 0,
    "treatment_hormonal": 1,
    "treatment_other": 0,
    "treatment_stem_cell": 0,
}

NO_STAGE = {
    **dict.fromkeys(
        ("tnm_edition", "tnm_ct", "tnm_cn", "tnm_cm", "tnm_pt", "tnm_pn", "tnm_pm", "stage_type")
    ),
    "stage_code": None,
}
NO_TREATMENT = dict.fromkeys([name for name in CLEAN if name.startswith("treatment_")], 0)
MAN = {"sex": "male"}


def tumour(site, morphology, behaviour=3, **more):
    """A tumour of another site, without stage, grade or treatment."""
    codes = {"topography": site, "morphology": morphology, "behaviour": behaviour, "grade": None}
    return {**NO_STAGE, **NO_TREATMENT, **codes, **more}


def died(month, **more):
    """A death in a month of 2010, with a cause."""
    day = date(2010, month, 15)
    days = (day - date(2010, 6, 15)).days
    return {
        **{"vital_status": "dead", "cause_of_death": "C50"},
        **{"last_date": day, "last_date_given": day},
        **{"follow_up_days": days, "follow_up_days_given": days},
        **more,
    }


def aged(age, **more):
    """Somebody of this age at incidence."""
    return {"age": age, "age_given": age, "birth_date": date(2010 - age, 5, 15), **more}


DCO = {**NO_STAGE, **NO_TREATMENT, "basis_of_diagnosis": 0, "morphology": 8000, "grade": None}
AUTOPSY = {"autopsy": 1, "basis_of_diagnosis": 7}
COLON = {"topography": "C18.7", "morphology": 8140, "treatment_hormonal": 0}


def whole(**dates):
    """Dates known to the day."""
    return {**dates, **{f"{name}_precision": "day" for name in dates}}


RECORDS = {
    # code: (what breaks it, its clean neighbour)
    "incidence-before-birth": (
        # the age goes with the dates: whoever is not born yet has none
        {"birth_date": date(2010, 7, 15), "age": None, "age_given": None},
        aged(0, birth_date=date(2010, 5, 15), **tumour("C64.9", 8960)),
    ),
    "last-before-incidence": (died(5, follow_up_days=0, follow_up_days_given=None), died(6)),
    "last-in-future": (
        {"last_date_given": date(2014, 2, 15), "follow_up_days_given": None},
        {"last_date_given": date(2012, 12, 15)},
    ),
    "last-after-closing": (
        {"last_date_given": date(2013, 1, 15), "follow_up_days_given": None},
        {"last_date_given": date(2012, 12, 15)},
    ),
    "incidence-outside-period": (
        {"incidence_date": date(2007, 6, 15), **aged(57, birth_date=date(1950, 5, 15)),
         "follow_up_days_given": None, "tnm_edition": 6},
        {"incidence_date": date(2008, 6, 15), **aged(58, birth_date=date(1950, 5, 15)),
         "follow_up_days_given": None, "tnm_edition": 6},
    ),
    "incidence-in-month-of-birth": (
        aged(0, birth_date=date(2010, 6, 15), **tumour("C64.9", 8960)),
        aged(0, birth_date=date(2010, 5, 15), **tumour("C64.9", 8960)),
    ),
    "age-dates": (
        # May 1950 to June 2010 is 60 whatever the days; 62 is two off
        {"age": 62, "age_given": 62},
        {"age": 60, "age_given": 60},
    ),
    "age-dates-by-one": (
        {"age": 61, "age_given": 61},
        # June 1950 to June 2010 is 59 or 60
        {"age": 59, "age_given": 59, "birth_date": date(1950, 6, 15)},
    ),
    "age-unknown": ({"age_given": None}, {"age_given": 60}),
    "age-above-105": (aged(106), aged(105)),
    "follow-up-negative": (
        {"follow_up_days": -1, "follow_up_days_given": None}, {"follow_up_days": 0},
    ),
    "follow-up-dates": (
        # two months known without their days: 1 + 31 + 31 days of slack
        {"follow_up_days_given": 914 + 64}, {"follow_up_days_given": 914 + 63},
    ),
    "dco-alive": (
        {**DCO, **died(6), "vital_status": "lost", "cause_of_death": None}, {**DCO, **died(6)},
    ),
    "dco-follow-up": ({**DCO, **died(6, follow_up_days_given=1)}, {**DCO, **died(6)}),
    "dco-dates": ({**DCO, **died(7, follow_up_days_given=0)}, {**DCO, **died(6)}),
    "dco-treated": (
        {**DCO, **died(6), "treatment_radiotherapy": 1},
        {**DCO, **died(6), "treatment_radiotherapy": 0},
    ),
    "autopsy-alive": (
        {**AUTOPSY, **died(6), "vital_status": "lost", "cause_of_death": None},
        {**AUTOPSY, **died(6)},
    ),
    "autopsy-follow-up": ({**AUTOPSY, **died(6, follow_up_days_given=3)}, {**AUTOPSY, **died(6)}),
    "autopsy-basis": (
        {**AUTOPSY, **died(6), "basis_of_diagnosis": 5},
        {**AUTOPSY, **died(6), "basis_of_diagnosis": 6},
    ),
    "alive-with-cause": ({"cause_of_death": "C50"}, {"cause_of_death": None}),
    "alive-before-closing": (
        {"last_date_given": date(2012, 11, 15), "follow_up_days_given": None},
        {"last_date_given": date(2012, 12, 15)},
    ),
    "topography-invalid": ({"topography": "C50.7"}, {"topography": "C50.6"}),
    "morphology-invalid": ({"morphology": 8499}, {"morphology": 8500}),
    "behaviour-not-listed": (
        tumour("C50.4", 8500, 1), tumour("C50.4", 8500, 2),
    ),
    "behaviour-not-primary": (
        tumour("C48.2", 8490, 6), tumour("C48.2", 8480, 6),
    ),
    "sex-site": (MAN | tumour("C53.9", 8070), tumour("C53.9", 8070)),
    "sex-morphology": (
        # a granulosa cell tumour occurs in the testis, a struma ovarii does not
        MAN | tumour("C62.9", 9090, 3), MAN | tumour("C62.9", 8620, 1),
    ),
    "site-morphology": (tumour("C34.1", 8170), tumour("C22.0", 8170)),
    "behaviour-site": (tumour("C71.9", 8000, 2), tumour("C53.9", 8070, 2)),
    "behaviour-morphology": (tumour("C16.9", 9680, 2), tumour("C16.9", 9680, 3)),
    "basis-morphology": (
        tumour("C50.4", 8500, basis_of_diagnosis=2), tumour("C50.4", 8000, basis_of_diagnosis=2),
    ),
    "marker-morphology": (
        tumour("C18.7", 8140, basis_of_diagnosis=4),
        MAN | tumour("C61.9", 8140, basis_of_diagnosis=4),
    ),
    "age-site": (
        MAN | aged(19, **tumour("C15.4", 8070)), MAN | aged(20, **tumour("C15.4", 8070)),
    ),
    "age-morphology": (aged(15, **tumour("C64.9", 8960)), aged(14, **tumour("C64.9", 8960))),
    "age-site-morphology": (
        MAN | aged(39, **tumour("C61.9", 8140)), MAN | aged(40, **tumour("C61.9", 8140)),
    ),
    "prostate-young": (
        MAN | aged(39, **tumour("C61.9", 8900)), MAN | aged(40, **tumour("C61.9", 8900)),
    ),
    "carcinoma-child": (
        aged(14, **tumour("C44.5", 8070)), aged(15, **tumour("C44.5", 8070)),
    ),
    "grade-behaviour": (
        tumour("C50.4", 8500, 2, grade=2), tumour("C50.4", 8500, 2, grade=None),
    ),
    "grade-morphology": (
        tumour("C80.9", 8020, grade=3), tumour("C80.9", 8020, grade=4),
    ),
    "immunophenotype-solid": (
        tumour("C50.4", 8500, grade=5), tumour("C50.4", 8500, grade=4),
    ),
    "immunophenotype-morphology": (
        tumour("C77.9", 9680, grade=5), tumour("C77.9", 9680, grade=6),
    ),
    "t-invalid": ({"tnm_ct": "5"}, {"tnm_ct": "T1mic"}),
    "n-invalid": ({"tnm_pn": "4"}, {"tnm_pn": "1mi"}),
    "m-invalid": ({"tnm_cm": "2"}, {"tnm_cm": "X"}),
    "m-edition": (
        {"tnm_cm": "1d", "stage_code": 4}, {"tnm_cm": "1c", "stage_code": 4},
    ),
    "tnm-site-edition": (
        COLON | {"tnm_cn": "3", "stage_code": 3}, COLON | {"tnm_cn": "2", "stage_code": 3},
    ),
    "tnm-edition-year": ({"tnm_edition": 8}, {"tnm_edition": 7}),
    "tnm-no-edition": ({"tnm_edition": None}, NO_STAGE),
    "tnm-not-applicable": (
        tumour("C71.1", 9440, tnm_edition=7, tnm_ct="2"), tumour("C71.1", 9440, tnm_edition=7),
    ),
    "tnm-in-situ": (
        {"tnm_pt": "is"}, tumour("C67.9", 8120, tnm_edition=7, tnm_pt="is", treatment_surgery=2),
    ),
    "in-situ-spread": (
        tumour("C50.4", 8500, 2, tnm_edition=7, tnm_ct="1"),
        tumour("C50.4", 8500, 2, tnm_edition=7, tnm_ct="is"),
    ),
    "m1-stage": (
        {"tnm_cm": "1", "stage_code": 3},
        # the testis has no stage IV
        MAN | tumour("C62.9", 9061, tnm_edition=7, tnm_cm="1a", stage_type="S", stage_code=3),
    ),
    "stage-tnm": (COLON | {"stage_code": 2}, COLON | {"stage_code": 3}),
    "stage-in-situ": (
        tumour("C50.4", 8500, 2, stage_type="S", stage_code=1),
        tumour("C50.4", 8500, 2, stage_type="S", stage_code=0),
    ),
    "stage-without-system": ({"stage_type": None}, {"stage_type": None, "stage_code": None}),
    "ann-arbor": ({"stage_type": "A"}, tumour("C77.9", 9680, stage_type="A", stage_code=2)),
    "figo": ({"stage_type": "F"}, tumour("C56.9", 8461, stage_type="F", stage_code=3)),
    "dukes": (
        {"stage_type": "D"}, COLON | {"stage_type": "D"},
    ),
    "toronto": (
        aged(20, **tumour("C41.2", 9260, stage_type="T1", stage_code=2)),
        aged(19, **tumour("C41.2", 9260, stage_type="T1", stage_code=2)),
    ),
    "no-surgery-pathological": (
        {"treatment_surgery": 0}, {"treatment_surgery": 0, "tnm_pt": None, "tnm_pn": None},
    ),
    "stem-cell-solid": (
        {"treatment_stem_cell": 1}, tumour("C42.1", 9732, treatment_stem_cell=1),
    ),
    "hormones-site": (
        tumour("C18.7", 8140, treatment_hormonal=1), tumour("C50.4", 8500, treatment_hormonal=1),
    ),
}  # fmt: skip

ANOTHER = {
    "row": 3, "tumour_id": "t2", "topography": "C18.7", "morphology": 8140,
    "treatment_hormonal": 0, "stage_code": 3,
}  # fmt: skip
"""The same woman's second tumour."""

PATIENTS = {
    # code: (second record that breaks it beside the first, its clean neighbour)
    "tumour-id-doubled": (ANOTHER | {"tumour_id": "t1", "patient_id": "p2"}, ANOTHER),
    "patient-sex": (ANOTHER | MAN, ANOTHER),
    "patient-birth": (
        ANOTHER | whole(birth_date=date(1950, 6, 1)) | {"age": 60, "age_given": 60},
        ANOTHER | whole(birth_date=date(1950, 5, 31)),
    ),
    "patient-vital-status": (ANOTHER | {"vital_status": "lost"}, ANOTHER),
    "patient-last-date": (
        ANOTHER | whole(last_date=date(2012, 12, 31)) | {"last_date_given": date(2013, 1, 1)},
        ANOTHER | whole(last_date=date(2012, 12, 31)) | {"last_date_given": date(2012, 12, 31)},
    ),
    "tumour-doubled": (
        ANOTHER | {name: CLEAN[name] for name in ("topography", "morphology", "stage_code")},
        # in situ, at the same site in the same month: another tumour
        ANOTHER
        | NO_STAGE
        | {"topography": "C50.4", "morphology": 8500, "behaviour": 2, "grade": None},
    ),
    "not-new-primary": (
        ANOTHER | {"topography": "C50.9", "morphology": 8500, "stage_code": 2},
        ANOTHER,
    ),
}
