"""Where Chromium is, how it is started, and how long to look at a page."""

PLACES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def look_through(page):
    """Scroll to the end, so that what is drawn when it is seen is drawn."""
    page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 600) {"
        " scrollTo(0, y); await new Promise(requestAnimationFrame) } scrollTo(0, 0) }"
    )
    # (the page's own policy refuses Playwright's wait_for_function: it evaluates text)
    while not page.evaluate(
        "[...document.querySelectorAll('.drawn img')].every((one) => one.complete)"
    ):
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
