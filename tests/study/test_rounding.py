"""A study whose counts are rounded."""

import polars as pl

from rarecare.disclosure import audit_rounded
from rarecare.study import open_release, run_study, schema


def test_a_release_of_rounded_counts(small_data, tmp_path):
    text = (small_data / "survival.toml").read_text(encoding="utf-8")
    assert "[disclosure]" not in text
    study = small_data / f"rounded-{tmp_path.name}.toml"
    study.write_text(f'{text}\n[disclosure]\nmode = "rounding"\n', encoding="utf-8")
    release = open_release(run_study(study, tmp_path / "r").folder)
    rule = release.manifest["disclosure"]
    assert (rule["mode"], rule["threshold"]) == ("rounding", 5)
    assert rule["words"].startswith("Counts are rounded to the nearest multiple of 5")
    rows = release.estimates
    for name in ("n", "events", "at_risk"):
        assert (rows[name].drop_nulls() % 5 == 0).all()
    shown = rows.filter(status="ok")
    assert shown.height > 50
    assert (shown["n"] > 5).all()
    made = pl.col("measure").str.starts_with(schema.ALIVE_AFTER)  # of what is shown, afterwards
    found = audit_rounded(rows.filter(~made), release.areas, release.entities)
    assert found.is_empty()
    assert "rounded to the nearest multiple" in (release.folder / "report.html").read_text()
