"""Instructions per case of the follow-up kernel, counted by valgrind.

A process runs the kernel once, another many times more: the difference is the kernel, whatever
the interpreter and the imports cost. The count is of code compiled for a processor that valgrind
knows, so that it is the same on every machine of that kind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile

from benchmarks import cohorts

CASES = 20_000
RUNS = 50
SETTING = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx2,+fma",
    "POLARS_MAX_THREADS": "1",  # waiting threads count instructions too
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}


def main() -> None:
    """Print instructions per case, for net survival alone and for all estimators."""
    if shutil.which("valgrind") is None:
        print("instructions per case: not counted, valgrind is absent")
        return
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, **SETTING, "NUMBA_CACHE_DIR": cache}
        for said, methods in (
            ("pohar-perme", ["pohar-perme"]),
            ("all four", ["pohar-perme", "ederer2", "ederer1", "hakulinen"]),
        ):
            command = [sys.executable, "-m", "benchmarks.instructions", *methods]
            subprocess.run([*command, "1"], check=True, env=environment)  # compile, outside
            once, often = (_count([*command, str(n)], environment) for n in (1, RUNS + 1))
            print(f"kernel, {said}: {(often - once) / RUNS / CASES:,.0f} instructions per case")


def _count(command: list[str], environment: dict[str, str]) -> int:
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [*valgrind, *command], check=True, env=environment, capture_output=True, text=True
    )
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


def run(methods: list[str], times: int) -> None:
    """Run the kernel so many times over one block of cases."""
    from rarecare import LifeTable  # noqa: PLC0415
    from rarecare.survival import survival_plan  # noqa: PLC0415
    from rarecare.tally import follow_up, records  # noqa: PLC0415

    life_table = LifeTable.read(cohorts.LIFE_TABLE)
    plan = survival_plan(
        at=[10], methods=methods, life_table=life_table.hash, closing_date="2012-12-31"
    )  # type: ignore[arg-type]
    cases = cohorts.survival_cases(CASES)
    fields, ages, weights = follow_up._fields(cases, plan, life_table)
    words, layout = records.pack(fields)
    from rarecare.tally.blocks import Records  # noqa: PLC0415

    packed = Records(words, (layout.word, layout.shift, layout.mask, layout.base))
    context = follow_up._context(life_table, plan, ages, weights)
    for _ in range(times):
        follow_up._sum_blocks(packed, [(0, CASES)], context)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        run(sys.argv[1:-1], int(sys.argv[-1]))
