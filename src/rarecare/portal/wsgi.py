"""The portal for a WSGI server; it does not start without a whole release."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rarecare.portal.settings")
application = get_wsgi_application()

from rarecare.portal.releases import store  # noqa: E402 - settings come first

store().current()
