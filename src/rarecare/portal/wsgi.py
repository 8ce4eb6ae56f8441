"""The portal for a WSGI server; a release that is named is opened, and checked, at once."""

from __future__ import annotations

import gc
import os
from threading import Thread

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rarecare.portal.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - Django comes first

from rarecare.portal.estimates.search import index_of  # noqa: E402
from rarecare.portal.releases import store  # noqa: E402

if settings.RELEASE:
    # the names are made ready beside the first pages: a search waits for them, no page does
    Thread(target=index_of, args=(store().current(),), daemon=True).start()
    gc.freeze()  # what is open stays: no page waits while the collector looks through it
