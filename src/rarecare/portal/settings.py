"""Settings of the portal: everything that differs between places comes from the environment.

==========================  ===================================================================
``RARECARE_RELEASE``        The release: its folder, a link to it, or a text file that names it.
``RARECARE_DATA``           Folder of what the portal writes: database, secret, uploads.
``DATABASE_URL``            ``sqlite:///FILE`` (default, in the folder above) or
                            ``postgresql://USER:PASSWORD@HOST:PORT/NAME``.
``SECRET_KEY``              Signs sessions; ``rarecare serve`` makes and keeps one.
``DEBUG``                   ``1`` on a developer's machine; off by default.
``RARECARE_HOSTS``          Host names the portal answers to, by commas.
``RARECARE_HTTPS``          ``0`` where it is reached without TLS, on the loopback; on by default.
==========================  ===================================================================
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from rarecare.portal.database_url import database
from rarecare.portal.languages import FALLBACK
from rarecare.portal.languages import LANGUAGES as _LANGUAGES
from rarecare.portal.settings_accounts import *  # noqa: F403
from rarecare.portal.settings_accounts import ACCOUNT_APPS

HERE = Path(__file__).resolve().parent


def _on(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, "1" if default else "0")
    if value not in ("0", "1"):
        raise ImproperlyConfigured(f"{name} is {value!r}; allowed: 0, 1.")
    return value == "1"


DEBUG = _on("DEBUG", default=False)
HTTPS = _on("RARECARE_HTTPS", default=not DEBUG)
RELEASE = os.environ.get("RARECARE_RELEASE", "")
DATA = Path(os.environ.get("RARECARE_DATA", "rarecare-portal")).absolute()

SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is not set. Start the portal with rarecare serve.")
    SECRET_KEY = "not-secret-" + "development" * 5
ALLOWED_HOSTS = os.environ.get("RARECARE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

# --- what the site is made of -----------------------------------------------------------------

INSTALLED_APPS = [
    "rarecare.portal.apps.PortalConfig",
    "rarecare.portal.estimates",
    "rarecare.portal.comparing",
    *ACCOUNT_APPS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "rarecare.portal.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "rarecare.portal.accounts.middleware.Access",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "rarecare.portal.middleware.ChosenReader",
    "rarecare.portal.middleware.WordsForErrors",
]

ROOT_URLCONF = "rarecare.portal.urls"
WSGI_APPLICATION = "rarecare.portal.wsgi.application"
APPEND_SLASH = True

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "rarecare.portal.context.portal",
            ],
            "builtins": ["django.templatetags.i18n", "rarecare.portal.templatetags.words"],
        },
    },
]

NINJA_NUM_PROXIES = 1 if HTTPS else 0
"""Whose address counts for the interface's limit: behind TLS the one that the proxy saw."""

# --- database, files --------------------------------------------------------------------------

DATABASES = {"default": database(os.environ.get("DATABASE_URL") or f"sqlite:///{DATA}/portal.db")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATICFILES_DIRS = [("portal", str(HERE.parent / "look" / "files"))]
"""Colours and fonts that reports have too."""
MEDIA_ROOT = DATA / "uploads"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600

# --- languages --------------------------------------------------------------------------------

LANGUAGE_CODE = FALLBACK
LANGUAGES = list(_LANGUAGES)
LOCALE_PATHS = [HERE / "locale"]
FORMAT_MODULE_PATH = "rarecare.portal.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- security ---------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "rarecare.portal.errors.forbidden_form"

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""No inline script or style and no eval. A view may narrow it; none may widen it."""

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "rarecare": {"level": "INFO"},
        "gunicorn.http.wsgi": {"level": "ERROR"},  # it warns of each HEAD
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
    },
}
