"""One verb, one function: read what was asked, call the library, print."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import polars as pl
from cyclopts import App, CycloptsError

from rarecare.cli import output, serve_verb, values
from rarecare.cli.audit_verb import audit
from rarecare.cli.care_verbs import indicators, kit, pathways, volumes
from rarecare.cli.centre_verbs import consensus, criteria, needs, sample, scenario
from rarecare.cli.check_verb import check
from rarecare.cli.incidence_verb import incidence
from rarecare.cli.model_verbs import determinants, model
from rarecare.cli.options import Output, Reading
from rarecare.cli.outcome_verb import volume_outcome
from rarecare.cli.prevalence_verb import prevalence
from rarecare.cli.project_verb import project
from rarecare.cli.publish_verb import publish
from rarecare.cli.serve_verb import serve
from rarecare.cli.submission_verb import submission
from rarecare.cli.survival_verb import survival
from rarecare.errors import RarecareError, UsageError

DONE, DATA_ERROR, WRONG_USE = 0, 1, 2

_MOST_MOVED = 20
app = App(
    name="rarecare",
    help="Rare cancers: incidence, prevalence, survival and care, from cancer-registry files.",
    version=version("rarecare"),
)


for verb in (
    check,
    audit,
    survival,
    model,
    determinants,
    incidence,
    prevalence,
    project,
    kit,
    indicators,
    volumes,
    volume_outcome,
    pathways,
    sample,
    criteria,
    consensus,
    needs,
    scenario,
    serve,
    publish,
):
    app.command(verb)
app.command(submission)


@app.command
def classify(
    cases: Path | None = None,
    *,
    explain: tuple[str, str] | None = None,
    sex: Literal["male", "female"] | None = None,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Add family, tier 1, tier 2, rare or not, and the rule that decided.

    Parameters
    ----------
    cases
        File of cases with topography, morphology and behaviour.
    explain
        One site and one histology instead of a file: --explain C40.2 9180/3.
    sex
        Of the pair explained; it decides breast cancer.
    """
    from rarecare.codes.rare_cancers import chosen_list  # noqa: PLC0415

    if (cases is None) == (explain is None):
        raise UsageError(
            "classify takes a file of cases, or --explain with one pair of codes",
            allowed="one of the two",
        )
    if explain is not None:
        output.out.print(
            str(chosen_list(reading.classification).explain(*explain, sex=sex)), highlight=False
        )
        return
    assert cases is not None
    output.check_writable(output_to.out)
    table = reading.classify(reading.read(cases)).table
    if output_to.out is not None:
        output.write_table(table, output_to.out)
        output.print_table(_summary(table))
    elif output_to.format == "table":
        output.print_table(_summary(table))
        output.out.print("Add --out FILE for the cases themselves.", style="dim")
    else:
        output.print_rows(table, output_to.format)


@app.command
def demo(
    *,
    out: Path = Path("rarecare-demo"),
    cases: int = 2_000_000,
    seed: int = 1,
    countries: str = "",
    serve: bool = False,
) -> None:
    """Write a synthetic European data call, and run the whole study on it.

    Parameters
    ----------
    out
        Folder: the data call goes to OUT/data, the release with its report to OUT/release.
    cases
        Number of cases, about.
    seed
        The same seed gives the same data.
    countries
        Two-letter codes, by commas; all 31 when not given.
    serve
        Open the portal on it afterwards.
    """
    from rarecare.demo import write_demo  # noqa: PLC0415
    from rarecare.study import run_study  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    with output.steps() as progress:
        data = write_demo(
            out / "data",
            cases=cases,
            seed=seed,
            countries=values.words(countries) or None,
            progress=lambda done, expected: progress("drawing cases", done, expected),
        )
        release = run_study(data / "study.toml", out / "release", progress=progress)
    output.show_release(release)
    if serve:
        serve_verb.serve(out / "release", data=out / "portal")


@app.command
def run(study: Path, *, out: Path) -> None:
    """Run a whole study, from registries' files to a release with its report.

    Parameters
    ----------
    study
        The study.toml.
    out
        Folder of the release; an earlier release there is replaced when the new one is whole.
    """
    from rarecare.study import run_study  # noqa: PLC0415

    with output.steps() as progress:
        release = run_study(study, out, progress=progress)
    output.show_release(release)


@app.command
def sensitivity(study: Path, *, out: Path | None = None) -> None:
    """Show how a study's estimates move without death certificates, unspecified codes and such.

    Parameters
    ----------
    study
        The study.toml.
    out
        File of the whole table: .csv, .json, .parquet or .dta. The screen shows what moves most.
    """
    from rarecare.study import sensitivity as moved  # noqa: PLC0415

    output.check_writable(out)
    with output.step("estimating every variant"):
        found = moved(study)
    if out is not None:
        output.write_table(found.table, out)
    output.print_table(found.changes, title="Records left out or changed", as_named=True)
    shown = found.table.filter(pl.col("status") == "ok", pl.col("difference") != 0)
    shown = shown.sort(pl.col("percent").abs(), descending=True, nulls_last=True).head(_MOST_MOVED)
    columns = ("variant", "measure", "name", "time_years", "standard", "n", "estimate",
               "estimate_variant", "percent", "outside")  # fmt: skip
    output.print_table(shown.select(columns), title="What moves most", as_named=True)
    output.err.print(output.WARNING, style="yellow")


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit status: 0 done, 1 the data have errors, 2 wrong use."""
    try:
        status = app(
            sys.argv[1:] if arguments is None else arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        return _fail(str(error), WRONG_USE)
    except UsageError as error:
        return _fail(str(error), WRONG_USE)
    except RarecareError as error:
        return _fail(str(error), DATA_ERROR)
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename}", DATA_ERROR)
    return status if isinstance(status, int) else DONE


def _fail(message: str, status: int) -> int:
    output.err.print("error:", style="bold red", end=" ")
    output.err.print(message, highlight=False, markup=False, soft_wrap=True)
    return status


def _summary(table: pl.DataFrame) -> pl.DataFrame:
    """Return cases by family and, for those that fall nowhere, by reason."""
    reason = pl.when(pl.col("family").is_null()).then("classification_reason")
    return (
        table.group_by("family", reason=reason)
        .agg(
            cases=pl.len(),
            rare=pl.col("rare").sum(),
            entities=pl.col("entity_tier1").n_unique() - pl.col("entity_tier1").has_nulls(),
        )
        .sort("family", "cases", descending=[False, True], nulls_last=True)
    )
