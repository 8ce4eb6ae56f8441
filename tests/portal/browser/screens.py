"""Pictures of each type of page for the documents: ``python -m`` this, with a portal's address.

rarecare serve RELEASE &
python -m tests.portal.browser.screens http://127.0.0.1:8000 docs/images/portal
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.portal.browser.page_types import CANCER, PUBLIC
from tests.portal.browser.waiting import ARGUMENTS, PLACES, look_through

WIDTHS = {"desk": (1280, 1500), "phone": (390, 1700)}
"""Width, and height at most, in pixels."""
DARK = ("sheet-patient", "compare-countries")
LEFT_OUT = {
    "not-found", "interface", "names", "quality-cancer", "decisions", "search-near",
    "sheet-few-cases", "sheet-uncertain", "country-family", "centres-near", "organisation",
    "forgotten", "refused", "query", "countries",
}  # fmt: skip


def main(address, folder):
    """Write a WebP of each page at each width; two are shown dark too."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    browser_path = next(found for name in PLACES if (found := shutil.which(name)))
    wanted = [(name, width, "light") for name in PUBLIC for width in WIDTHS if name not in LEFT_OUT]
    wanted += [(name, "phone", "dark") for name in DARK]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
        for name, kind, scheme in wanted:
            width, most = WIDTHS[kind]
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=address
            )
            page.goto(f"/en/{PUBLIC[name]}", wait_until="networkidle")
            page.reload()  # a page seen for the first time does not wait for its fonts
            look_through(page)
            high = min(most, page.evaluate("document.documentElement.scrollHeight"))
            whole = Path(place) / "page.png"
            page.set_viewport_size({"width": width, "height": high})
            page.screenshot(path=whole)
            page.close()
            dark = "-dark" if scheme == "dark" else ""
            subprocess.run(
                ["convert", whole, "-quality", "45", folder / f"{name}-{kind}{dark}.webp"],
                check=True,
            )
        browser.close()
    print(f"{len(wanted)} pictures of {CANCER} and others in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
