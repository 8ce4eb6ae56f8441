"""Django's own commands on the portal: ``python -m rarecare.portal check --deploy``."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rarecare.portal.settings")
    execute_from_command_line(["python -m rarecare.portal", *sys.argv[1:]])
