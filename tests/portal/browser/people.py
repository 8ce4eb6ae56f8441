"""Accounts that can sign in, made in the served portal's own database: ``python -m`` this.

All are invented. The organisations are those of the invented directory.
"""

import django

PASSWORD = "a long invented password"
PEOPLE = {
    "friend": ("patient organisation", "example-sarcoma-friends"),
    "first": ("reviewer", "example-society"),
    "second": ("reviewer", "example-authority"),
    "editor": ("editor", None),
}
"""Role and organisation by the name before ``@example.org``."""


def write_people():
    """Make the accounts, each with an address that counts as confirmed."""
    from allauth.account.models import EmailAddress  # noqa: PLC0415 - after Django's start
    from django.contrib.auth.models import Group  # noqa: PLC0415

    from rarecare.portal.accounts.models import Account  # noqa: PLC0415
    from rarecare.portal.directory.models import Membership, Organisation  # noqa: PLC0415

    for name, (role, slug) in PEOPLE.items():
        made = Account.objects.create_user(
            f"{name}@example.org", PASSWORD, name=f"{name.title()} (invented)"
        )
        made.groups.set(Group.objects.filter(name=role))
        EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
        if slug:
            Membership.objects.create(
                account=made, organisation=Organisation.objects.get(slug=slug)
            )


if __name__ == "__main__":
    django.setup()
    write_people()
