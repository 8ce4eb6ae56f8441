"""Indicators of care on real hospital data, as a page: what they say, and what they cannot say.

Groningen and lyDATA (head and neck), TCGA (sarcoma, head and neck, testis). Published values of
other populations stand beside the results with their sources; they are no targets. Everything
goes to build/real; with ``--docs FILE`` the results are written as a page of the documentation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from care_sources import CareData, groningen, lydata
from care_tcga import head_neck, sarcoma, testis
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rarecare.care.comparison import indicator_funnel
from rarecare.care.compute import Indicators, indicators
from rarecare.care.occupancy import occupancy
from rarecare.care.pathway_flows import pathway_flows
from rarecare.care.pathway_tables import DISCLOSURE_THRESHOLD
from rarecare.care.pathways import pathways
from rarecare.look import font_faces, style
from rarecare.results import OK
from rarecare.study.report.gallery import Drawing, Gallery

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("RARECARE_SHARED", ROOT.parent / "shared")) / "data"
OUT = ROOT / "build" / "real"
SOURCES = (groningen, lydata, sarcoma, head_neck, testis)
MUCH = 0.2
"""From this share of unknown answers on, a warning stands beside the result."""
Row = dict[str, Any]
_MAIN = ("share", "median", "mean")


@dataclass(frozen=True, slots=True)
class Told:
    """One indicator of one source, ready to be shown.

    Attributes
    ----------
    rows
        By measure, or by category of a distribution; estimates withheld are None.
    unknown
        Share of those asked whose answer is not known, from 0 to 1.
    left
        Cases left out by reason.
    """

    about: Row
    rows: Mapping[str, Row]
    published: Sequence[Row]
    unknown: float
    left: Sequence[tuple[str, int]]

    @property
    def main(self) -> Row:
        """Its first row: the share, the median, the mean."""
        return next(iter(self.rows.values()))


@dataclass(frozen=True, slots=True)
class Section:
    """One source with what its data say and cannot say."""

    data: CareData
    told: Sequence[Told]
    silent: Mapping[str, Sequence[str]]
    drawings: Sequence[Drawing]


def section(data: CareData, drawings: Sequence[Drawing]) -> Section:
    """Compute every indicator of a source's sets, and sort them by what they can say."""
    made = indicators(data.cases, data.events, list(data.sets), by=())
    told: list[Told] = []
    silent: dict[str, list[str]] = {}
    for (name,), part in made.table.group_by("indicator", maintain_order=True):
        rows = list(part.iter_rows(named=True))
        why = data.no_meaning.get(str(name))
        if why is None and rows[0]["status"] != OK:
            why = rows[0]["reason"].replace("the answer is not known for any case", "").strip(" ()")
            why = why or "the data do not tell"
        if why is not None:
            silent.setdefault(why, []).append(f"{rows[0]['title']} ({name})")
            continue
        told.append(_told(made, str(name), rows))
    return Section(data, told, silent, drawings)


def _told(made: Indicators, name: str, rows: Sequence[Row]) -> Told:
    first = rows[0]
    asked = first["unknown"] + first["denominator"]
    by = {row["category"] or row["measure"]: row for row in withheld(rows)}
    left = made.excluded.filter(pl.col("records") > 0, kind="excluded", indicator=name)
    return Told(
        first, by, made.comparators.filter(indicator=name).to_dicts(),
        first["unknown"] / asked if asked else 0.0,
        left.select("reason", "records").rows(),
    )  # fmt: skip


def withheld(rows: Sequence[Row]) -> list[Row]:
    """Return rows, the estimates of 1 to 4 people (or all but 1 to 4) withheld.

    Of a distribution with one category withheld, so is the next smallest: it could be told.
    """
    few = range(1, DISCLOSURE_THRESHOLD)

    def small(row: Row) -> bool:
        if row["numerator"] is None:
            return bool(row["denominator"] < DISCLOSURE_THRESHOLD)
        rest = row["denominator"] - row["numerator"]
        return row["numerator"] in few or (row["category"] is None and rest in few)

    hidden = [small(row) for row in rows]
    if rows[0]["category"] is not None and sum(hidden) == 1:
        others = [k for k, own in enumerate(hidden) if not own]
        hidden[min(others, key=lambda k: rows[k]["numerator"])] = True
    blank = dict.fromkeys(("estimate", "lower", "upper", "numerator"))
    return [row | blank if own else row for row, own in zip(rows, hidden, strict=True)]


