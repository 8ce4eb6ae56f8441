"""Django's own commands on the portal: ``python -m rarecare.portal check --deploy``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rarecare.portal.settings")
    kept = Path(os.environ.get("RARECARE_DATA", "rarecare-portal")) / "secret_key"
    if "SECRET_KEY" not in os.environ and kept.is_file():  # made by rarecare serve
        os.environ["SECRET_KEY"] = kept.read_text(encoding="ascii").strip()
    execute_from_command_line(["python -m rarecare.portal", *sys.argv[1:]])
