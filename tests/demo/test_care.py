"""Treatments and hospitals of the synthetic Europe."""

import numpy as np
import polars as pl
import pytest

from rarecare.demo import registries
from rarecare.demo.care import Hospitals, event_table, treatment_shares
from rarecare.demo.draw import parts
from rarecare.demo.model import europe
from rarecare.demo.persons import patient_ids, tumour_ids
from tests.reference import demo_twin as twin


@pytest.fixture(scope="module")
def finland():
    return registries(cases=60_000, countries=["FI"])[0]


def test_surgery_by_stage_averages_to_the_table_and_keeps_its_odds():
    own, shares = europe().entities, treatment_shares()
    for row, entity in enumerate(twin.rows("demo_entities.csv")):
        surgery = shares[row, :, 0]
        wanted = float(entity["surgery"])
        assert surgery @ own.stage[row] / own.stage[row].sum() == pytest.approx(wanted, abs=1e-3)
        assert (shares[row, :, 1] == float(entity["radiotherapy"])).all()
        if entity["stage_localised"] and 0 < wanted < 1:
            odds = surgery / (1 - surgery)
            assert odds / odds[1] == pytest.approx([2, 1, 0.3, 1], rel=1e-6)


def test_a_reference_hospital_treats_the_share_of_centralisation(finland):
    hospitals = Hospitals.of(finland, 3)
    assert hospitals.n_reference == max(1, finland.hospitals // 10)
    entity = np.full(40_000, europe().entities.ids.index("08.01.01"))
    treating, diagnosing = hospitals.draw(entity, np.random.default_rng(3))
    reference = hospitals.order[hospitals.group[entity[0]], : hospitals.n_reference]
    share = 0.62  # Finland's centralisation
    found = np.isin(treating, reference).mean()
    assert found == pytest.approx(share, abs=4 * (share * (1 - share) / len(entity)) ** 0.5)
    others = np.bincount(treating[~np.isin(treating, reference)], minlength=finland.hospitals)
    rest = finland.hospitals - hospitals.n_reference
    assert (others > 0).sum() == rest
    assert others.max() < 1.3 * others.sum() / rest  # spread evenly
    same = 0.5 + 0.5 / finland.hospitals
    assert (treating == diagnosing).mean() == pytest.approx(same, abs=0.01)


def test_entities_of_one_group_share_their_hospitals_and_groups_differ(finland):
    hospitals = Hospitals.of(finland, 3)
    ids, referral = europe().entities.ids, europe().entities.referral
    sarcomas = [row for row, name in enumerate(referral) if name == "soft tissue sarcoma"]
    assert len({hospitals.group[row] for row in sarcomas}) == 1
    assert len({tuple(row) for row in hospitals.order}) > 10  # of 4! = 24
    assert hospitals.group[ids.index("01.01.01")] != hospitals.group[sarcomas[0]]


def test_treatments_in_the_events_are_those_of_the_cases(finland):
    drawn, rng = next(parts(finland, 3))
    tumours = tumour_ids(drawn.tumour)
    events = event_table(
        drawn,
        Hospitals.of(finland, 3),
        patients=patient_ids(drawn.patient),
        tumours=tumours,
        rng=rng,
    )
    for kind, name in enumerate(("surgery", "radiotherapy", "systemic")):
        expected = tumours.filter(pl.Series(drawn.treated[:, kind]))
        assert events.filter(event=name)["tumour_id"].equals(expected)
    treated = events.filter(pl.col("event").is_in(["surgery", "radiotherapy", "systemic"]))
    per_case = treated.group_by("tumour_id").agg(pl.col("hospital_id").n_unique())
    assert (per_case["hospital_id"] == 1).all()
    assert not drawn.treated[drawn.basis == 0].any()


def test_pathology_comes_before_treatment_and_reference_hospitals_do_better(finland):
    drawn, rng = next(parts(finland, 3))
    hospitals, tumours = Hospitals.of(finland, 3), tumour_ids(drawn.tumour)
    events = event_table(
        drawn, hospitals, patients=patient_ids(drawn.patient), tumours=tumours, rng=rng
    )
    first = (
        events.filter(pl.col("event").is_in(["surgery", "radiotherapy", "systemic"]))
        .group_by("tumour_id")
        .agg(pl.col("date").min().alias("first"))
    )
    report = events.filter(event="pathology").join(first, on="tumour_id")
    assert (report["date"] <= report["first"]).all()
    assert not drawn.treated[drawn.basis == 0].any()
    verified = tumours.filter(pl.Series((drawn.basis >= 5) & (drawn.basis <= 8)))
    assert events.filter(event="pathology")["tumour_id"].is_in(verified.implode()).all()
    share = events.filter(event="pathology").height / len(verified)
    assert share == pytest.approx(0.97, abs=4 * (0.97 * 0.03 / len(verified)) ** 0.5)
    surgery = events.filter(event="surgery")
    assert surgery["value"].is_in(["R0", "R1", "R2", "RX"]).all()
    assert events.filter(pl.col("event") != "surgery")["value"].null_count() == (
        events.height - surgery.height
    )
    entity = drawn.entity[np.flatnonzero(drawn.treated[:, 0])]
    place = pl.Series(hospitals.labels)
    at = surgery["hospital_id"].replace_strict(
        {name: k for k, name in enumerate(place)}, return_dtype=pl.Int64
    )
    reference = hospitals.is_reference(entity, at.to_numpy())
    free = (surgery["value"] == "R0").to_numpy()
    for own, wanted in ((reference, 0.72), (~reference, 0.58)):
        n = own.sum()
        assert free[own].mean() == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / n) ** 0.5)
