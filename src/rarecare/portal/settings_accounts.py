"""Settings of accounts: passwords, second factors, sign-in elsewhere, limits on trying.

================================  =============================================================
``RARECARE_SIGNUP``               ``1``: anyone may open an account (without a role); else only
                                  administrators do.
``RARECARE_EMAIL``                ``smtp://USER:PASSWORD@HOST:PORT`` (STARTTLS) or ``smtps://…``
                                  for messages; without it they are printed.
``RARECARE_EMAIL_FROM``           Sender of messages.
``RARECARE_PROXIES``              How many proxies of one's own stand before the portal; default 0.
``RARECARE_OIDC``                 JSON list of OpenID Connect providers: ``provider_id``, ``name``,
                                  ``client_id``, ``secret``, ``settings`` with ``server_url``.
================================  =============================================================
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ACCOUNT_APPS = [
    "rarecare.portal.accounts",
    "rarecare.portal.audit",
    "rarecare.portal.consensus",
    "rarecare.portal.directory",
    "rarecare.portal.knowledge",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
]

AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ("email", "name")}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]  # fmt: skip
SESSION_COOKIE_AGE = 12 * 3600
PASSWORD_RESET_TIMEOUT = 3600

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "workplace"
ACCOUNT_ADAPTER = "rarecare.portal.accounts.adapters.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "rarecare.portal.accounts.forms.SignupForm"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "login": "30/m/ip"}

MFA_ADAPTER = "rarecare.portal.accounts.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Rarecare"
MFA_TOTP_TOLERANCE = 1
"""Steps of 30 s that a clock may be off, as RFC 6238, section 5.2, allows."""

SOCIALACCOUNT_ADAPTER = "rarecare.portal.accounts.adapters.ElsewhereAdapter"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False

ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("RARECARE_PROXIES", "0"))
"""Proxies whose word on the address of a visitor is taken, for the limits on trying."""

SIGNUP_OPEN = os.environ.get("RARECARE_SIGNUP", "0") == "1"


def providers(text: str) -> list[dict[str, Any]]:
    """Return the OpenID Connect providers of a JSON text.

    Raises
    ------
    ImproperlyConfigured
        It is not JSON, not a list of providers, or one is not reached by https.
    """
    if not text:
        return []
    try:
        apps = json.loads(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"RARECARE_OIDC is not JSON ({error}).") from None
    needed = {"provider_id", "name", "client_id", "secret", "settings"}
    for app in apps if isinstance(apps, list) else [None]:
        if not isinstance(app, dict) or set(app) != needed:
            raise ImproperlyConfigured(
                f"RARECARE_OIDC is a list of providers, each with {', '.join(sorted(needed))}."
            )
        if not str(app["settings"].get("server_url", "")).startswith("https://"):
            raise ImproperlyConfigured(
                f"RARECARE_OIDC: the server_url of {app['provider_id']!r} must begin with https://."
            )
    return list(apps)


SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": providers(os.environ.get("RARECARE_OIDC", "")),
    }
}


_MAIL = urlsplit(os.environ.get("RARECARE_EMAIL", ""))
if _MAIL.scheme not in ("", "smtp", "smtps") or bool(_MAIL.scheme) != bool(_MAIL.hostname):
    raise ImproperlyConfigured("RARECARE_EMAIL is not smtp://USER:PASSWORD@HOST:PORT.")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _MAIL.scheme else 'console'}.EmailBackend"
EMAIL_HOST = _MAIL.hostname or "localhost"
EMAIL_PORT = _MAIL.port or 587
EMAIL_HOST_USER = unquote(_MAIL.username or "")
EMAIL_HOST_PASSWORD = unquote(_MAIL.password or "")
EMAIL_USE_TLS = _MAIL.scheme == "smtp"
EMAIL_USE_SSL = _MAIL.scheme == "smtps"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("RARECARE_EMAIL_FROM", "rarecare@localhost")

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_tries",
    },
    "template_fragments": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
"""Limits on trying are counted in the database: in one worker's memory they would not hold.

Parts of pages that are the same on many, by release and language, are in each worker's memory.
"""
