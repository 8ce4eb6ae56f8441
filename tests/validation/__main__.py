"""Write the page of validation: ``python -m tests.validation docs/validation_survival.md``."""

import sys
from collections import Counter
from pathlib import Path

from tests.reference.replay_checks import REPLAYS
from tests.survival import checks_intervals
from tests.validation.check import Real
from tests.validation.survival import CHECKS

HEAD = """# Validation of survival, file by file

Made by `make validation` from the checks that the test suite asserts: each line is a comparison of
this program with the results of another, or with a plain loop over cases and days. A difference is
the largest absolute one over its rows; a check whose difference exceeds its tolerance fails the
tests. Where a program has a convention of its own it was replayed, so that the cause of the
difference is shown and not supposed: the last lines, whose call is a replay in `tests/reference/`.

The data behind the files are real and not in the repository; without them these tests skip.

| reference | what | rows | largest difference | tolerance | cause | call |
|---|---|---:|---:|---:|---|---|
"""


def main(path):
    """Run every check and write the page."""
    real = Real()
    checks = [check for made in (*CHECKS, *REPLAYS, *checks_intervals.CHECKS) for check in made(real)]
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
    Path(path).write_text(HEAD + "\n".join(lines) + "\n" + foot, encoding="utf-8")
    print(foot.strip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