def number(row: Row, key: str = "estimate") -> str:
    """Return a number of a row in words."""
    value = row[key]
    if value is None:
        return "withheld" if key == "estimate" else "–"
    if row["unit"] == "share":
        return f"{100 * value:.1f} %"
    digits = 0 if row["unit"] == "days" else 2
    return f"{value:,.{digits}f}".replace(",", "\u202f") + (
        f" {row['unit']}" if key == "estimate" else ""
    )


def interval(row: Row) -> str:
    """Return the interval of a row in words."""
    if row["lower"] is None or row["upper"] is None:
        return "–"
    low, high = number(row, "lower"), number(row, "upper")
    return f"{low.removesuffix(' %')} to {high}"


def few(count: int) -> str:
    """Return a count, where it is 1 to 4 only that it is."""
    return f"fewer than {DISCLOSURE_THRESHOLD}" if 0 < count < DISCLOSURE_THRESHOLD else f"{count}"


def published(value: Row) -> str:
    """Return a published value in words, with population and source."""
    unit = "%" if value["unit"] == "percent" else value["unit"]
    limits = (
        f" ({value['limits'] or 'interval'} {value['lower']:g} to {value['upper']:g})"
        if value["lower"] is not None
        else ""
    )
    measure = f"{value['measure']}: " if value["measure"] else ""
    return f"{measure}{value['value']:g} {unit}{limits}; {value['population']}; {value['source']}"


def ruler(told: Told) -> Markup:
    """Return the result on its interval as a drawing, published values as diamonds."""
    row = told.main
    if row["estimate"] is None or row["category"] is not None:
        return Markup("")
    share = row["unit"] == "share"
    unit = "percent" if share else row["unit"]
    beside = [v["value"] / (100 if share else 1) for v in told.published if v["unit"] == unit]
    wide = told.rows.get("90th percentile", row)
    ends = [wide["estimate"], row["upper"], *beside, row["threshold"]]
    end = 1.0 if share else 1.06 * max(v for v in ends if v is not None)
    low, high = (row[name] for name in ("lower", "upper"))
    if not share and "lower quartile" in told.rows:
        low, high = (told.rows[f"{q} quartile"]["estimate"] for q in ("lower", "upper"))

    def at(value: float) -> float:
        return 8 + 304 * min(value, end) / end

    marks = "".join(
        f'<path class="beside" d="M{at(v):.1f} 4l5 6l-5 6l-5 -6z"/>' for v in sorted(set(beside))
    )
    line = (
        f'<line class="threshold" x1="{at(row["threshold"]):.1f}" y1="1" '
        f'x2="{at(row["threshold"]):.1f}" y2="19"/>'
        if row["threshold"] is not None
        else ""
    )
    spread = (
        f'<line class="ruler-int" x1="{at(low):.1f}" y1="10" x2="{at(high):.1f}" y2="10"/>'
        if low is not None and high is not None
        else ""
    )
    foot = "100 %" if share else f"{end:.0f} {row['unit']}"
    return Markup(
        '<svg class="ruler" aria-hidden="true" viewBox="0 0 320 36">'
        f'<line class="ruler-base" x1="8" y1="10" x2="312" y2="10"/>{line}{spread}{marks}'
        f'<circle class="key-dot" cx="{at(row["estimate"]):.1f}" cy="10" r="5"/>'
        f'<text x="8" y="33">0</text><text x="312" y="33" text-anchor="end">{foot}</text></svg>'
    )


