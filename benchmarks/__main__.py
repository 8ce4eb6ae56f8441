"""Run the measurements and print them beside their targets."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from benchmarks import beside_r
from benchmarks.measurements import MEASUREMENTS, SHARED


def machine() -> str:
    """Return processor, cores and memory."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"


def main(names: list[str]) -> None:
    """Print one line per measurement; missed targets are said, not hidden."""
    print(machine())
    print(f"{'':58} {'s':>8} {'target':>7} {'GB':>6} {'target':>7}")
    for name, (run, seconds, gigabytes) in MEASUREMENTS.items():
        if names and name not in names:
            continue
        if name == "command_line" and not SHARED.is_dir():
            print(f"{name}: not run, the real data are absent (set RARECARE_SHARED)")
            continue
        command = [sys.executable, "-m", "benchmarks.measurements", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        said = (run.__doc__ or name).strip().rstrip(".")
        print(
            f"{said:58} {found['seconds']:8.3f} {seconds or '':>7} "
            f"{found['gigabytes']:6.2f} {gigabytes or '':>7}",
            flush=True,
        )
    if not names or "beside_r" in names:
        beside_r.main()


if __name__ == "__main__":
    main(sys.argv[1:])
