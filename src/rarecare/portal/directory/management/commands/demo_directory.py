"""Fill the directory with invented organisations, over a synthetic release only."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from rarecare.portal.directory.demo import write_demo_directory
from rarecare.portal.releases import store


class Command(BaseCommand):
    """``python -m rarecare.portal demo_directory``."""

    help = "Fill the directory with invented organisations, over a synthetic release only."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it, unless it is there."""
        if not store().current().synthetic:
            raise CommandError("The release is of real data: nothing invented is shown beside it.")
        made = write_demo_directory(timezone.localdate())
        self.stdout.write("invented directory written" if made else "it is there already")
