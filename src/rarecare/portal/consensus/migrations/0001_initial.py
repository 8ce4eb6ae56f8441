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
            name="CriteriaVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("set_id", models.CharField(max_length=80, verbose_name="criteria")),
                ("version", models.CharField(max_length=40, verbose_name="version")),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                (
                    "status",
                    models.CharField(
                        choices=[("proposed", "proposed"), ("agreed", "agreed")],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("published", models.DateField(null=True, verbose_name="published")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("text", models.TextField(verbose_name="text")),
            ],
            options={
                "verbose_name": "version of criteria",
                "verbose_name_plural": "versions of criteria",
                "ordering": ("set_id", "status", "published", "version"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("set_id", "version"), name="one_text_per_version"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Consensus",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(unique=True, verbose_name="address")),
                ("title", models.CharField(max_length=200, verbose_name="title")),
                (
                    "share",
                    models.FloatField(
                        blank=True,
                        help_text="Leave blank for the RAND/UCLA rule: median from 7 to 9 without disagreement.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="share that agrees, in percent",
                    ),
                ),
                (
                    "smallest_group",
                    models.PositiveSmallIntegerField(
                        default=5,
                        validators=[django.core.validators.MinValueValidator(5)],
                        verbose_name="smallest group shown",
                    ),
                ),
                ("text", models.TextField(blank=True, editable=False)),
                (
                    "invented",
                    models.BooleanField(default=False, editable=False, verbose_name="invented"),
                ),
                (
                    "proposed",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="put_to",
                        to="consensus.criteriaversion",
                        verbose_name="proposed version",
                    ),
                ),
                (
                    "result",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="agreed_by",
                        to="consensus.criteriaversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "consensus",
                "verbose_name_plural": "consensuses",
                "ordering": ("title",),
                "permissions": (
                    ("conduct", "Open and close rounds, publish what was agreed"),
                    ("rate", "Rate criteria when invited"),
                ),
            },
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("scientific society", "scientific society"),
                            ("patient organisation", "patient organisation"),
                            ("centre", "centre"),
                            ("health authority", "health authority"),
                        ],
                        max_length=30,
                        verbose_name="asked as",
                    ),
                ),
                (
                    "organisation",
                    models.CharField(blank=True, max_length=200, verbose_name="organisation"),
                ),
                ("invited", models.DateField(verbose_name="invited")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                (
                    "consensus",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participants",
                        to="consensus.consensus",
                    ),
                ),
            ],
            options={
                "verbose_name": "participant",
                "verbose_name_plural": "participants",
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="Round",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "number",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="number",
                    ),
                ),
                ("opens", models.DateField(verbose_name="opens")),
                ("closes", models.DateField(verbose_name="closes")),
                (
                    "criteria",
                    models.CharField(blank=True, max_length=1000, verbose_name="criteria"),
                ),
                ("closed", models.DateField(editable=False, null=True, verbose_name="closed on")),
                (
                    "consensus",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rounds",
                        to="consensus.consensus",
                    ),
                ),
            ],
            options={
                "verbose_name": "round",
                "verbose_name_plural": "rounds",
                "ordering": ("consensus", "number"),
            },
        ),
        migrations.CreateModel(
            name="Rating",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("criterion", models.CharField(max_length=80, verbose_name="criterion")),
                (
                    "rating",
                    models.PositiveSmallIntegerField(
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(9),
                        ],
                        verbose_name="rating",
                    ),
                ),
                ("comment", models.TextField(blank=True, max_length=2000, verbose_name="comment")),
                (
                    "participant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ratings",
                        to="consensus.participant",
                    ),
                ),
                (
                    "round",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ratings",
                        to="consensus.round",
                    ),
                ),
            ],
            options={
                "verbose_name": "rating",
                "verbose_name_plural": "ratings",
            },
        ),
        migrations.AddConstraint(
            model_name="participant",
            constraint=models.UniqueConstraint(
                fields=("consensus", "account"), name="invited_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="round",
            constraint=models.UniqueConstraint(
                fields=("consensus", "number"), name="one_round_per_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="rating",
            constraint=models.UniqueConstraint(
                fields=("participant", "round", "criterion"), name="rated_once_per_round"
            ),
        ),
        migrations.AddConstraint(
            model_name="rating",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rating__isnull", True),
                    models.Q(("rating__gte", 1), ("rating__lte", 9)),
                    _connector="OR",
                ),
                name="rating_from_1_to_9",
            ),
        ),
    ]
