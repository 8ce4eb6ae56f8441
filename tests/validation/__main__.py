"""Write the pages of validation: ``python -m tests.validation docs``."""

import sys
from collections import Counter
from pathlib import Path

from tests.reference.replay_checks import REPLAYS
from tests.survival import checks_intervals
from tests.validation import burden, models, survival
from tests.validation.check import Real

WORDS = """
Made by `make validation` from the checks that the test suite asserts: each line is a comparison of
this program with the results of another, or with a plain loop over cases and days. A difference is
the largest over its rows, absolute unless said otherwise; a check whose difference exceeds its
tolerance fails the tests. Where a program has a convention of its own it was replayed, so that the
cause of the difference is shown and not supposed.

The data behind the files are real and not in the repository, but for those of the cohort; without
them these tests skip.

| reference | what | rows | largest difference | tolerance | cause | call |
|---|---|---:|---:|---:|---|---|
"""
PAGES = {
    "survival": (*survival.CHECKS, *REPLAYS, *checks_intervals.CHECKS),
    "models": models.CHECKS,
    "burden": burden.CHECKS,
}


def write(path, name, real):
    """Run the checks of a page and write it; say whether all hold."""
    checks = [check for made in PAGES[name] for check in made(real)]
    lines = [
        f"| {c.file} | {c.what} | {c.rows:,} | {c.largest:.1e} | {c.tolerance:.1e} | {c.cause} "
        f"| `{c.call}` |"
        for c in checks
    ]
    files = Counter(check.file for check in checks)
    failed = [check for check in checks if not check.holds]
    foot = (
        f"\n{len(checks)} checks on {len(files)} files, "
        f"{sum(check.rows for check in checks):,} rows compared; {len(failed)} outside their "
        "tolerance.\n"
    )
    title = f"# Validation of {name}, file by file\n"
    path.write_text(title + WORDS + "\n".join(lines) + "\n" + foot, encoding="utf-8")
    print(f"{name}: {foot.strip()}")
    return not failed


def main(folder):
    """Write every page; 1 if a check fails."""
    real = Real()
    held = [write(Path(folder) / f"validation_{name}.md", name, real) for name in PAGES]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
