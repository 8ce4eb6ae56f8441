"""The database by its address: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rarecare.errors import UsageError

ALLOWED = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE"


def database(url: str) -> dict[str, Any]:
    """Return Django's settings of a database.

    Raises
    ------
    UsageError
        The address is of neither kind.

    Examples
    --------
    >>> database("postgresql://reader:a%40b@db.example:5433/rarecare?sslmode=require")["PASSWORD"]
    'a@b'
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and parts.path.strip("/"):
        # sqlite:///relative.db and sqlite:////absolute.db
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(unquote(parts.path[1:])),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    if parts.scheme in ("postgres", "postgresql") and parts.path.strip("/"):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "OPTIONS": dict(parse_qsl(parts.query)),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    # the address may hold a password: only its kind is shown
    raise UsageError(
        "the database's address is not understood", value=parts.scheme or "", allowed=ALLOWED
    )
