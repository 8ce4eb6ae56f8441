"""English days: 18 June 2026."""

from __future__ import annotations

DATE_FORMAT = "j F Y"
