"""The portal under load: ``python -m benchmarks.portal [RELEASE] [--database URL]``.

``rarecare serve`` with two workers on the loopback; eight clients, each on one connection that
stays open, ask for sheets spread uniformly over entities, readers and languages. First no page
was shown before (cold), then each was (warm), then a new release is switched to under the same
load. At the end the weight of the home page, and the time to its first contentful paint in
headless Chromium. Any answer but 200 and any broken connection is an error: nothing is tried
twice. Figures are printed beside their bounds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from itertools import product
from pathlib import Path
from urllib.request import urlopen

CLIENTS, SECONDS, WARM_PAGES, WORKERS, SEED = 8, 60.0, 1500, 2, 2026
READERS = ("patient", "gp", "oncologist", "researcher", "authority")
LANGUAGES = ("en", "it", "fr", "de", "es", "nl", "sl", "bg")
PATIENCE = 180
PAINTED = "performance.getEntriesByName('first-contentful-paint').at(0)?.startTime ?? null"


def pages_of(release: Path) -> list[str]:
    """Return the sheet of every entity for each reader in each language, in random order."""
    import polars as pl  # noqa: PLC0415

    from rarecare.portal.opened import slug  # noqa: PLC0415

    rows = pl.read_parquet(release / "entities.parquet").iter_rows(named=True)
    slugs = [f"{row['entity_id']}-{slug(row['name'])}" for row in rows]
    pages = [
        f"/{language}/cancers/{one}/?for={reader}"
        for one, reader, language in product(slugs, READERS, LANGUAGES)
    ]
    random.Random(SEED).shuffle(pages)
    return pages


class Load:
    """Clients that ask for one page after another, and what they got.

    Attributes
    ----------
    taken
        Seconds of each answer.
    failed
        What went wrong.
    """

    def __init__(self, port: int, pages: Iterable[str]) -> None:
        self.port, self.pages = port, iter(pages)
        self.taken: list[float] = []
        self.failed: list[str] = []
        self._lock = threading.Lock()

    def run(self, seconds: float, *, clients: int = CLIENTS) -> float:
        """Ask for so long, or until there are no more pages; return the seconds it took."""
        start = time.monotonic()
        every = [
            threading.Thread(target=self._client, args=(start + seconds,)) for _ in range(clients)
        ]
        for one in every:
            one.start()
        for one in every:
            one.join()
        return time.monotonic() - start

    def _client(self, end: float) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while time.monotonic() < end:
            with self._lock:
                page = next(self.pages, None)
            if page is None:
                break
            start = time.perf_counter()
            try:
                connection.request("GET", page, headers={"Accept-Encoding": "gzip"})
                answer = connection.getresponse()
                body = answer.read()
                problem = "" if answer.status == 200 and body else f"{answer.status}"
            except (OSError, HTTPException) as error:
                problem = repr(error)
                connection.close()
            with self._lock:
                self.taken.append(time.perf_counter() - start)
                if problem:
                    self.failed.append(f"{problem} {page}")
        connection.close()


def forever(pages: list[str]) -> Iterator[str]:
    """Yield pages drawn uniformly, without end."""
    draw = random.Random(SEED + 1)
    while True:
        yield draw.choice(pages)


@contextmanager
def serving(pointer: Path, folder: Path, database: str) -> Iterator[int]:
    """Start ``rarecare serve``; give its port; stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = os.environ | {"RARECARE_HTTPS": "0"}
    if database:
        environment["DATABASE_URL"] = database
    command = [sys.executable, "-m", "rarecare", "serve", str(pointer), "--port", str(port),
               "--workers", str(WORKERS), "--data", str(folder)]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                shown(port)
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.2)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE)


def shown(port: int) -> str:
    """Return the name of the release that is open."""
    with urlopen(f"http://127.0.0.1:{port}/health/", timeout=30) as answer:
        return str(json.load(answer)["release"])


def row(name: str, load: Load, seconds: float, *, p95: float, rate: float | None) -> None:
    """Print what a run of the load found beside its bounds."""
    cuts = statistics.quantiles(load.taken, n=100)
    bound = f"{rate:.0f} or more" if rate else ""
    print(f"| {name} | {len(load.taken):,} | {len(load.taken) / seconds:.0f} | {bound} | "
          f"{1e3 * cuts[49]:.0f} | {1e3 * cuts[94]:.0f} | {1e3 * p95:.0f} | "
          f"{1e3 * cuts[98]:.0f} | {len(load.failed)} |", flush=True)  # fmt: skip
    for problem in load.failed[:5]:
        print(f"    {problem}")


def switched(release: Path, folder: Path) -> Path:
    """Copy a release under another name of its study: a new release."""
    copy = shutil.copytree(release, folder / "second")
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["study"]["name"] += " again"
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return copy


def turn(pointer: Path, release: Path) -> None:
    """Switch to a release in one step."""
    new = pointer.with_name("next")
    new.write_text(str(release), encoding="utf-8")
    new.replace(pointer)


def home(port: int) -> None:
    """Print the weight of the home page and the time to its first contentful paint."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    path = shutil.which("chromium") or shutil.which("google-chrome")
    paints, weights = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        for _ in range(6):  # each with empty caches; the first is not counted
            page = browser.new_page(viewport={"width": 390, "height": 844})
            loaded: list[int] = []
            page.on("requestfinished", lambda one, found=loaded: found.append(
                one.sizes()["responseBodySize"]))  # fmt: skip
            page.goto(f"http://127.0.0.1:{port}/en/", wait_until="networkidle")
            while (painted := page.evaluate(PAINTED)) is None:
                page.wait_for_timeout(50)
            paints.append(painted)
            weights.append(sum(loaded))
            page.close()
        browser.close()
    middle, most = statistics.median(paints[1:]), max(paints[1:])
    print(f"home page: {max(weights) / 1000:.0f} kB (bound 300)")
    print(f"first contentful paint: {middle:.0f} ms, at most {most:.0f} (bound 1000)")


def measure(release: Path, database: str, seconds: float) -> None:
    """Run the whole benchmark on a release."""
    pages = pages_of(release)
    print(f"{len(pages):,} sheets; load of the machine {os.getloadavg()[0]:.1f}")
    print("| | requests | a second | bound | p50 ms | p95 ms | bound | p99 ms | errors |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "data").mkdir()
        pointer = folder / "current"
        turn(pointer, release)
        second = switched(release, folder)
        with serving(pointer, folder / "data", database) as port:
            cold = Load(port, pages)
            row("cold: no page was shown before", cold, cold.run(seconds), p95=0.4, rate=None)
            some = pages[:WARM_PAGES]
            for _ in range(3):  # each worker keeps its own pages
                Load(port, some).run(600)
            warm = Load(port, forever(some))
            row("warm: each page was shown before", warm, warm.run(seconds), p95=0.2, rate=150)
            first = shown(port)
            load = Load(port, forever(some))
            threading.Timer(seconds / 3, turn, (pointer, second)).start()
            row("a release switched under load", load, load.run(seconds), p95=0.4, rate=None)
            print(f"{first} before, {shown(port)} after")
            home(port)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("release", type=Path, nargs="?")
    parser.add_argument("--database", default="", help="DATABASE_URL; SQLite without it")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    if given.release is not None:
        measure(given.release.absolute(), given.database, given.seconds)
        return
    from rarecare.demo import write_demo  # noqa: PLC0415
    from rarecare.study import run_study  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as place:
        made = write_demo(Path(place) / "data", cases=200_000, seed=1)
        run_study(made / "study.toml", Path(place) / "release")
        measure(Path(place) / "release", given.database, given.seconds)


if __name__ == "__main__":
    main()