def drawings(data: CareData, gallery: Gallery) -> Iterator[Drawing]:
    """Draw what only pictures show: by hospital, and the way after treatment."""
    made: list[Drawing | None] = []
    if data.name == "lydata":
        by = indicators(data.cases, data.events, "head_neck", by=["registry"])
        made.append(gallery.add(
            lambda width: by.plot(indicator="HN-advanced", width=width),
            "Extent of disease by hospital. The hospitals chose their patients for studies: they "
            "are no regions, and their shares no comparison of care.",
        ))  # fmt: skip
        rows = by.table.filter(indicator="HN-p16")
        funnel = indicator_funnel(rows, unit="registry")
        made.append(gallery.add(
            lambda width: funnel.plot(title="HPV or p16 known in oropharynx", width=width),
            "Hospitals with patients with oropharyngeal cancer, in a funnel of exact binomial "
            "limits; not adjusted for case mix.",
        ))  # fmt: skip
    if data.name == "groningen":
        traced = pathways(data.events, data.cases)
        states = occupancy(traced)
        # the day of diagnosis is that of pathology here
        steps = ["surgery", "radiotherapy", "recurrence", "death"]
        flows = pathway_flows(pathways(data.events, data.cases, only=steps))
        made.append(gallery.add(
            lambda width: states.plot(title="Where patients are after pathology", width=width),
            "Share of patients in each state since pathological confirmation (Aalen and Johansen); "
            "patients whose dates contradict each other are left out.",
            intervals="",
        ))  # fmt: skip
        made.append(gallery.add(
            lambda width: flows.plot(title="Ways through care", width=width),
            "Patients by step of care in order of time; small flows are grouped or withheld.",
            intervals="",
        ))  # fmt: skip
    yield from (drawing for drawing in made if drawing is not None)


def page(sections: Sequence[Section]) -> str:
    """Return the page, which needs no network."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("real_care.html").render(
        sections=sections, number=number, interval=interval, few=few, published=published,
        ruler=ruler, much=MUCH, smallest=DISCLOSURE_THRESHOLD,
        style=Markup("\n".join([font_faces(), style("tokens.css"), style("report.css")])),
    )  # fmt: skip


def markdown(sections: Sequence[Section]) -> str:
    """Return the results as a page of the documentation."""
    lines = [
        "# Indicators on real hospital data", "",
        "Written by `python scripts/real_care.py --docs docs/real_care.md` from data that are not "
        "part of this repository: lyDATA (CC BY-SA 4.0) and TCGA (open tier; the results are in "
        "whole or part based upon data generated by the TCGA Research Network). The patients were "
        "chosen for studies, in hospitals: these are checks of the software on real input, no "
        "estimates of the care of a population. Published values come from other populations and "
        f"are no targets. Shares of 1 to {DISCLOSURE_THRESHOLD - 1} people, or of all but so many, "
        "are withheld.",
    ]  # fmt: skip
    for one in sections:
        lines += ["", f"## {one.data.title}", ""]
        lines += [f"{one.data.cases.height} patients. {one.data.about}", ""]
        lines += ["| Variable | How it is made |", "|---|---|"]
        lines += [f"| `{name}` | {said} |" for name, said in one.data.derivations.items()]
        lines += ["", "| Indicator | Result | 95 % interval | Counted | Not known | Published |",
                  "|---|---|---|---|---|---|"]  # fmt: skip
        for told in one.told:
            beside = "; ".join(published(v) for v in told.published)
            for name, row in told.rows.items():
                what = f"{told.about['title']} ({told.about['indicator']})"
                if name not in _MAIN:
                    what = f"– {name}"
                lines.append(
                    f"| {what} | {number(row)} | {interval(row)} | {row['denominator']} | "
                    f"{100 * told.unknown:.0f} % | {beside if name in _MAIN else ''} |"
                )
        lines += ["", "Not computed:", ""]
        lines += [f"- {why}: {', '.join(names)}" for why, names in one.silent.items()]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the page, and with ``--docs FILE`` its results as Markdown."""
    if not SHARED.is_dir():
        print(f"The real data are absent ({SHARED}): set RARECARE_SHARED.", file=sys.stderr)
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(12)
    sections = []
    for read in SOURCES:
        data = read(SHARED)
        sections.append(section(data, list(drawings(data, gallery))))
        own = sections[-1]
        silent = sum(len(names) for names in own.silent.values())
        print(f"{data.title}: {data.cases.height} patients, {len(own.told)} indicators computed, "
              f"{silent} not")  # fmt: skip
    (OUT / "care.html").write_text(page(sections), encoding="utf-8")
    print(f"written: {OUT / 'care.html'}")
    if "--docs" in arguments:
        path = Path(arguments[list(arguments).index("--docs") + 1])
        path.write_text(markdown(sections), encoding="utf-8")
        print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
