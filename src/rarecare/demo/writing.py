"""Writing the synthetic Europe as a data call: one folder per registry, truth beside them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl

from rarecare.demo import care, encr
from rarecare.demo.centres import centre_table, evidence_table
from rarecare.demo.draw import parts
from rarecare.demo.model import YEARS, europe
from rarecare.demo.persons import patient_ids, tumour_ids
from rarecare.demo.planted import INCIDENCE_FILE, plant
from rarecare.demo.registry import (
    CLOSING_DATE,
    YEARS_TO_COME,
    Registry,
    registries,
    registry_table,
)
from rarecare.demo.study_file import (
    CENTRES_FILE,
    EVENTS_FILE,
    EVIDENCE_FILE,
    LIFE_TABLE_FILE,
    POPULATION_FILE,
    PROJECTED_FILE,
    STUDY_FILE,
    study_text,
)
from rarecare.demo.tables import Ints
from rarecare.demo.true_values import case_counts, truth
from rarecare.errors import FileError, UsageError

REGISTRIES_FILE = "registries.csv"
PLANTED_FILE = "planted_errors.csv"
TRUTH_FILE = "truth.parquet"
README_FILE = "SYNTHETIC.txt"

_ROW_GROUP = 250_000
_BYTES_PER_CASE = 160  # as measured: 4.5 GB for 31 million

_SYNTHETIC = {"synthetic": "true", "note": "Everything in this file is invented."}
_README = """\
SYNTHETIC DATA. Everything in this folder is invented.

No person, tumour, hospital or treatment here exists, and nothing computed from these
files is an estimate of anything. National populations are those of the United Nations'
World Population Prospects 2024 (CC BY 3.0 IGO), rounded; all else was drawn at random
with known truth, to show and to test what the software does.

Cases diagnosed {first}-{last}, followed to {closing}:
{registries} registries, {cases} cases, seed {seed}.

REGISTRY/incidence.csv    one line per tumour, ENCR-JRC format, 39 columns
REGISTRY/population.csv   inhabitants covered, by year, sex and age
REGISTRY/population_projected.csv  the same of the ten years to come
REGISTRY/lifetable.csv    probabilities of death, by year, sex and age
REGISTRY/events.parquet   dated diagnoses, pathology and treatments with their hospitals
registries.csv            what each registry covers
planted_errors.csv        the records with a planted error, 1 %
truth.parquet             true incidence and net survival
evidence.csv              what invented centres say of themselves, and others of them
centres.csv               which hospital each invented centre is
study.toml                the study that `rarecare run` makes a release of

Populations are the same every year. Two cases are one person's where their sex, month of
birth, vital status and month of last follow-up allow it, up to 5 % of persons; survival
of each case is drawn by itself, so that analyses of first primaries alone have no exact truth.
"""


def write_demo(
    folder: str | Path,
    *,
    cases: int = 2_000_000,
    seed: int = 1,
    countries: Sequence[str] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the synthetic Europe as a data call and return its folder.

    Parameters
    ----------
    folder
        Where to; what an earlier call wrote there is replaced once the new one is whole.
    cases
        Mean number of cases; the number drawn is Poisson.
    seed
        The same seed, cases and countries give the same bytes, with any number of workers.
    countries
        Two-letter codes; by default all 31.
    workers
        Registries at once; by default one per core. Memory does not grow with ``cases``.
    progress
        Called with (cases written, cases expected) after each part of a registry.

    Returns
    -------
    Path
        The folder. It holds one folder per registry (``incidence.csv``, ``population.csv``,
        ``lifetable.csv``, ``events.parquet``), ``registries.csv``, ``planted_errors.csv``,
        ``truth.parquet``, ``evidence.csv``, ``centres.csv``, ``study.toml`` and ``SYNTHETIC.txt``.

    Raises
    ------
    UsageError
        ``cases`` is out of range, or the folder holds something else.
    CodeError
        A country is not among the 31.
    FileError
        The disk is full or the folder cannot be written; what was there stays.
    """
    target = Path(folder)
    chosen = registries(cases=cases, countries=countries)
    if seed < 0:
        raise UsageError("the seed is negative", value=seed, allowed="0, 1, 2, …")
    if target.exists() and not _replaceable(target):
        raise UsageError(
            "the folder for the demo is not empty",
            value=str(target),
            allowed=f"a new folder, or one with {README_FILE} that an earlier demo wrote",
            remedy="Give another folder.",
        )
    if workers is not None and workers < 1:
        raise UsageError("nobody would work", value=workers, allowed="workers from 1")
    n_workers = workers or os.cpu_count() or 1
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=parent, prefix=f".{target.name}."))
        try:
            counter = _Counter(chosen, progress)
            _write(made / "new", chosen, seed=seed, workers=n_workers, counter=counter)
            _replace(target, made)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except (OSError, pl.exceptions.ComputeError) as error:
        if isinstance(error, pl.exceptions.ComputeError) and "os error" not in str(error):
            raise
        said = getattr(error, "strerror", None) or str(error).splitlines()[0]
        megabytes = max(1, round(_BYTES_PER_CASE * cases / 1e6))
        raise FileError(
            f"the demo cannot be written ({said})",
            file=getattr(error, "filename", None) or str(target),
            allowed=f"a folder that can be written, with about {megabytes} MB free",
            remedy="Free some space, or give another folder or fewer cases.",
        ) from error
    return target


