"""Accounts: an e-mail address, a name, and roles by group."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rarecare.portal.accounts.roles import STAFF, Role


class AccountManager(BaseUserManager["Account"]):
    """Makes accounts."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Account:
        """Return a new account; without a password it cannot sign in by one."""
        account = self.model(email=self.normalize_email(email).lower(), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Account:
        """Return an administrator made at the console, whose address needs no confirmation."""
        from allauth.account.models import EmailAddress  # noqa: PLC0415 - not before the models

        account = self.create_user(email, password, is_superuser=True, **fields)
        EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
        return account

    def get_by_natural_key(self, username: str | None) -> Account:
        """Return the account of an address, in whatever case it is written."""
        return self.get(email__iexact=username)


class Account(AbstractBaseUser, PermissionsMixin):
    """Someone who can sign in. What they may do depends on their groups (``roles``) alone.

    Attributes
    ----------
    email, name
        The address signs in and is never shown; the name is shown with what they publish.
    affiliation
        What they say they belong to; an administrator makes it a membership.
    """

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    affiliation = models.CharField(_("organisation"), max_length=200, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    date_joined = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        """Words for people."""

        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        permissions = (("use_admin", _("Use the admin site")),)

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """Return the name."""
        return self.name

    def get_short_name(self) -> str:
        """Return the name."""
        return self.name

    @cached_property
    def roles(self) -> frozenset[Role]:
        """Roles held, by group; a superuser is an administrator."""
        known = {role.value for role in Role}
        held = {Role(name) for name in self.groups.values_list("name", flat=True) if name in known}
        return frozenset(held | ({Role.ADMINISTRATOR} if self.is_superuser else set()))

    @property
    def is_staff(self) -> bool:
        """Whether the admin site is open to them."""
        return self.is_active and bool(self.roles & STAFF)

    @property
    def needs_second_factor(self) -> bool:
        """Whether they may act only after signing in with a second factor."""
        return bool(self.roles & STAFF)
