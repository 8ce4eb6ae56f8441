"""Open the portal: everything made ready, then gunicorn in front of it."""

from __future__ import annotations

import os
import secrets
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from rarecare.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

_MEMORY = "/dev/shm"  # nosec B108 - gunicorn makes a file of its own in it, already removed
_HALF_MINUTE = 30


def serve(
    release: str | Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 2,
    data: str | Path = "rarecare-portal",
) -> None:
    """Open the portal on a release and stay until stopped.

    The database is made or brought up to date first. The release is checked whole: a broken
    one is refused before anything is opened. Of one that is new its drawings are measured, which
    takes some seconds.

    Parameters
    ----------
    release
        A release's folder, a link to one, or a text file that names one.
    host, port
        Where to listen. On the loopback the portal works without TLS; elsewhere it expects a
        proxy that speaks TLS, unless ``RARECARE_HTTPS=0``.
    workers
        Processes.
    data
        Folder of what the portal writes.

    Raises
    ------
    FileError, DisagreementError
        There is no release, or it is broken.
    UsageError
        The port or the number of workers is impossible.
    """
    if not 1 <= port <= 65_535:
        raise UsageError("the port is impossible", value=port, allowed="1 to 65535")
    if workers < 1:
        raise UsageError("there must be a worker", value=workers, allowed="1 or more")
    prepare(release, host=host, data=data)
    from gunicorn.app.base import BaseApplication  # noqa: PLC0415 - only here

    class Portal(BaseApplication):  # type: ignore[misc]
        """Gunicorn with the portal's settings; each worker opens the release itself."""

        def load_config(self) -> None:
            """Set what the command line asked for."""
            for name, value in {
                "bind": f"{f'[{host}]' if ':' in host else host}:{port}",
                "workers": workers,
                "worker_class": "gthread",
                "threads": 4,
                "timeout": _HALF_MINUTE * 2,
                "graceful_timeout": _HALF_MINUTE,
                "keepalive": 5,
                "max_requests_jitter": 0,
                "limit_request_line": 4094,
                "worker_tmp_dir": _MEMORY if Path(_MEMORY).is_dir() else None,
                "control_socket_disable": True,
            }.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> object:
            """Return the application; polars does not survive a fork, so not before it."""
            from rarecare.portal.wsgi import application  # noqa: PLC0415

            return application

    sys.stderr.write(f"The portal is open on http://{host}:{port}/ (stop with Ctrl-C)\n")
    Portal().run()


def prepare(release: str | Path, *, host: str, data: str | Path) -> None:
    """Check the release, set the environment, make the database, measure the drawings.

    Raises
    ------
    FileError, DisagreementError
        There is no release, or it is broken.
    """
    folder = Path(data).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["RARECARE_RELEASE"] = str(Path(release).absolute())
    os.environ["RARECARE_DATA"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rarecare.portal.settings")
    os.environ.setdefault("SECRET_KEY", _secret(folder))
    if _loopback(host):
        os.environ.setdefault("RARECARE_HTTPS", "0")
    import django  # noqa: PLC0415 - only where the portal is used

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    _check(Path(os.environ["RARECARE_RELEASE"]))
    with _apart(2) as pool:
        measured = pool.submit(measure_drawings)
        call_command("migrate", verbosity=0, interactive=False)
        from django.db import connections  # noqa: PLC0415

        connections.close_all()
        pool.submit(fill_demo).result()
        measured.result()


def _apart(processes: int) -> ProcessPoolExecutor:
    """Return processes to take steps in: the workers are forked from this one."""
    import multiprocessing  # noqa: PLC0415
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def fill_demo() -> None:
    """Fill the directory with invented organisations where the release is synthetic."""
    import django  # noqa: PLC0415 - in a process of its own

    django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from rarecare.portal.directory.demo import write_demo_directory  # noqa: PLC0415
    from rarecare.portal.releases import store  # noqa: PLC0415

    if store().current().synthetic:
        write_demo_directory(timezone.localdate())


def measure_drawings() -> None:
    """Measure the drawings of the release once, so that no page waits for it."""
    import django  # noqa: PLC0415 - in a process of its own

    django.setup()
    from rarecare.portal.estimates.sizes import measure  # noqa: PLC0415
    from rarecare.portal.releases import store  # noqa: PLC0415

    measure(store().current())


def _check(pointer: Path) -> None:
    """Open the release once."""
    with _apart(1) as pool:
        problem = pool.submit(problem_of, str(pointer)).result()
    if problem is not None:
        from rarecare.errors import FileError  # noqa: PLC0415

        raise FileError(f"the release is refused: {problem}", file=pointer.name)


def problem_of(pointer: str) -> str | None:
    """Return why a release cannot be opened, or None."""
    from rarecare.errors import RarecareError  # noqa: PLC0415
    from rarecare.portal.releases import ReleaseStore  # noqa: PLC0415

    try:
        ReleaseStore(Path(pointer)).current()
    except (RarecareError, OSError) as error:
        return str(error)
    return None


def _secret(folder: Path) -> str:
    """Return the key that signs sessions: made once, readable by its owner alone."""
    path = folder / "secret_key"
    if not path.is_file():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text(encoding="ascii").strip()


def _loopback(host: str) -> bool:
    """Return whether a host is this machine alone.

    >>> _loopback("127.0.0.1"), _loopback("localhost"), _loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
