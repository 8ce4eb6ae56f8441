"""The portal on a release."""

from __future__ import annotations

from pathlib import Path


def serve(
    release: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 2,
    data: Path = Path("rarecare-portal"),
) -> None:
    """Open the portal on a release.

    Parameters
    ----------
    release
        A release's folder, a link to one, or a text file that names one. When it changes, the
        portal changes over without a stop.
    host
        Where to listen.
    port
        Where to listen.
    workers
        Processes.
    data
        Folder of the portal's database and secret; DATABASE_URL takes another database.
    """
    from rarecare.portal.serve import serve as open_portal  # noqa: PLC0415

    open_portal(release, host=host, port=port, workers=workers, data=data)
