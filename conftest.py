"""Settings of the portal, before any test or doctest imports it."""

import os
import tempfile


def pytest_configure():
    """Set what the settings ask for, and open Django."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="rarecare.portal.settings",
        SECRET_KEY="of-the-tests-" + "x" * 50,
        DEBUG="0",
        RARECARE_HTTPS="0",
        RARECARE_DATA=os.path.join(tempfile.gettempdir(), "rarecare-tests"),  # noqa: PTH118
    )
    try:
        import django  # noqa: PLC0415
    except ModuleNotFoundError:  # the portal's packages are optional
        return
    django.setup()