def _replace(target: Path, made: Path) -> None:
    """Put ``made/new`` in the target's place; what stood there stays where that fails."""
    if target.exists():
        target.rename(made / "old")
    try:
        (made / "new").rename(target)
    except BaseException:
        if (made / "old").exists():
            (made / "old").rename(target)
        raise


class _Counter:
    """Adds up the cases written by all workers and reports them."""

    def __init__(
        self, chosen: Sequence[Registry], progress: Callable[[int, int], None] | None
    ) -> None:
        self.total = round(sum(each.expected_cases for each in chosen))
        self.done = 0
        self._progress = progress
        self._lock = Lock()

    def add(self, cases: int) -> None:
        with self._lock:
            self.done += cases
            if self._progress:
                self._progress(min(self.done, self.total), self.total)


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / README_FILE).is_file() or not any(folder.iterdir()))


def _write(
    folder: Path, chosen: Sequence[Registry], *, seed: int, workers: int, counter: _Counter
) -> None:
    folder.mkdir()
    europe()  # made once, before the workers need it
    largest_first = sorted(enumerate(chosen), key=lambda pair: -pair[1].expected_cases)
    with ThreadPoolExecutor(workers) as pool:
        futures = {
            number: pool.submit(
                _write_registry, folder / each.code, each, number=number, seed=seed, counter=counter
            )
            for number, each in largest_first
        }
        try:
            written = [futures[number].result() for number in range(len(chosen))]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    planted = pl.concat(errors for errors, _ in written)
    drawn = np.stack([counts for _, counts in written])
    planted.write_csv(folder / PLANTED_FILE)
    cases = pl.Series("cases", drawn.reshape(len(chosen), -1).sum(axis=1))
    registry_table(chosen).with_columns(cases).write_csv(folder / REGISTRIES_FILE)
    truth(chosen, drawn=drawn, workers=workers).write_parquet(folder / TRUTH_FILE)
    readme = _README.format(
        first=YEARS[0],
        last=YEARS[-1],
        closing=CLOSING_DATE,
        registries=len(chosen),
        cases=drawn.sum(),
        seed=seed,
    )
    (folder / README_FILE).write_text(readme, encoding="utf-8")
    evidence_table(chosen, seed).write_csv(folder / EVIDENCE_FILE)
    centre_table(chosen, seed).write_csv(folder / CENTRES_FILE)
    (folder / STUDY_FILE).write_text(study_text(chosen), encoding="utf-8")


def _write_registry(
    folder: Path, registry: Registry, *, number: int, seed: int, counter: _Counter
) -> tuple[pl.DataFrame, Ints]:
    """Write a registry's files; return its planted errors and its cases by group."""
    folder.mkdir()
    for name, years in ((POPULATION_FILE, YEARS), (PROJECTED_FILE, YEARS_TO_COME)):
        table = encr.population_table(registry, years)
        table.write_csv(folder / name, separator=encr.SEPARATOR)
    encr.life_table(registry, spelling=number).write_csv(
        folder / LIFE_TABLE_FILE, separator=encr.SEPARATOR
    )
    hospitals = care.Hospitals.of(registry, seed)
    planted: list[pl.DataFrame] = []
    counts: list[Ints] = []
    events: list[Path] = []
    line = 2
    with (folder / INCIDENCE_FILE).open("wb") as file:
        for drawn, rng in parts(registry, seed):
            arrays = encr.incidence_arrays(drawn)
            patients, tumours = patient_ids(drawn.patient), tumour_ids(drawn.tumour)
            facts = care.event_table(drawn, hospitals, patients=patients, tumours=tumours, rng=rng)
            events.append(folder / f"events-{len(events)}.parquet")
            facts.write_parquet(events[-1], row_group_size=_ROW_GROUP, metadata=_SYNTHETIC)
            planted.append(plant(arrays, registry.code, rng, first_line=line))
            table = encr.incidence_table(
                drawn, arrays, patients=patients, tumours=tumour_ids(arrays["TUM"])
            )
            table.write_csv(file, separator=encr.SEPARATOR, include_header=line == 2)
            line += len(drawn)
            counts.append(case_counts(drawn))
            counter.add(len(drawn))
    _join(events, folder / EVENTS_FILE)
    return pl.concat(planted), np.sum(counts, axis=0)


def _join(files: Sequence[Path], target: Path) -> None:
    """Make one Parquet file of the parts, without holding them all in memory."""
    if len(files) == 1:
        files[0].rename(target)
        return
    pl.scan_parquet(list(files)).sink_parquet(
        target, row_group_size=_ROW_GROUP, metadata=_SYNTHETIC, maintain_order=True
    )
    for file in files:
        file.unlink()
