"""Tables, as Django writes them."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueReview",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("nl", "Nederlands"),
                            ("sl", "Slovenščina"),
                            ("bg", "Български"),
                        ],
                        max_length=5,
                        verbose_name="language",
                    ),
                ),
                ("reviewer_name", models.CharField(max_length=120, verbose_name="read by")),
                ("organisation", models.CharField(max_length=200, verbose_name="organisation")),
                ("reviewed", models.DateField(verbose_name="read on")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                (
                    "digest",
                    models.CharField(
                        editable=False, max_length=64, verbose_name="hash of the texts"
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "review of a language",
                "verbose_name_plural": "reviews of languages",
                "ordering": ("language", "-reviewed"),
            },
        ),
        migrations.CreateModel(
            name="Page",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("diagnosis", "diagnosis"),
                            ("management", "management"),
                            ("material", "information for patients"),
                            ("glossary", "word of the glossary"),
                        ],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("subject", models.CharField(max_length=60, verbose_name="subject")),
                (
                    "audience",
                    models.CharField(
                        choices=[
                            ("all", "everyone"),
                            ("patient", "patients"),
                            ("gp", "family doctors"),
                            ("oncologist", "oncologists"),
                            ("researcher", "researchers"),
                            ("authority", "health authorities"),
                        ],
                        default="all",
                        max_length=12,
                        verbose_name="for",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[
                            ("en", "English"),
                            ("it", "Italiano"),
                            ("fr", "Français"),
                            ("de", "Deutsch"),
                            ("es", "Español"),
                            ("nl", "Nederlands"),
                            ("sl", "Slovenščina"),
                            ("bg", "Български"),
                        ],
                        max_length=5,
                        verbose_name="language",
                    ),
                ),
            ],
            options={
                "verbose_name": "page",
                "verbose_name_plural": "pages",
                "ordering": ("kind", "subject", "audience", "language"),
                "permissions": (
                    ("write", "Write versions of pages"),
                    ("approve", "Review versions of pages"),
                ),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "subject", "audience", "language"),
                        name="one_page_of_a_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Version",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(editable=False, verbose_name="version")),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                (
                    "text",
                    models.TextField(
                        validators=[django.core.validators.MinLengthValidator(20)],
                        verbose_name="text",
                    ),
                ),
                ("sources", models.TextField(blank=True, verbose_name="sources, one on each line")),
                (
                    "author_name",
                    models.CharField(editable=False, max_length=120, verbose_name="author"),
                ),
                ("written", models.DateField(editable=False, verbose_name="written")),
                (
                    "reviewer_name",
                    models.CharField(
                        blank=True, editable=False, max_length=200, verbose_name="reviewer"
                    ),
                ),
                ("reviewed", models.DateField(editable=False, null=True, verbose_name="reviewed")),
                (
                    "review_due",
                    models.DateField(
                        editable=False, null=True, verbose_name="to be reviewed again by"
                    ),
                ),
                ("published", models.BooleanField(default=False, verbose_name="published")),
                (
                    "author",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="written",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="knowledge.page",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="reviewed_versions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "version of a page",
                "verbose_name_plural": "versions of pages",
                "ordering": ("page", "-number"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("page", "number"), name="one_version_per_number"
                    )
                ],
            },
        ),
    ]
